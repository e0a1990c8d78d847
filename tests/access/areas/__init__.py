"""Parts of the reviewed table, one module each."""

from __future__ import annotations

from types import ModuleType

from tests.access.answers import Route
from tests.access.areas import finding, imports, lists, ownership, rules, schedules, told

AREAS: tuple[ModuleType, ...] = (finding, imports, lists, ownership, rules, schedules, told)
AREA_ROUTES: dict[str, Route] = {name: route for area in AREAS for name, route in area.ROUTES.items()}
