"""What the columns of a table mean: recognised by their headings, and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

HOST, PORT, OWNER, TEAM, APPLICATION = "host", "port", "owner", "team", "application"
ENVIRONMENT, CRITICALITY, EXPIRY, NOTES = "environment", "criticality", "expiry", "notes"
TAGS, CERTIFICATE, SERIAL = "tags", "certificate", "serial"
# In the order in which people are asked.
FIELDS = (
    HOST, PORT, OWNER, TEAM, APPLICATION, ENVIRONMENT, CRITICALITY, EXPIRY, NOTES, TAGS, CERTIFICATE, SERIAL,
)  # fmt: skip
# One of these must be known, or no row says what it is about.
SUBJECTS = (HOST, CERTIFICATE, SERIAL)

_WORDS: Mapping[str, str] = {
    HOST: "host hostname fqdn dns dnsname servername server name url website domain domainname ip ipaddress address "
    "commonname cn issuedcn issuedcommonname subjectcn node endpoint system rechner hostnamefqdn serveradresse",
    PORT: "port tcpport serviceport listenport portnumber",
    OWNER: "owner owneremail email mail contact contactemail responsible responsibleperson requesteremail "
    "owneraddress emailaddress verantwortlich verantwortlicher ansprechpartner eigentuemer",
    TEAM: "team group department ownerteam ownergroup owningteam unit organisationalunit abteilung gruppe",
    APPLICATION: "application app applicationname service servicename product anwendung applikation",
    ENVIRONMENT: "environment env stage tier umgebung",
    CRITICALITY: "criticality critical priority importance businesscriticality kritikalitaet",
    EXPIRY: "expiry expires expirydate expirationdate expiration expiresat expireson validto validuntil validityend "
    "notafter certificateexpirationdate enddate ablaufdatum ablauf gueltigbis",
    NOTES: "notes note comment comments description remark remarks bemerkung bemerkungen notiz kommentar",
    TAGS: "tags tag labels label keywords",
    CERTIFICATE: "certificate pem body cert rawcertificate binarycertificate certificatepem pemcertificate "
    "certificatedata base64certificate certificatebody zertifikat binaereszertifikat",
    SERIAL: "serial serialnumber serialno serialhex certificateserialnumber seriennummer",
}  # fmt: skip
_FIELD_OF = MappingProxyType({word: field for field, words in _WORDS.items() for word in words.split()})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_OTHERS = re.compile(r"[^a-z0-9]+")
# Where several columns could be meant, this one is.
_BEST = {HOST: ("fqdn", "hostname", "host", "servername"), SERIAL: ("serialhex",), CERTIFICATE: ("rawcertificate",)}

# Exports of other products, by headings that only they have: form → (must stand there, what differs from the usual).
_PRODUCTS: tuple[tuple[str, frozenset[str], Mapping[str, str]], ...] = (
    ("lemur", frozenset({"body", "owner", "authority"}), {"body": CERTIFICATE, "name": "", "commonname": HOST}),
    ("adcs", frozenset({"binarycertificate"}), {"issuedcommonname": HOST}),
    ("adcs", frozenset({"rawcertificate"}), {"commonname": HOST}),
    ("keyfactor", frozenset({"issuedcn", "issueddn"}), {"issuedcn": HOST}),
    ("sectigo", frozenset({"commonname", "certificateauthority", "expiration"}), {"commonname": HOST}),
    ("sectigo", frozenset({"commonname", "department", "requester", "expires"}), {"requester": ""}),
    ("venafi", frozenset({"nickname", "commonname", "validto"}), {"nickname": "", "commonname": HOST}),
)  # fmt: skip
_BEGINS_CERTIFICATE = re.compile(r"\s*(?:-----BEGIN CERTIFICATE-----|MII[A-Za-z0-9+/]{40})")


def plain(heading: str) -> str:
    """One spelling for comparing: “Valid-To (UTC)” is validtoutc."""
    return _OTHERS.sub("", heading.lower().translate(_UMLAUTS))


def product_of(headings: Sequence[str]) -> str:
    """Whose export it is; "spreadsheet" where nothing says so."""
    return next((form for form, marks, _ in _PRODUCTS if marks <= _plain(headings).keys()), "spreadsheet")


def propose(headings: Sequence[str], samples: Sequence[Sequence[str]] = ()) -> dict[str, str]:
    """Field → heading, as far as can be told. ``samples`` are some rows: a certificate is one whatever it is called."""
    words = _plain(headings)
    special = next((special for _, marks, special in _PRODUCTS if marks <= words.keys()), {})
    found: dict[str, str] = {}
    for word in sorted(words, key=_rank):
        field = special.get(word, _FIELD_OF.get(word, ""))
        if field and field not in found:
            found[field] = words[word]
    for field, heading in _by_content(headings, samples).items():
        found = {known: name for known, name in found.items() if name != heading and known != field} | {field: heading}
    return {field: found[field] for field in FIELDS if field in found}


def _plain(headings: Sequence[str]) -> dict[str, str]:
    words: dict[str, str] = {}
    for heading in headings:
        words.setdefault(plain(heading), heading)
    return words


def _rank(word: str) -> int:
    """The usual words of a field come in their order, the best first."""
    field = _FIELD_OF.get(word, "")
    if word in _BEST.get(field, ()):
        return _BEST[field].index(word) - 100
    return _WORDS[field].split().index(word) if field else 0


def _by_content(headings: Sequence[str], samples: Sequence[Sequence[str]]) -> dict[str, str]:
    """Headings are translated, as by certutil; base64 is not."""
    for at, heading in enumerate(headings):
        if any(_BEGINS_CERTIFICATE.match(row[at]) for row in samples if at < len(row)):
            return {CERTIFICATE: heading}
    return {}
