"""Which columns a list shows: the usual ones, or those that its address names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

# Column → heading, and whether it is shown unless others are asked for. The name of a thing always is.
Columns = Mapping[str, tuple[Any, bool]]
_SAID: Columns = {
    "environment": (_("Environment"), False),
    "criticality": (_("Criticality"), False),
    "application": (_("Application"), False),
    "purpose": (_("Purpose"), False),
    "exposure": (_("Exposure"), False),
}
CERTIFICATE_COLUMNS: Columns = {
    "expires": (_("Expires"), True),
    "lifetime": (_("Lifetime"), True),
    "owner": (_("Owner"), True),
    **_SAID,
    "issuer": (_("Issuer"), True),
    "served": (_("Served on"), True),
    "key": (_("Key"), True),
    "first_seen": (_("First seen"), False),
    "risks": (_("Risks"), True),
}
ENDPOINT_COLUMNS: Columns = {
    "name": (_("Server name"), True),
    "serves": (_("Serves"), True),
    "expires": (_("Expires"), True),
    "tls": (_("TLS"), True),
    "owner": (_("Owner"), True),
    **_SAID,
    "severity": (_("Worst finding"), True),
    "seen": (_("Seen"), True),
}


def columns_context(asked: QueryDict, columns: Columns) -> dict[str, Any]:
    """``columns_offered`` is for the menu: name, heading, whether it is shown.

    ``columns_chosen``: others are shown than usual, so none may hide for want of room.
    """
    named = {name for text in asked.getlist("columns") for name in text.split(",")}
    usual = {name for name, (_heading, is_usual) in columns.items() if is_usual}
    shown = named & columns.keys() or usual
    said = [name for name in columns if name in _SAID and name in shown]
    return {
        "shown": shown,
        "columns_chosen": shown != usual,
        "said_columns": [(name, columns[name][0]) for name in said],
        "columns_offered": [(name, heading, name in shown) for name, (heading, _usual) in columns.items()],
        "columns_kept": [(name, value) for name, values in asked.lists() for value in values if name not in _PLACE],
    }


_PLACE = {"columns", "after"}
