"""Asking everything again when the rules are not those that were asked last."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from inventory import names, trust
from inventory.models import Certificate, Endpoint
from policy import rules
from policy.models import Asked
from policy.services.calling import MOST, call

RULES = "rules"


def call_for_changed_rules(now: datetime) -> None:
    """Make due, batch by batch, what an earlier version of the rules was asked of.

    What has not been asked an hour later counts as late. Noted only when all are called: who dies before calls again.
    """
    digest = _digest()
    if Asked.objects.filter(name=RULES, digest=digest).exists():
        return
    for model in (Certificate, Endpoint):
        _call_all(model, now)
    Asked.objects.update_or_create(name=RULES, defaults={"digest": digest})


def _call_all(model: type[Certificate] | type[Endpoint], now: datetime) -> None:
    not_due = Q(judge_at=None) | Q(judge_at__gt=now)
    last = 0
    while pks := list(model.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:MOST]):
        call(model, not_due & Q(pk__gt=last, pk__lte=pks[-1]), now)
        last = pks[-1]


def _digest() -> str:
    return sha256(f"{_code()} {settings.HIDE_UNOWNED}".encode()).hexdigest()


@cache
def _code() -> str:
    """Over the source of all that answers: nobody has to remember to count a version up."""
    made = sha256()
    for package in (rules, trust, names):
        for source in _sources(Path(str(package.__file__))):
            made.update(source.name.encode() + source.read_bytes())
    return made.hexdigest()


def _sources(file: Path) -> list[Path]:
    return sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
