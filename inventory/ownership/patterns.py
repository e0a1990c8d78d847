"""Patterns that people write: ``*`` stands for any characters, everything else for itself."""

from __future__ import annotations

from inventory.names import normalise


def fits(pattern: str, text: str) -> bool:
    """Say whether the whole text is what the pattern describes. Takes one pass: nothing is ever tried again."""
    head, *parts = pattern.split("*")
    if not parts:
        return pattern == text
    tail = parts.pop()
    if len(text) < len(head) + len(tail) or not text.startswith(head) or not text.endswith(tail):
        return False
    at, end = len(head), len(text) - len(tail)
    for part in parts:
        # The first place is the best one: what stands behind it has the most room.
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def name_pattern(text: str) -> str:
    """Return a pattern of host names as it is compared: lower case, A-labels, no final dot, no two stars in a row."""
    labels = (label if "*" in label else normalise(label) for label in text.strip().rstrip(".").lower().split("."))
    return _single(".".join(labels))


def text_pattern(text: str) -> str:
    """Return a pattern of any other text as it is compared: whatever the case of its letters."""
    return _single(text.strip().casefold())


def unreadable_label(text: str) -> str:
    """Return the label that no name can fit: a star beside letters that names carry only as a whole A-label."""
    return next((label for label in text.split(".") if "*" in label and not label.isascii()), "")


def _single(pattern: str) -> str:
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    return pattern
