"""A condition on many values at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _Lookup = models.Lookup[Any]
else:
    _Lookup = models.Lookup


class Among(_Lookup):
    """As ``in``, for some hundred numbers or texts: all of them are one parameter, which nobody looks at one by one.

    Bytes do not fit into it: they stay parameters of their own, but nobody looks at them either.
    """

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        column, parameters = self.process_lhs(compiler, connection)
        if isinstance(self.rhs[0], bytes):
            return f"{column} IN ({', '.join(['%s'] * len(self.rhs))})", (*parameters, *self.rhs)
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s)", (*parameters, self.rhs)
        # The name of a column of ours.
        return f"{column} IN (SELECT value FROM json_each(%s))", (*parameters, json.dumps(self.rhs))  # noqa: S608


def among(column: str, values: Iterable[int | str | bytes]) -> Among | models.Q:
    """The condition that a column (a foreign key as ``name_id``, or ``pk``) holds one of these."""
    chosen = list(values)
    # Of none, Django knows the answer without asking.
    return Among(models.F(column), chosen) if chosen else models.Q(pk__in=[])
