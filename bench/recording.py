"""How fast observations are kept: never seen before, and seen before."""

from __future__ import annotations

import datetime as dt
import gc
from itertools import islice

from django.db.models import F
from django.db.models.functions import Mod
from django.db.models.lookups import LessThan
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from bench.clock import Spent
from bench.estate import TEAMS, served
from bench.rows import Row, machine
from discovery.probe import Served
from discovery.services import Recording, record
from inventory.models import Certificate, Endpoint
from inventory.services import SeenBy, refresh_statistics_if_outgrown
from inventory.services.totals import recount

BATCH = 256
REPEATED = 20_000
LATER = dt.timedelta(hours=6)
GOAL = 1000


def measure(certificates: int) -> list[Row]:
    """Record an estate of this size into the empty database, then part of it again; making it is not measured."""
    # What is recorded again was seen six hours later, and that must not be ahead of the clock.
    now = timezone.now() - LATER
    recording = Recording(by=SeenBy("network", "bench"), schedule=dt.timedelta(days=1))
    answers = served(certificates, now)
    again: list[Served] = []
    nodes, spent = 0, Spent()
    while batch := list(islice(answers, BATCH)):
        with spent.measured():
            refresh_statistics_if_outgrown()  # as each tick that judges what was recorded
            record(batch, recording, now)
        nodes += len(batch)
        if len(again) < REPEATED:
            again += batch
            # A scan does not hold them: without this, each full collection would walk through them.
            gc.freeze()
    repeated = _repeat(again, recording, now + LATER)
    give_owners()
    return [
        *_rows(f"record: {nodes:,} observations of new certificates", nodes, spent),
        *_rows(f"record: {len(again):,} of the same answers again", len(again), repeated),
    ]


def _rows(name: str, count: int, spent: Spent) -> list[Row]:
    return [
        Row(name, count / spent.wall, "per second", GOAL, "higher", machine=machine()),
        Row(name, count / spent.cpu, "per CPU second", GOAL, "higher", machine=machine()),
    ]


def _repeat(answers: list[Served], recording: Recording, now: dt.datetime) -> Spent:
    spent = Spent()
    with spent.measured():
        for at in range(0, len(answers), BATCH):
            record(answers[at : at + BATCH], recording, now)
    return spent


def give_owners() -> None:
    """Nine of ten certificates get a team, as in an estate that is kept; one person sees all, one is of a team."""
    teams = Team.objects.bulk_create(Team(name=f"Team {n}", slug=f"team-{n}") for n in range(TEAMS))
    part = Mod(F("pk"), TEAMS + 4)
    for owned in (Certificate.objects, Endpoint.objects):
        # The teams were made in one go, so their keys follow each other.
        owned.filter(LessThan(part, TEAMS)).update(owner_team=part + teams[0].pk)
    recount()
    User.objects.create_user("ada@example.org", role=Role.ADMINISTRATOR)
    member = User.objects.create_user("olga@example.org", role=Role.OPERATOR)
    Membership.objects.create(user=member, team=teams[0])
