"""Sites that need more than one certificate, or none."""

from dataclasses import replace

from lab import pki
from lab.keys import PrivateKey
from lab.pki import Issued
from lab.sites import Site, Tls
from lab.workshop import Workshop, line, named, presenting


def self_signed(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    host = workshop.name(kind)
    issued = pki.self_signed([host], seed=workshop.seed, not_before=workshop.day(-400), not_after=workshop.day(3250))
    known = named(line(workshop.place("tls"), kind, "made by the device itself"), host)
    known = replace(presenting(known, issued), faults=("self_signed",))
    return (Site((known,), Tls((issued,))),)


def by_sni(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    """One port, two names and what comes without a name."""
    place = workshop.place("tls")
    hosts = [workshop.name(kind) for _ in range(2)]
    leaves = {host: _leaf(workshop, host) for host in hosts}
    fallback = _leaf(workshop, workshop.name("default"))
    lines = [presenting(line(place, kind, "comes when no name is asked for"), fallback)]
    for host, leaf in leaves.items():
        lines.append(presenting(named(line(place, kind, "one of several names"), host), leaf))
    by_name = {host: Tls((leaf,)) for host, leaf in leaves.items()}
    return (Site(tuple(lines), Tls((fallback,), by_name=by_name)),)


def sni_required(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    place = workshop.place("tls")
    host = workshop.name(kind)
    leaf = _leaf(workshop, host)
    asked = presenting(named(line(place, kind, "answers only to its name"), host), leaf)
    unasked = replace(line(place, kind, "no name, no certificate"), outcome="handshake_failed")
    return (Site((asked, unasked), Tls((), by_name={host: Tls((leaf,))})),)


def dual(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    """The certificate depends on what the client can verify."""
    host = workshop.name(kind)
    rsa, ecdsa = (_leaf(workshop, host, key) for key in ("rsa2048", "p256"))
    known = named(line(workshop.place("tls"), kind, "an RSA and an ECDSA certificate"), host)
    variants = {"default": ecdsa.sha256, "rsa": rsa.sha256, "ecdsa": ecdsa.sha256}
    known = replace(presenting(known, ecdsa), variants=variants)
    return (Site((known,), Tls((rsa, ecdsa))),)


def dual_half(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    """Only who asks for RSA sees the fault."""
    host = workshop.name(kind)
    rsa, ecdsa = (_leaf(workshop, host, key) for key in ("rsa2048", "p256"))
    known = named(line(workshop.place("tls"), kind, "the RSA certificate is sent without its issuer"), host)
    variants = {"default": ecdsa.sha256, "rsa": rsa.sha256, "ecdsa": ecdsa.sha256}
    known = replace(presenting(known, ecdsa), variants=variants, faults=("incomplete_chain",))
    return (Site((known,), Tls((replace(rsa, chain=()), ecdsa))),)


def cross_signed(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    """The root is young: for old clients an older one signed it, which has expired since."""
    older = pki.Authority.make("Lab Root of old", seed=workshop.seed, not_after=workshop.day(-100))
    cross = older.intermediate(workshop.root.name, key=workshop.root.key)
    host = workshop.name(kind)
    leaf = _leaf(workshop, host)
    known = named(line(workshop.place("tls"), kind, "the root is sent as signed by an expired one"), host)
    leaf = replace(leaf, chain=(*leaf.chain, cross.der))
    return (Site((presenting(known, leaf),), Tls((leaf,))),)


def nodes(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    """Three nodes of one name; the last was forgotten when the certificate was renewed."""
    host = workshop.name(kind)
    old, new = (_leaf(workshop, host, days=days) for days in ((-85, 5), (-20, 70)))
    sites = []
    for place, leaf in zip(workshop.places(3), (new, new, old), strict=True):
        left_behind = leaf is old
        note = "left behind at the last renewal" if left_behind else "a renewed node"
        faults = ("not_same_everywhere", "expiring") if left_behind else ()
        known = presenting(named(line(place, kind, note), host), leaf)
        sites.append(Site((replace(known, faults=faults),), Tls((leaf,))))
    return tuple(sites)


def key_reuse(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    hosts = [workshop.name(kind) for _ in range(2)]
    first = _leaf(workshop, hosts[0])
    second = _leaf(workshop, hosts[1], first.key)
    sites = []
    for host, leaf in zip(hosts, (first, second), strict=True):
        known = named(line(workshop.place("tls"), kind, "its key serves two certificates"), host)
        known = replace(presenting(known, leaf), faults=("key_reuse",))
        sites.append(Site((known,), Tls((leaf,))))
    return tuple(sites)


def tarpit(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    return _without_answer(workshop, kind, "silent", "accepts and says nothing")


def early_close(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    return _without_answer(workshop, kind, "closed", "hangs up on the ClientHello")


def http(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    return _without_answer(workshop, kind, "not_tls", "speaks plain HTTP")


def ssh(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    return _without_answer(workshop, kind, "not_tls", "speaks SSH")


def slow_drip(workshop: Workshop, kind: str) -> tuple[Site, ...]:
    """Its certificate exists; nobody has the time to receive it."""
    host = workshop.name(kind)
    known = named(line(workshop.place("tls"), kind, "one byte of its answer a second"), host)
    tls = Tls((_leaf(workshop, host),))
    return (Site((replace(known, outcome="slow"),), tls, "drip"),)


SCENES = {
    "self_signed": self_signed,
    "by_sni": by_sni,
    "sni_required": sni_required,
    "dual": dual,
    "dual_half": dual_half,
    "cross_signed": cross_signed,
    "nodes": nodes,
    "key_reuse": key_reuse,
    "tarpit": tarpit,
    "slow_drip": slow_drip,
    "early_close": early_close,
    "http": http,
    "ssh": ssh,
}
SIZES = {"by_sni": 3, "sni_required": 2, "nodes": 3, "key_reuse": 2}  # lines, where not one


def _without_answer(workshop: Workshop, kind: str, outcome: str, note: str) -> tuple[Site, ...]:
    known = named(line(workshop.place("tls"), kind, note), workshop.name(kind))
    return (Site((replace(known, outcome=outcome),), behaviour=kind),)


def _leaf(
    workshop: Workshop,
    host: str,
    key: str | PrivateKey = "p256",
    days: tuple[int, int] = (-30, 60),
) -> Issued:
    begins, ends = map(workshop.day, days)
    return workshop.issuing.issue([host], key=key, not_before=begins, not_after=ends)
