"""The answers that a rule can give. Good needs evidence; without it the answer is NotJudged, never Good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from policy.rules.catalogue import Severity


@dataclass(frozen=True, slots=True)
class Bad:
    """The rule is broken. ``sentence`` is read by people; ``evidence`` is what we read and what is allowed.

    ``severity`` None means the rule's own. ``changes_at`` is when time alone will change the answer.
    """

    sentence: str
    evidence: Mapping[str, str] = field(default_factory=dict)
    severity: Severity | None = None
    changes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Good:
    """The rule is kept, as fresh evidence shows."""

    changes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotJudged:
    """Nobody can say: the reason, as a sentence."""

    reason: str
    changes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The question went away: the certificate was seen to be served no more, or the endpoint is retired."""

    closing: str


Verdict = Bad | Good | NotJudged | NotApplicable
