"""Keeping what could not be judged: from verdicts to rows that say why and since when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from certdash.lib.inert import shorten, visible
from inventory.services.writing import insert, write
from policy.models import EVERY_RULE, Unjudged
from policy.rules import CATALOGUE, ENDPOINT_RULES, NotJudged, Subject, Verdict

LONGEST_REASON = 300
# The primary key of a certificate or endpoint, and the code of a rule.
Key = tuple[int, str]


class _Kept(NamedTuple):
    pk: int
    reason: str
    since: datetime


def keep_unjudged(subject: Subject, verdicts: Mapping[int, Mapping[str, Verdict]], now: datetime) -> None:
    """Bring the rows of a batch of subjects in line with their verdicts, in the caller's transaction.

    Writes differences alone; ``since`` stays while a rule stays unjudged, even for another reason.
    """
    column = f"{subject}_id"
    stored = Unjudged.objects.filter(**{f"{column}__in": list(verdicts)})
    kept: dict[Key, _Kept] = {
        (about, rule): _Kept(*row) for about, rule, *row in stored.values_list(column, "rule", "pk", "reason", "since")
    }
    wanted = _wanted(verdicts, kept.keys())
    if judged := [row.pk for key, row in kept.items() if key not in wanted and _is_judged(key, verdicts)]:
        Unjudged.objects.filter(pk__in=judged).delete()
    write(
        [
            Unjudged(pk=kept[key].pk, reason=reason)
            for key, reason in wanted.items()
            if key in kept and kept[key].reason != reason
        ],
        ["reason"],
    )
    new = [(*key, reason, _since(key, kept, now)) for key, reason in wanted.items() if key not in kept]
    insert(Unjudged, (column, "rule", "reason", "since"), new, or_ignore=True)


def _wanted(verdicts: Mapping[int, Mapping[str, Verdict]], kept: Collection[Key]) -> dict[Key, str]:
    """The reason of each row that there should be.

    A silent estate would have eight rows for each endpoint: where no rule of one can be judged, for one reason, one row
    is enough for all but those that have been unjudged for longer.
    """
    wanted: dict[Key, str] = {}
    for pk, by_rule in verdicts.items():
        reasons = _reasons(by_rule)
        if reasons.keys() == ENDPOINT_RULES.keys() and len(set(reasons.values())) == 1:
            own = {rule: reason for rule, reason in reasons.items() if (pk, rule) in kept}
            reasons = own if len(own) == len(reasons) else {**own, EVERY_RULE: next(iter(reasons.values()))}
        wanted.update(((pk, rule), reason) for rule, reason in reasons.items())
    return wanted


def _reasons(by_rule: Mapping[str, Verdict]) -> dict[str, str]:
    # Reasons may carry words that servers chose: of any length, and with characters that no column takes.
    return {
        rule: shorten(visible(verdict.reason), LONGEST_REASON)
        for rule, verdict in by_rule.items()
        if isinstance(verdict, NotJudged)
    }


def _since(key: Key, kept: Mapping[Key, _Kept], now: datetime) -> datetime:
    """Since now, or since no rule could be judged."""
    every = kept.get((key[0], EVERY_RULE))
    return every.since if every else now


def _is_judged(key: Key, verdicts: Mapping[int, Mapping[str, Verdict]]) -> bool:
    """Whether the verdicts speak of the rule, or nobody will ever again."""
    pk, rule = key
    return rule in verdicts[pk] or rule not in CATALOGUE
