"""What the daily mail says to whom: the only reader for it, for its preview, and for the decision to write at all.

Each number is counted by the list that it links to, as that person sees it.
"""

from alerts.snapshot.certificates import ends
from alerts.snapshot.scope import Scope
from alerts.snapshot.taking import take
from alerts.snapshot.values import Daily, Part
from alerts.snapshot.work import late_ticks

__all__ = ["Daily", "Part", "Scope", "ends", "late_ticks", "take"]
