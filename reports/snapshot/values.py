"""What a snapshot holds: plain values, so that no template can cause a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from discovery.models import Scan
from inventory.filters import Count
from inventory.models import Certificate
from policy.rules import Rule
from reports.charts import Bars, Week

SHAPES = {
    "expired": "expired",
    "expiring": "expiring",
    "unowned": "expiring",
    "weak": "medium",
    "not_judged": "not_judged",
}
# The rules behind the number "weak".
WEAK = ("weak_key", "sha1_signature")
# A zero says something only if nearly all of its population was looked at in time.
ENOUGH_JUDGED = 0.95


@dataclass(frozen=True, slots=True)
class Number:
    """One figure of the strip: what it counts, the list behind it, and how it is meant.

    ``tone`` is "", "ok", "soon", "urgent" or "expired"; a zero is "ok" only when enough was judged.
    """

    code: str
    label: str
    value: int
    exact: bool
    url: str
    note: str = ""
    tone: str = ""

    @property
    def number(self) -> int | str:
        return self.value if self.exact else f"{self.value:,}+"

    @property
    def shape(self) -> str:
        return SHAPES.get(self.code, "") if self.value else ""


def is_enough(not_judged: int, population: int) -> bool:
    """Whether so nearly everything was judged that a zero says something."""
    return not_judged <= most_bearable(population)


def most_bearable(population: int) -> int:
    """How many may be not judged of so many if a zero is to say something."""
    return int(population * (1 - ENOUGH_JUDGED))


@dataclass(frozen=True, slots=True)
class Judged:
    """How much of the population was looked at, and judged, in time.

    The rest counts certificates in use: ``late`` were not judged in time; of ``undated`` nobody can say when they end,
    and of ``unweighed`` (``late`` among them) whether key and signature are weak; of at least so many if they are not
    all counted (``is_weighed``). ``has_gaps``: of something in the estate some rule could not be judged.
    """

    endpoints: int
    not_judged: int
    in_use: int
    late: int
    undated: int
    unweighed: int
    has_gaps: bool
    is_weighed: bool = True

    @property
    def is_enough(self) -> bool:
        return self.endpoints > 0 and is_enough(self.not_judged, self.endpoints)

    @property
    def is_enough_dated(self) -> bool:
        return self.is_enough and is_enough(self.undated, self.in_use)

    @property
    def is_whole(self) -> bool:
        """Whether every rule was judged of everything."""
        return self.endpoints > 0 and not (self.not_judged or self.late or self.has_gaps)


@dataclass(frozen=True, slots=True)
class Attention:
    """All open findings of one rule, as one line."""

    rule: Rule
    severity: int
    count: Count
    oldest: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Expiring:
    """One line of what expires next; ``status`` is "urgent" in the last sixth of a certificate's life."""

    certificate: Certificate
    status: str
    # Whether something keeps what is in date from being called good: a finding, or that nobody judged it of late.
    is_troubled: bool


@dataclass(frozen=True, slots=True)
class Since:
    """What happened since the visit before this one."""

    at: datetime
    new: Count
    new_url: str
    opened: Count
    opened_url: str
    closed: Count
    closed_url: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the overview shows, as values: no template can cause a query.

    ``sees_every_scan`` tells whether there is none, or none that the person may see, if ``scans`` is empty.
    """

    taken_at: datetime
    looked_at: datetime | None
    mine: bool
    has_teams: bool
    numbers: Sequence[Number]
    judged: Judged
    in_use: int
    in_use_url: str
    weeks: Sequence[Week]
    attention: Sequence[Attention]
    findings_url: str
    expiring_next: Sequence[Expiring]
    issuers: Bars
    keys: Bars
    scans: Sequence[Scan]
    sees_every_scan: bool
    since: Since | None

    def number(self, code: str) -> Number | None:
        return next((number for number in self.numbers if number.code == code), None)

    @property
    def expired(self) -> Number | None:
        return self.number("expired")

    @property
    def expiring(self) -> Number | None:
        return self.number("expiring")

    @property
    def unowned(self) -> Number | None:
        return self.number("unowned")
