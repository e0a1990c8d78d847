"""Whose something is, decided by rules that people keep."""

from inventory.ownership.book import RuleBook
from inventory.ownership.fallbacks import Fallbacks, Place, found_by
from inventory.ownership.patterns import fits, name_pattern, text_pattern, unreadable_label
from inventory.ownership.rules import FIELDS, Facts, Rule, Said, bounds_of, decide
from inventory.ownership.suggestions import Clue, Confidence, Hint, Suggestion, above, suggest, tally

__all__ = [
    "FIELDS",
    "Clue",
    "Confidence",
    "Facts",
    "Fallbacks",
    "Hint",
    "Place",
    "Rule",
    "RuleBook",
    "Said",
    "Suggestion",
    "above",
    "bounds_of",
    "decide",
    "fits",
    "found_by",
    "name_pattern",
    "suggest",
    "tally",
    "text_pattern",
    "unreadable_label",
]
