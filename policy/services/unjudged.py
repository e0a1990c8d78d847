"""Keeping what could not be judged: from verdicts to rows that say why and since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from certdash.lib.inert import shorten, visible
from inventory.services.writing import insert, write
from policy.models import Unjudged
from policy.rules import CATALOGUE, NotJudged, Subject, Verdict

LONGEST_REASON = 300
# The primary key of a certificate or endpoint, and the code of a rule.
Key = tuple[int, str]


def keep_unjudged(subject: Subject, verdicts: Mapping[int, Mapping[str, Verdict]], now: datetime) -> None:
    """Bring the rows of a batch of subjects in line with their verdicts, in the caller's transaction.

    Writes differences alone; ``since`` stays while a rule stays unjudged, even for another reason.
    """
    column = f"{subject}_id"
    stored = Unjudged.objects.filter(**{f"{column}__in": list(verdicts)}).values_list(column, "rule", "pk", "reason")
    kept: dict[Key, tuple[int, str]] = {(about, rule): (pk, reason) for about, rule, pk, reason in stored}
    wanted = _reasons(verdicts)
    if judged := [pk for key, (pk, _) in kept.items() if key not in wanted and _is_judged(key, verdicts)]:
        Unjudged.objects.filter(pk__in=judged).delete()
    write(
        [Unjudged(pk=kept[key][0], reason=reason) for key, reason in wanted.items() if _differs(kept.get(key), reason)],
        ["reason"],
    )
    new = [(pk, rule, reason, now) for (pk, rule), reason in wanted.items() if (pk, rule) not in kept]
    insert(Unjudged, (column, "rule", "reason", "since"), new, or_ignore=True)


def _reasons(verdicts: Mapping[int, Mapping[str, Verdict]]) -> dict[Key, str]:
    # Reasons may carry words that servers chose: of any length, and with characters that no column takes.
    return {
        (pk, rule): shorten(visible(verdict.reason), LONGEST_REASON)
        for pk, by_rule in verdicts.items()
        for rule, verdict in by_rule.items()
        if isinstance(verdict, NotJudged)
    }


def _is_judged(key: Key, verdicts: Mapping[int, Mapping[str, Verdict]]) -> bool:
    """Whether the verdicts speak of the rule, or nobody will ever again."""
    pk, rule = key
    return rule in verdicts[pk] or rule not in CATALOGUE


def _differs(kept: tuple[int, str] | None, reason: str) -> bool:
    return kept is not None and kept[1] != reason
