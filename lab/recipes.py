"""Sites with one certificate: a table of what is special about each."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from lab import subjects
from lab.pki import Authority, Issued, Options
from lab.sites import CURRENT, TLS10, TLS11, TLS12, TLS13, Site, Tls
from lab.workshop import Workshop, line, named, presenting

HOSTILE = x509.Name(
    [
        subjects.attribute(NameOID.ORGANIZATION_NAME, "=1+1|cmd\t'; DROP TABLE certificates; --"),
        subjects.attribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "\u202egnp.elgoog\u202c\u200b\ufeff"),
        subjects.attribute(NameOID.LOCALITY_NAME, "\x1b[31mred\x1b[0m\r\nSubject: forged\x00end"),
        subjects.attribute(NameOID.COMMON_NAME, "<script>alert(1)</script>"),
    ]
)


@dataclass(frozen=True)
class Recipe:
    """One leaf on one site. In names, {host} stands for its host name, {address} for its address.

    days   begin and end, counted from today's midnight
    sent   changes what follows the leaf
    """

    note: str
    faults: tuple[str, ...] = ()
    names: tuple[str, ...] = ("{host}",)
    asked: str = "{host}"
    days: tuple[int, int] = (-30, 60)
    options: Options = field(default_factory=Options)
    authority: Callable[[Workshop], Authority] = lambda workshop: workshop.issuing
    sent: Callable[[Workshop, Issued], tuple[bytes, ...]] = lambda _, issued: issued.chain
    versions: tuple[int, int] = CURRENT
    protocol: str = "tls"
    client_certificate: bool = False
    outcome: str = "served"

    def cook(self, workshop: Workshop, kind: str) -> tuple[Site, ...]:
        place = workshop.place(self.protocol)
        words = {"host": workshop.name(kind), "address": place[0]}
        issued = self._issue(workshop, words)
        known = replace(line(place, kind, self.note), faults=self.faults)
        known = replace(known, protocol=self.protocol, outcome=self.outcome)
        known = presenting(known, issued)
        if self.asked:
            known = named(known, self.asked.format(**words))
        tls = Tls((issued,), self.versions, client_certificate=self.client_certificate)
        return (Site((known,), tls),)

    def _issue(self, workshop: Workshop, words: dict[str, str]) -> Issued:
        time = workshop.time_of_day()
        begins, ends = (workshop.day(day) + time for day in self.days)
        options = Options(not_before=begins, not_after=ends)
        options.update(self.options)
        names = [name.format(**words) for name in self.names]
        issued = self.authority(workshop).issue(names, **options)
        return replace(issued, chain=self.sent(workshop, issued))


def key(kind: str, note: str, *faults: str, versions: tuple[int, int] = CURRENT) -> Recipe:
    return Recipe(note, faults, options=Options(key=kind), versions=versions)


def only(version: int, note: str, *faults: str) -> Recipe:
    return Recipe(note, faults, options=Options(key="rsa2048"), versions=(version, version))


def mail(protocol: str, note: str) -> Recipe:
    return Recipe(note, protocol=protocol)


RECIPES = {
    "in_date": Recipe("nothing is wrong here"),
    "expiring": Recipe("20 of 90 days are left", ("expiring",), days=(-70, 20)),
    "expired": Recipe("ended 30 days ago", ("expired",), days=(-120, -30)),
    "not_yet_valid": Recipe("begins in 10 days", ("not_yet_valid",), days=(10, 100)),
    "wrong_name": Recipe("the certificate is for another name", ("wrong_name",), names=("other-{host}",)),
    "final_dot": Recipe(
        "its name ends with a dot, as in a zone file: clients do not recognise it",
        ("wrong_name",),
        names=("{host}.",),
    ),
    "incomplete_chain": Recipe(
        "the leaf is sent alone, its issuer is missing",
        ("incomplete_chain",),
        sent=lambda _workshop, _issued: (),
    ),
    "overfull_chain": Recipe(
        "the root and a certificate of somebody else are sent too",
        ("superfluous_chain",),
        sent=lambda workshop, issued: (*issued.chain, workshop.root.der, workshop.foreign.der),
    ),
    "misordered_chain": Recipe(
        "the two intermediates are sent in the wrong order",
        ("misordered_chain",),
        authority=lambda workshop: workshop.deep,
        sent=lambda _, issued: issued.chain[::-1],
    ),
    "untrusted": Recipe(
        "issued and sent with a root that no trust store holds",
        ("untrusted_path",),
        authority=lambda workshop: workshop.foreign,
        sent=lambda workshop, _: (workshop.foreign.der,),
    ),
    "huge_chain": Recipe(
        "the certificate message has more than 130 kB; OpenSSL clients stop at 100 kB",
        ("superfluous_chain", "broken_handshake"),
        sent=lambda workshop, issued: (*issued.chain, *workshop.strays),
        outcome="too_large",
    ),
    "rsa1024": key("rsa1024", "RSA with 1024 bits", "weak_key"),
    "sha1": Recipe(
        "signed with SHA-1 by an RSA key",
        ("sha1_signature",),
        options=Options(digest="sha1"),
        authority=lambda workshop: workshop.old,
    ),
    "rsa4096": key("rsa4096", "RSA with 4096 bits"),
    "p256": key("p256", "ECDSA on P-256"),
    "p384": key("p384", "ECDSA on P-384"),
    "p521": key("p521", "ECDSA on P-521"),
    "ed25519": key("ed25519", "Ed25519"),
    "mldsa65": key("mldsa65", "ML-DSA-65: the client must offer it, in TLS 1.3", versions=(TLS13, TLS13)),
    "wildcard": Recipe("a wildcard", names=("*.{host}",), asked="www.{host}"),
    "ip_san": Recipe("known by its address alone", names=("{address}",), asked=""),
    "idn": Recipe("names in other scripts", names=("bücher.{host}", "例え.{host}"), asked="bücher.{host}"),
    "hundred_sans": Recipe("100 names", names=("{host}", *(f"{number}.{{host}}" for number in range(2, 101)))),
    "no_san": Recipe("only a common name, which nobody reads any more", ("wrong_name",), names=()),
    "tls10": only(TLS10, "TLS 1.0 only", "old_tls"),
    "tls11": only(TLS11, "TLS 1.1 only", "old_tls"),
    "tls12": Recipe("TLS 1.2 only", versions=(TLS12, TLS12)),
    "tls13": Recipe("TLS 1.3 only", versions=(TLS13, TLS13)),
    "client_certificate": Recipe("wants a certificate of the client", client_certificate=True),
    "client_certificate_tls12": Recipe(
        "wants a certificate of the client and breaks the handshake after showing its own",
        client_certificate=True,
        versions=(TLS12, TLS12),
    ),
    "client_certificate_tls10": Recipe(
        "wants a certificate of the client and speaks TLS 1.0 only",
        ("old_tls",),
        options=Options(key="rsa2048"),
        client_certificate=True,
        versions=(TLS10, TLS10),
    ),
    "smtp": mail("smtp", "STARTTLS in SMTP"),
    "imap": mail("imap", "STARTTLS in IMAP"),
    "pop3": mail("pop3", "STLS in POP3"),
    "ldap": mail("ldap", "StartTLS in LDAP"),
    "postgres": mail("postgres", "SSLRequest of PostgreSQL"),
    "hostile_names": Recipe(
        "control characters, bidi, NUL, markup and formulas in its names",
        names=(
            "{host}",
            "<script>alert(1)</script>.{host}",
            "=cmd|'/c calc'!a1.{host}",
            "nul\x00byte.{host}",
            "line\r\nbreak.{host}",
            "\x1b[2jclear.{host}",
        ),
        options=Options(subject=HOSTILE),
    ),
    "year_9999": Recipe(
        "has no well-defined end (RFC 5280, section 4.1.2.5)",
        options=Options(not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ),
    "no_subject": Recipe("no subject at all", options=Options(subject="")),
    "negative_serial": Recipe("a serial below zero", options=Options(serial=-(2**64) - 1)),
    "inverted_dates": Recipe("ends before it begins", ("expired",), days=(-10, -40)),
}
