"""A believable estate: real certificates, recorded by the same code that records a scan."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from discovery.probe import Place, Served, ServedVariant

ISSUERS = 14
TEAMS = 200
RSA = 0.3  # the share of certificates with such a key
SHARED = 0.02  # the share of certificates whose key others have, too
Key: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
DAY = dt.timedelta(days=1)


def served(count: int, now: dt.datetime, seed: int = 1) -> Iterator[Served]:
    """Yield answers of about 1.5 × ``count`` nodes that serve ``count`` certificates of two names each."""
    chance = random.Random(seed)  # noqa: S311 - believable, not secret
    authorities = [_authority(number, now) for number in range(ISSUERS)]
    shared = [_key(chance) for _ in range(max(1, count // 200))]
    node = 0
    for number in range(count):
        name, key, root = authorities[min(int(chance.expovariate(0.4)), ISSUERS - 1)]
        host = f"host-{number}.team-{number % TEAMS}.corp.example"
        own = chance.choice(shared) if chance.random() < SHARED else _key(chance)
        der = _leaf(host, name, key, own, _life(chance, now), number)
        variant = ServedVariant("default", (der, root), "TLSv1.3", "TLS_AES_256_GCM_SHA384")
        for _ in range(1 + (number % 2)):
            node += 1
            address = f"10.{node >> 16 & 255}.{node >> 8 & 255}.{node & 255}"
            yield Served(Place(address, 443, host), (variant,))


def _key(chance: random.Random) -> Key:
    """A public key that nobody holds: making one of RSA takes as long as making ten thousand of these."""
    if chance.random() < RSA:
        return rsa.RSAPublicNumbers(65537, chance.getrandbits(2048) | 1 << 2047 | 1).public_key()
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def _life(chance: random.Random, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    days = chance.choice([47, 90, 90, 200, 365])
    begin = now - DAY * chance.uniform(0, days * 1.01)
    return begin, begin + DAY * days


def _authority(number: int, now: dt.datetime) -> tuple[x509.Name, ec.EllipticCurvePrivateKey, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Corp Issuing CA {number}")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number + 1)
        .not_valid_before(now - 900 * DAY)
        .not_valid_after(now + 2700 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return name, key, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _leaf(
    host: str,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    key: Key,
    life: tuple[dt.datetime, dt.datetime],
    number: int,
) -> bytes:
    names = [x509.DNSName(host), x509.DNSName(f"alt.{host}")]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(number + 1000)
        .not_valid_before(life[0])
        .not_valid_after(life[1])
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
