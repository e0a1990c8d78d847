"""Ownership rules: kept by administrators, applied to what is found and, when somebody asks, to what is known."""

from inventory.services.rules.applying import Applied, apply_batch, apply_rules, tell_applied
from inventory.services.rules.beginning import Finds
from inventory.services.rules.standing import people_say

__all__ = ["Applied", "Finds", "apply_batch", "apply_rules", "people_say", "tell_applied"]
