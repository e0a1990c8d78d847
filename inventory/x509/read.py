"""Bytes to ParsedCertificate: each property is read in its own guard."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import TypeVar

from inventory.x509 import extensions as ext
from inventory.x509 import strict, text
from inventory.x509.algorithms import Key, Signature, algorithm, named_key, public_key, signature
from inventory.x509.der import SEQUENCE, DerError, Node, integer
from inventory.x509.moments import moment, validity
from inventory.x509.shape import Parts, parts_of
from inventory.x509.signatures import verifies
from inventory.x509.value import Name, ParsedCertificate, Problem

T = TypeVar("T")
U = TypeVar("U")

NO_NAME = "no name"
_KIND_ORDER = ("dns", "ip", "email", "uri", "dirname", "rid", "other", "x400", "edi")
_LONGEST_SERIAL = 128  # hex digits; RFC 5280 allows 40


def parse(der: bytes, *, is_sound: bool = False) -> ParsedCertificate:
    """Read a certificate as far as it can be read.

    ``is_sound``: these bytes were read before, and nothing was wrong, so the strict reader is not asked again.

    Whatever stands inside, the answer is a value whose `problems` say what could not be read.
    Only bytes that lack the outer shape of a certificate (cut short, a request, a revocation
    list, not ASN.1) raise NotACertificate, and nothing else is ever raised.
    """
    return _Reader(der, parts_of(der), is_sound=is_sound).certificate()


class _Reader:
    def __init__(self, der: bytes, parts: Parts, *, is_sound: bool) -> None:
        self.der = der
        self.is_sound = is_sound
        self.parts = parts
        self.problems: list[Problem] = []
        if parts.oddity:
            self.note("certificate", parts.oddity)
        self.extensions = self._extensions()
        # The first of several; a note says so.
        self.values = {found.oid: raw for found, raw in reversed(self.extensions)}

    def note(self, part: str, reason: str) -> None:
        self.problems.append(Problem(part, reason))

    def guard(self, part: str, read: Callable[[], T], otherwise: U) -> T | U:
        """Return what `read` finds, or `otherwise` with a problem noted."""
        try:
            return read()
        except DerError as error:
            self.note(part, str(error))
            return otherwise

    def certificate(self) -> ParsedCertificate:
        parts = self.parts
        subject = self.guard("subject", lambda: text.name(parts.subject), text.UNREAD)
        issuer = self.guard("issuer", lambda: text.frequent_name(parts.issuer), text.UNREAD)
        times = self.guard("not_after", lambda: validity(parts.validity), None)
        key = self._key()
        signed = self._signature()
        names = self.value("names", ext.SUBJECT_ALTERNATIVE_NAME, ext.alternative_names, ())
        version = self._version()
        is_ca, path_length = self._constraints(version)
        no_urls: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        aia_issuers, ocsp_urls = self.value("aia_issuers", ext.AUTHORITY_INFORMATION_ACCESS, ext.access_urls, no_urls)
        is_self_issued = parts.subject.raw == parts.issuer.raw
        return ParsedCertificate(
            der=self.der,
            sha256=sha256(self.der).hexdigest(),
            name=_label(_first_name(names), subject.common_name, subject.text),
            version=version,
            serial_number=self._serial_number(),
            subject=subject.text,
            subject_cn=subject.common_name,
            subject_key=sha256(parts.subject.raw).hexdigest(),
            issuer=issuer.text,
            issuer_label=_label(issuer.common_name, issuer.organisation, issuer.text),
            issuer_organisation=issuer.organisation,
            issuer_key=sha256(parts.issuer.raw).hexdigest(),
            not_before=times and self.guard("not_before", lambda: moment(times[0]), None),
            not_after=times and self.guard("not_after", lambda: moment(times[1]), None),
            key_type=key.type,
            key_bits=key.bits,
            key_curve=key.curve,
            key_label=key.label,
            key_oid=key.oid,
            spki_sha256=sha256(parts.spki.raw).hexdigest(),
            signature_algorithm=signed.label,
            signature_oid=signed.oid,
            signature_hash=signed.hash,
            names=names,
            is_ca=is_ca,
            path_length=path_length,
            is_self_issued=is_self_issued,
            is_self_signed=self._is_self_signed() if is_self_issued else False,
            subject_key_id=self.value("subject_key_id", ext.SUBJECT_KEY_ID, ext.subject_key_id, ""),
            authority_key_id=self.value("authority_key_id", ext.AUTHORITY_KEY_ID, ext.authority_key_id, ""),
            key_usage=self.value("key_usage", ext.KEY_USAGE, ext.key_usage, ()),
            extended_key_usage=self.value("extended_key_usage", ext.EXTENDED_KEY_USAGE, ext.extended_key_usage, ()),
            policies=self.value("policies", ext.CERTIFICATE_POLICIES, ext.policies, ()),
            aia_issuers=aia_issuers,
            ocsp_urls=ocsp_urls,
            crl_urls=self.value("crl_urls", ext.CRL_DISTRIBUTION_POINTS, ext.crl_urls, ()),
            sct_count=self.value("sct_count", ext.SCT_LIST, ext.sct_count, 0),
            must_staple=self.value("must_staple", ext.TLS_FEATURE, ext.must_staple, otherwise=False),
            is_precertificate=any(found.oid == ext.POISON for found, _ in self.extensions),
            extensions=tuple(found for found, _ in self.extensions),
            # The last two, in this order: by now every guard has spoken.
            problems=self._all_problems(),
            conforming=not self.problems,
        )

    def value(self, part: str, wanted: str, read: Callable[[bytes], T], otherwise: U) -> T | U:
        """Read an extension's value; `otherwise` also where there is no such extension."""
        raw = self.values.get(wanted)
        return otherwise if raw is None else self.guard(part, partial(read, raw), otherwise)

    def _extensions(self) -> list[ext.Raw]:
        if self.parts.extensions is None:
            return []
        outer = self.parts.extensions
        nodes: list[Node] = self.guard("extensions", lambda: outer.inner().expect(SEQUENCE).children(), [])
        read = [self.guard("extensions", partial(ext.extension, node), None) for node in nodes]
        found = [raw for raw in read if raw is not None]
        counts = Counter(extension.oid for extension, _ in found)
        for repeated in (oid for oid, count in counts.items() if count > 1):
            self.note("extensions", f"{repeated} is there {counts[repeated]} times; the first was read")
        return found

    def _serial_number(self) -> str | None:
        number = self.guard("serial_number", lambda: integer(self.parts.serial), None)
        if number is None:
            return None
        if number <= 0:
            self.note("serial_number", "it is not positive")
        digits = f"{abs(number):x}"
        shown = ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)
        if len(shown) <= _LONGEST_SERIAL:
            return shown
        self.note("serial_number", f"it has {len(digits)} digits, and is cut here")
        return shown[: _LONGEST_SERIAL - 1] + "…"

    def _version(self) -> int | None:
        field = self.parts.version
        if field is None:
            return 1
        version = self.guard("version", lambda: integer(field.inner()) + 1, None)
        if version not in {None, 1, 2, 3}:
            self.note("version", "a version that does not exist")
            return None
        return version

    def _key(self) -> Key:
        spki = self.parts.spki

        def by_identifier() -> Key:
            return named_key(algorithm(spki.first())[0])

        key = self.guard("key_label", lambda: public_key(spki), None)
        # An RSA key with broken numbers is still an RSA key.
        return key or self.guard("key_oid", by_identifier, None) or named_key("")

    def _signature(self) -> Signature:
        unreadable = Signature("unknown (unreadable)", "", None)
        if self.parts.signature.raw != self.parts.inner_signature.raw:
            self.note("signature_algorithm", "the signed algorithm is another than the stated one")
        return self.guard("signature_algorithm", lambda: signature(self.parts.signature), unreadable)

    def _constraints(self, version: int | None) -> tuple[bool | None, int | None]:
        without: tuple[bool | None, int | None] = (False if version == 3 else None, None)
        return self.value("is_ca", ext.BASIC_CONSTRAINTS, ext.basic_constraints, without)

    def _is_self_signed(self) -> bool | None:
        own = strict.load(self.der)
        return None if own is None else verifies(own, own)

    def _all_problems(self) -> tuple[Problem, ...]:
        if self.is_sound:
            return tuple(self.problems)
        known = {problem.property for problem in self.problems}
        self.problems += (fault for fault in strict.faults(self.der) if fault.property not in known)
        return tuple(self.problems)


def _label(*candidates: str | None) -> str:
    return text.shorten(next(filter(None, candidates), NO_NAME), text.LABEL_LIMIT)


def _first_name(names: tuple[Name, ...]) -> str:
    ranked = sorted(names, key=lambda name: _KIND_ORDER.index(name.kind))
    return next((name.value for name in ranked if name.value), "")
