"""Whose something is, decided by rules that people keep."""

from inventory.ownership.fallbacks import Fallbacks, Place, found_by
from inventory.ownership.patterns import fits, name_pattern, text_pattern, unreadable_label
from inventory.ownership.rules import FIELDS, Facts, Rule, Said, asked_by, bounds_of, decide

__all__ = [
    "FIELDS",
    "Facts",
    "Fallbacks",
    "Place",
    "Rule",
    "Said",
    "asked_by",
    "bounds_of",
    "decide",
    "fits",
    "found_by",
    "name_pattern",
    "text_pattern",
    "unreadable_label",
]
