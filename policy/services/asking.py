"""Asking everything again when the rules are not those that were asked last."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from inventory import names, trust
from inventory.models import Certificate, Endpoint
from policy import rules
from policy.models import Asked
from policy.services.calling import MOST, call

RULES = "rules"
# So many times MOST rows are as many as one tick judges of one table: what changes meanwhile is due after these, and
# does not wait for hours.
MOST_CALLS = 2
_CALLED: tuple[type[Certificate] | type[Endpoint], ...] = (Certificate, Endpoint)
# Characters of a digest beside which a place fits into its column.
_SHORT = 32


def call_for_changed_rules(now: datetime) -> None:
    """Make due, a number of batches at a time, what an earlier version of the rules was asked of.

    The place is kept with each batch: who comes next, or after one that died, goes on from there. What the rules of
    before said of the rest stays until it is called; what was called and not asked within an hour counts as late.
    """
    digest = _digest()
    for _ in range(MOST_CALLS):
        if _call_next(digest, now):
            return


@transaction.atomic
def _call_next(digest: str, now: datetime) -> bool:
    """Call one batch if one is left, and say whether none is; nobody else does so meanwhile."""
    asked, _ = Asked.objects.select_for_update().get_or_create(name=RULES)
    if asked.digest == digest:
        return True
    at, last = _place(asked.digest, digest)
    not_due = Q(judge_at=None) | Q(judge_at__gt=now)
    model = _CALLED[at]
    pks = list(model.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:MOST])
    if pks:
        call(model, not_due & Q(pk__gt=last, pk__lte=pks[-1]), now)
    if len(pks) < MOST:
        at, last = at + 1, 0
    else:
        last = pks[-1]
    is_last = at == len(_CALLED)
    asked.digest = digest if is_last else f"{digest[:_SHORT]} {at} {last}"
    asked.save(update_fields=["digest"])
    return is_last


def _place(kept: str, digest: str) -> tuple[int, int]:
    """Which table is being called, and up to which key; from the beginning if other rules were being called for."""
    words = kept.split()
    return (int(words[1]), int(words[2])) if words[:-2] == [digest[:_SHORT]] else (0, 0)


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
