"""Ownership rules: kept by administrators, applied to what is found and, when somebody asks, to what is known."""

from inventory.services.rules.applying import Applied, Change, apply_batch, put_changes, tell_applied
from inventory.services.rules.beginning import Finds
from inventory.services.rules.standing import Stand, people_say

__all__ = [
    "Applied",
    "Change",
    "Finds",
    "Stand",
    "apply_batch",
    "people_say",
    "put_changes",
    "tell_applied",
]
