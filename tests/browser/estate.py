"""A plausible estate for the pages: real certificates from the lab, and enough rows for lists to have pages."""

from __future__ import annotations

import gzip
import hashlib
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.test import override_settings

from accounts.models import Membership, Organisation, Role, Team, TickRun, User
from accounts.services import audit
from certdash.lib.work import WorkStatus
from discovery.models import Candidate, Scan, Source
from discovery.services import Ask, default_zone, start_scan
from inventory.addresses import pack
from inventory.models import Certificate, Domain, Endpoint
from inventory.services import describe, recount, sort_into_domains
from lab.manifest import Manifest
from policy.models import Finding
from reports.models import Report
from reports.services import canonical
from reports.services.freezing import freeze_inventory
from tests.browser.worker import working
from tests.conftest import PASSWORD
from tests.discovery.permitting import permit
from tests.inventory.factories import make_certificate, make_endpoint
from tests.judging import judge_all_due

QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Written by strangers: markup, a bidi override, other scripts, and no end.
NAMES = (
    "<img src=x onerror=alert(1)>.example.org",
    "gro.elpmaxe.\u202ewww",
    "bücher.例え.example.org",
    f"{'a-very-long-label-' * 3}x.{'deeply.nested.' * 8}example.org",
)
# What people say of one certificate and one endpoint.
SAID = {
    "environment": "production",
    "tags": ["a-word-as-long-as-somebody-typed-it", "blue-green", "shop"],
    "regulations": ["NIS2", "PCI DSS"],
    "custom_fields": {"a-key-without-any-break-in-it": "17"},
    "notes": "One line.\nAnother.",
}


@dataclass
class Estate:
    now: datetime
    people: dict[str, User]
    manifest: Manifest
    pks: dict[str, int] = field(default_factory=dict)


def make_people(now: datetime) -> dict[str, User]:
    Organisation.objects.create(pk=1, name="Example Group", set_up_at=now)
    team = Team.objects.create(name="Web", slug="web", contact_email="web@example.org")
    with override_settings(PASSWORD_HASHERS=QUICK):
        people = {
            role.value: User.objects.create_user(f"{name}@example.org", PASSWORD, role=role, name=name.title())
            for name, role in [
                ("ada", Role.ADMINISTRATOR),
                ("audrey", Role.AUDITOR),
                ("olga", Role.OPERATOR),
                ("victor", Role.VIEWER),
            ]
        }
    for role in ("operator", "viewer"):
        Membership.objects.create(user=people[role], team=team)
    return people


def make_estate(manifest: Manifest, now: datetime) -> Estate:
    estate = Estate(now, make_people(now), manifest)
    ada = estate.people["administrator"]
    permit("127.0.0.0/8", actor=ada, now=now, allows_special=True, name="Lab")
    TickRun.objects.create(name="heartbeat", started_at=now, finished_at=now)
    _rows(Team.objects.get(slug="web"), now)
    source = _source(manifest, now)
    scan = start_scan(Ask.of_source(source), actor=ada, now=now, source=source, title=source.name)
    with working():
        while Scan.objects.open().exists():
            time.sleep(0.1)
    _open_ports(scan, now)
    judge_all_due(now + timedelta(seconds=5))
    sort_into_domains(lambda: now)
    recount()
    report = _report(ada, now)
    with transaction.atomic():
        audit(ada, "test.<b>markup</b>", "a subject", {"a": 1}, {"a": 2}, now=now)
    served = Endpoint.objects.filter(outcome="served", certificate__der__isnull=False).order_by("pk")
    finding = Finding.objects.open().exclude(certificate=None)[0]
    estate.pks = {
        "certificate": served[0].certificate_id or 0,
        "endpoint": served[0].pk,
        "domain": Domain.objects.get(name="example.org").pk,
        "issuer": Certificate.objects.filter(endpoints__in=served)[0].issuer_id or 0,
        "hostile": Certificate.objects.get(name=NAMES[0]).pk,
        "finding": finding.pk,
        "scan": scan.pk,
        "source": source.pk,
        "report": report.pk,
    }
    for item in (served[0], Certificate.objects.get(pk=estate.pks["certificate"])):
        describe(item, SAID, actor=ada, now=now)
    return estate


def _open_ports(scan: Scan, now: datetime) -> None:
    """What a sweep found without TLS; each says something else, as it likes."""
    rows = Candidate.objects.bulk_create(
        Candidate(
            address=pack("127.0.0.1"),
            port=2000 + number,
            reason="not_tls",
            detail=detail[:500],
            first_seen_at=now - timedelta(days=number),
            last_seen_at=now - timedelta(hours=number),
            scan=scan,
        )
        for number, detail in enumerate(NAMES)
    )
    scan.shards.filter(number=0).update(candidates=[row.pk for row in rows])


def _rows(team: Team, now: datetime) -> None:
    for number in range(60):
        columns: dict[str, Any] = {
            "days_left": (number * 7) % 95 - 8,
            "owner_team": team if number % 3 else None,
            "environment": ("production", "staging", "")[number % 3],
            "nodes_serving": 1,
            "nodes_total": 1,
            "served_ever": True,
            "issuer": f"Example CA {number % 4}",
        }
        certificate = make_certificate(f"host-{number:02}.example.org", now=now, **columns)
        make_endpoint(f"192.0.2.{number}", server_name=certificate.name, certificate=certificate, now=now)
    for number, name in enumerate(NAMES):
        certificate = make_certificate(name, now=now, names=[f"other-{number}.example.org"], owner_team=team)
        make_endpoint(f"2001:db8::{number:x}", server_name=name[:255], certificate=certificate, now=now)
    make_endpoint("192.0.2.200", server_name="silent.example.org", now=now)


def _source(manifest: Manifest, now: datetime) -> Source:
    return Source.objects.create(
        name="Lab", kind="hosts", targets="\n".join(f"{line.address}:{line.port}" for line in manifest.lines),
        zone=default_zone(), created_at=now, owner_team=Team.objects.get(slug="web"),
    )  # fmt: skip


def _report(author: User, now: datetime) -> Report:
    data = canonical(freeze_inventory(author, "", now))
    return Report.objects.create(
        title="Certificate inventory and expiry",
        requested_by=author,
        status=WorkStatus.DONE,
        created_at=now,
        finished_at=now,
        taken_at=now,
        data=gzip.compress(data, mtime=0),
        data_sha256=hashlib.sha256(data).hexdigest(),
        pdf=b"%PDF-1.7",
        pdf_sha256=hashlib.sha256(b"%PDF-1.7").hexdigest(),
        pdf_size=8,
        done=3,
        total=3,
    )
