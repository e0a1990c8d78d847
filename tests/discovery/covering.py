"""Sources that run now, and how they and the networks stand then."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from discovery.models import Network, Scan, Source
from discovery.reasons import State
from discovery.services import default_zone, networks_now, save_source, sources_now, tick
from tests.discovery.permitting import house
from tests.discovery.scanning import run_all

DAY = timedelta(days=1)


def keep(administrator: User, targets: str, ports: int | str, **columns: object) -> Source:
    given = {"targets": targets, "ports": str(ports), "zone": default_zone(), "owner_team": house(), **columns}
    row = Source(name="Web", kind="network", **given)
    return save_source(row, actor=administrator, now=timezone.now())


def run_due() -> Scan:
    """Start what is due, do all of it, and note what it proved."""
    tick(timezone.now())
    scan = run_all(Scan.objects.latest("pk"))
    tick(timezone.now())
    return scan


def of_source(now: datetime | None = None) -> tuple[State, str]:
    (found,) = sources_now(Source.objects.select_related("coverage"), now or timezone.now())
    return found.standing.state, found.standing.sentence


def of_networks(now: datetime | None = None) -> dict[str, State]:
    networks = Network.objects.filter(is_excluded=False).select_related("coverage")
    return {found.row.cidr: found.standing.state for found in networks_now(networks, now or timezone.now())}
