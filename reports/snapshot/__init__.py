"""The state of everything at one moment, as shown: the only reader for the overview.

Each number carries the address of the list that it counts, and is counted by that list's own filter or by the totals
that are kept for it, so that a number and the list behind it cannot differ.
"""

from reports.snapshot.taking import take
from reports.snapshot.values import Snapshot

__all__ = ["Snapshot", "take"]
