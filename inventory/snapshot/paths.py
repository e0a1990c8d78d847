"""The path that a client can build, beside the chain that servers send, both in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from inventory.models import Certificate, CertificateDer
from inventory.snapshot.chains import SentChain
from inventory.snapshot.trust_stores import trust_stores
from inventory.trust import (
    Incomplete,
    NotJudged,
    Path,
    Shape,
    Trusted,
    TrustStore,
    build_path,
    chain_shape,
)
from inventory.x509 import ParsedCertificate

# How many certificates the inventory may lend to a path that servers leave incomplete.
MOST_LENT = 3


@dataclass(frozen=True, slots=True)
class Link:
    """One box of the picture: ``kind`` is leaf, ca, anchor or missing."""

    kind: str
    name: str
    note: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class ChainPicture:
    """Both chains. ``trusted`` is None where nobody could judge; ``sentences`` say why, and what is odd."""

    sent: Sequence[Link]
    built: Sequence[Link]
    trusted: bool | None
    sent_note: str
    built_note: str
    end_note: str
    sentences: Sequence[str]


def chain_picture(der: bytes, sent: SentChain | None, user: User, now: datetime) -> ChainPicture:
    ders = sent.ders if sent else [der] if der else []
    stores = trust_stores()
    path, lent = _completed(ders, stores, now)
    shape = chain_shape(ders, stores)
    pages = _pages(path.path, user)
    return ChainPicture(
        sent=_sent_links(sent, path, lent) if sent else [],
        built=_built_links(path, lent, pages),
        # What only the inventory completes is not good: most clients do not have what was not sent.
        trusted=None if isinstance(path, NotJudged) else isinstance(path, Trusted) and not lent,
        sent_note=_sent_note(sent),
        built_note=_built_note(path, lent),
        end_note=_end_note(sent, lent, path),
        sentences=[*_why(path, lent), *_oddities(shape)],
    )


def _completed(ders: Sequence[bytes], stores: Sequence[TrustStore], now: datetime) -> tuple[Path, set[str]]:
    """The path; where an issuer was not sent, with certificates of the inventory, whose digests are returned."""
    given = list(ders)
    path = build_path(given, stores, now)
    lent: set[str] = set()
    while isinstance(path, Incomplete) and path.path and len(lent) < MOST_LENT:
        issuer_key = path.path[-1].issuer_key
        found = (
            CertificateDer.objects.filter(certificate__subject_sha256=issuer_key, certificate__is_ca=True)
            .exclude(certificate__sha256__in=lent)
            .order_by("-certificate__not_after")
            .values_list("certificate__sha256", "der")
            .first()
        )
        if found is None:
            break
        lent.add(found[0])
        given.append(bytes(found[1]))
        path = build_path(given, stores, now)
    return path, lent & {certificate.sha256 for certificate in path.path}


def _pages(path: Sequence[ParsedCertificate], user: User) -> Mapping[str, str]:
    seen = Certificate.objects.visible_to(user).filter(sha256__in=[certificate.sha256 for certificate in path])
    return {sha256: _page(pk) for sha256, pk in seen.values_list("sha256", "pk")}


def _page(pk: int) -> str:
    return reverse("inventory:certificate_detail", args=[pk])


def _sent_links(sent: SentChain, path: Path, lent: set[str]) -> list[Link]:
    links = [
        Link(
            kind="ca" if link.position else "leaf",
            name=link.certificate.name,
            note=_note(link.certificate.key_label, link.certificate.sha256),
            url=_page(link.certificate.pk) if link.is_open and link.position else "",
        )
        for link in sent.links
    ]
    links.extend(Link("missing", each.name, _("not sent")) for each in path.path if each.sha256 in lent)
    if isinstance(path, Incomplete):
        links.append(Link("missing", path.missing, _("not sent, and not in the inventory")))
    return links


def _built_links(path: Path, lent: set[str], pages: Mapping[str, str]) -> list[Link]:
    links = []
    for position, certificate in enumerate(path.path):
        is_anchor = isinstance(path, Trusted) and position == len(path.path) - 1 and position > 0
        note = _note(certificate.key_label, certificate.sha256)
        if is_anchor and isinstance(path, Trusted):
            note = _("trust anchor · %(store)s") % {"store": path.store}
        elif certificate.sha256 in lent:
            note = _("taken from the inventory · until %(day)s") % {"day": _day(certificate.not_after)}
        kind = "anchor" if is_anchor else "ca" if position else "leaf"
        links.append(Link(kind, certificate.name, note, pages.get(certificate.sha256, "") if position else ""))
    return links


def _note(key: str, sha256: str) -> str:
    return f"{key or _('unknown key')} · {sha256[:4]}…{sha256[-4:]}"


def _day(moment: datetime | None) -> str:
    return date_format(moment, "j M Y") if moment else _("unknown")


def _sent_note(sent: SentChain | None) -> str:
    if sent is None:
        return _("never seen in a chain")
    if not sent.nodes:
        return _("by nobody now; as last seen")
    if sent.nodes == sent.of:
        return _("by all %(nodes)s") % {"nodes": sent.nodes} if sent.nodes > 1 else ""
    return _("by %(nodes)s of %(of)s; the others send another chain") % {"nodes": sent.nodes, "of": sent.of}


def _built_note(path: Path, lent: set[str]) -> str:
    match path:
        case Trusted() if lent:
            return _("not from what is sent")
        case Trusted(store=store):
            return _("trusted by %(store)s") % {"store": store}
        case Incomplete():
            return _("incomplete")
        case NotJudged():
            return _("no path could be judged")
        case _:
            return _("no trusted path")


def _why(path: Path, lent: set[str]) -> list[str]:
    if not isinstance(path, Trusted):
        return [path.sentence]
    missing = [certificate.name for certificate in path.path if certificate.sha256 in lent]
    if not missing:
        return []
    sentence = _("Clients that do not have %(names)s already cannot build a path; with it, %(store)s trusts it.")
    return [sentence % {"names": ", ".join(missing), "store": path.store}]


def _end_note(sent: SentChain | None, lent: set[str], path: Path) -> str:
    if sent is None or lent or isinstance(path, Incomplete):
        return ""
    if sent.not_shown:
        return _("and %(count)s more") % {"count": sent.not_shown}
    return _("nothing more was sent") if len(sent.links) == 1 else ""


def _oddities(shape: Shape) -> list[str]:
    if not shape.judged:
        return []
    sentences = []
    if not shape.order_ok:
        sentences.append(_("The certificates are not sent in the order in which they sign each other."))
    sentences.extend(
        _("Sent for nothing: %(name)s (%(why)s).") % {"name": extra.name, "why": extra.why}
        for extra in shape.superfluous
    )
    if shape.root_sent is not None:
        sentences.append(_("The root is sent along, which no client needs."))
    return sentences
