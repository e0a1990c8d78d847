"""Tabs that other apps serve: the settings name them, so that no page here knows who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class Panel:
    key: str
    label: str
    url: str


def panels(listed: Sequence[tuple[str, str, str]], pk: int) -> list[Panel]:
    """The panels whose app answers them; one that is not built yet is not shown."""
    found = []
    for key, label, url_name in listed:
        try:
            found.append(Panel(key, label, reverse(url_name, args=[pk])))
        except NoReverseMatch:
            continue
    return found


def chosen(found: Sequence[Panel], key: str) -> Panel | None:
    """The panel that the address asks for; anything else is the summary."""
    return next((panel for panel in found if panel.key == key), None)
