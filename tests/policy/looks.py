"""Looks at servers that exist only as certificates: real bytes, recorded as a scan records them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cryptography.x509 import GeneralName

from discovery.probe import Place, Reason, Served, ServedVariant, Unreachable
from discovery.services import Recording, record
from inventory.models import Certificate, Endpoint, TrustStore
from inventory.services import SeenBy
from lab import pki
from policy.models import Finding
from policy.rules import Verdict
from policy.services.facts import endpoint_facts
from policy.services.judging import endpoint_verdicts
from tests.conftest import NOW
from tests.judging import judge_all_due

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ROOT = pki.Authority.make("Example Root", seed=11)
RECORDING = Recording(SeenBy("hosts", "Web"), schedule=DAY, was_named=lambda _: True)


def trust_root() -> None:
    TrustStore.objects.create(name="Example", pem=ROOT.pem, added_at=NOW)


def issue(*names: str | GeneralName, begins: float = -10, ends: float = 80, **options: Any) -> pki.Issued:
    """A certificate of the trusted root, whose life is given in days from NOW."""
    return ROOT.issue(
        names or ["www.example.org"], not_before=NOW + begins * DAY, not_after=NOW + ends * DAY, **options
    )


def look(
    issued: pki.Issued | None,
    at: datetime,
    address: str = "192.0.2.1",
    name: str = "www.example.org",
    version: str = "TLSv1.3",
    rsa: pki.Issued | None = None,
) -> None:
    """One answer of one node, also to clients that ask for RSA; or its silence."""
    place = Place(address, 443, name)
    if issued is None:
        record([Unreachable(place, Reason.SILENT)], RECORDING, at)
        return
    sent = {"default": issued} | ({"rsa": rsa} if rsa else {})
    variants = (ServedVariant(variant, one.sent, version, "AES") for variant, one in sent.items())
    record([Served(place, tuple(variants))], RECORDING, at)


def leave_behind() -> tuple[pki.Issued, pki.Issued]:
    """Two nodes with one certificate, of which the second was given a newer one."""
    old, new = issue(), issue(begins=0)
    for hours, addresses in ((2, ("192.0.2.1", "192.0.2.2")), (1, ("192.0.2.1",))):
        for address in addresses:
            look(old, NOW - hours * HOUR, address)
    look(new, NOW, "192.0.2.2")
    return old, new


def judge(at: datetime) -> None:
    judge_all_due(at)


def verdict(rule: str, about: Endpoint, at: datetime) -> Verdict:
    """What the rules say of an endpoint, whether or not that becomes a row."""
    return endpoint_verdicts(endpoint_facts([about], at)[about.pk], at)[rule]


def row(issued: pki.Issued) -> Certificate:
    return Certificate.objects.get(sha256=issued.sha256)


def node(address: str = "192.0.2.1") -> Endpoint:
    return next(endpoint for endpoint in Endpoint.objects.all() if endpoint.host == address)


def finding(rule: str, about: Certificate | Endpoint) -> Finding:
    column = "certificate" if isinstance(about, Certificate) else "endpoint"
    return Finding.objects.get(rule=rule, **{column: about})


def open_rules(about: Certificate | Endpoint) -> set[str]:
    column = "certificate" if isinstance(about, Certificate) else "endpoint"
    return set(Finding.objects.open().filter(**{column: about}).values_list("rule", flat=True))
