"""One thing of every kind for each owner, named by a word that must never reach a person of another team."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from accounts.models import Membership, Organisation, Role, Team, TickRun, User
from certdash.lib.work import WorkStatus
from discovery.models import Network, Observation, Scan, ScanShard, Source
from discovery.services import default_zone
from inventory.addresses import pack
from inventory.models import Certificate, Endpoint, Tag
from inventory.services import recount
from policy.models import Finding
from reports.models import Report
from reports.services import canonical
from reports.services.freezing import freeze_inventory
from tests.access.areas import AREAS
from tests.discovery.servers import certificate as real_certificate
from tests.discovery.servers import der
from tests.inventory.factories import make_certificate, make_chain, make_endpoint, store_der

# What stands in the names of each owner's things.
WORDS = {"web": "owlcanary", "payments": "foxcanary", "nobody": "emucanary"}
NETWORK = "198.51.100.0/24"
PASSWORD = "correct horse battery staple"


@dataclass
class World:
    now: datetime
    people: dict[str, User]
    teams: dict[str, Team | None]
    # owner → kind of thing → primary key
    things: dict[str, dict[str, int]] = field(default_factory=dict)

    def team(self, owner: str) -> Team:
        team = self.teams[owner]
        assert team is not None
        return team

    def owner_of(self, thing: str, pk: int) -> str:
        return next((owner for owner, things in self.things.items() if things.get(thing) == pk), "")


def make_world() -> World:
    now = timezone.now()
    Organisation.objects.create(pk=1, name="Example Group", set_up_at=now)
    TickRun.objects.create(name="heartbeat", started_at=now, finished_at=now)
    Network.objects.create(
        cidr=NETWORK, first=pack("198.51.100.0"), last=pack("198.51.100.255"), name="everybody's", zone=default_zone()
    )
    teams = {slug: Team.objects.create(name=slug.title(), slug=slug) for slug in ("web", "payments")}
    world = World(now, _people(teams), {**teams, "nobody": None})
    authors = {"web": world.people["operator"], "payments": world.people["stranger"], "nobody": None}
    for number, owner in enumerate(WORDS):
        world.things[owner] = _plant(WORDS[owner], number, world.teams[owner], authors[owner], now)
        for area in AREAS:
            world.things[owner] |= area.things(
                WORDS[owner], world.teams[owner], authors[owner], now, world.things[owner]
            )
    recount()
    for owner, author in authors.items():
        world.things[owner]["report"] = _report(WORDS[owner], author or world.people["administrator"], now).pk
    Report.objects.filter(pk=world.things["nobody"]["report"]).update(requested_by=None)
    return world


@contextmanager
def standing_world() -> Iterator[World]:
    """One world for all tests of a module: each of them undoes what it does to it."""
    quick = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
    with quick, transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


def as_now(standing: World) -> World:
    """A copy for one test, whose worker has just been heard."""
    now = timezone.now()
    TickRun.objects.filter(name="heartbeat").update(started_at=now, finished_at=now)
    return deepcopy(standing)


def _people(teams: dict[str, Team]) -> dict[str, User]:
    roles = {
        "viewer": ("victor", Role.VIEWER, "web"),
        "operator": ("olga", Role.OPERATOR, "web"),
        "stranger": ("sam", Role.OPERATOR, "payments"),
        "auditor": ("audrey", Role.AUDITOR, ""),
        "administrator": ("ada", Role.ADMINISTRATOR, ""),
    }
    people = {}
    for key, (name, role, team) in roles.items():
        people[key] = User.objects.create_user(f"{name}@example.org", PASSWORD, role=role)
        if team:
            Membership.objects.create(user=people[key], team=teams[team])
    return people


def _plant(word: str, number: int, team: Team | None, author: User | None, now: datetime) -> dict[str, int]:
    cert = _certificate(word, team, now)
    endpoint = make_endpoint(
        f"198.51.100.{number + 1}", server_name=f"{word}.example.org", certificate=cert, now=now, owner_team=team
    )
    source = Source.objects.create(
        name=f"{word} source", kind="hosts", targets=f"198.51.100.{number + 1}", zone=default_zone(), owner_team=team,
        created_at=now,
    )  # fmt: skip
    scan = _scan(word, source if team else None, author, endpoint, now)
    finding = _finding(f"{word} finding", now, certificate=cert)
    _finding(f"{word} finding of a node", now, endpoint=endpoint, rule="wrong_name")
    network = Network.objects.create(
        cidr=f"203.0.113.{number}", first=pack(f"203.0.113.{number}"), last=pack(f"203.0.113.{number}"),
        zone=default_zone(),
    )  # fmt: skip
    return {
        "certificate": cert.pk,
        "endpoint": endpoint.pk,
        "issuer": cert.issuer_id or 0,
        "source": source.pk,
        "scan": scan.pk,
        "finding": finding.pk,
        "network": network.pk,
    }


def _certificate(word: str, team: Team | None, now: datetime) -> Certificate:
    row = make_certificate(
        f"{word}.example.org", now=now, days_left=8, issuer=f"{word} authority", key_label=f"{word} key",
        risks=["expiring"], owner_team=team, nodes_serving=1, nodes_total=1, served_ever=True,
        custom_fields={"room": word}, application=f"{word} application",
    )  # fmt: skip
    row.tags.add(Tag.objects.create(name=f"{word}-tag"))
    return store_der(row, der(real_certificate(f"{word}.example.org")))


def _scan(word: str, source: Source | None, author: User | None, endpoint: Endpoint, now: datetime) -> Scan:
    plan = {
        "targets": f"{word}.example.org", "exclusions": "", "ports": "443", "server_names": "", "left_out": [],
        "rate_limit": 500, "schedule_seconds": None, "seed": 1,
    }  # fmt: skip
    scan = Scan.objects.create(
        title=f"{word} scan", source=source, requested_by=author, plan=plan, zone=default_zone(), created_at=now,
        asked=1, total=1,
    )  # fmt: skip
    ScanShard.objects.create(scan=scan, number=0, last=1, asked=1, total=1, created_at=now)
    certificate = endpoint.certificate
    Observation.objects.create(
        endpoint=endpoint, outcome="served", chain=make_chain(certificate) if certificate else None,
        first_seen_at=now - timedelta(minutes=5), last_seen_at=now, scan=scan,
    )  # fmt: skip
    return scan


def _finding(sentence: str, now: datetime, rule: str = "expiring", **subject: Certificate | Endpoint) -> Finding:
    return Finding.objects.create(rule=rule, severity=3, sentence=sentence, opened_at=now, confirmed_at=now, **subject)


def _report(word: str, author: User, now: datetime) -> Report:
    data = canonical(freeze_inventory(author, "", now))
    return Report.objects.create(
        title=f"{word} report", requested_by=author, status=WorkStatus.DONE, created_at=now, finished_at=now,
        taken_at=now, data=gzip.compress(data, mtime=0), data_sha256=hashlib.sha256(data).hexdigest(),
        pdf=f"%PDF-1.7 {word}".encode(), pages=1,
    )  # fmt: skip
