"""Configuration files: read with the place of every value, compared with what is there, written in the same form."""

from certdash.lib.declare.dumping import dumped
from certdash.lib.declare.fields import (
    Field,
    Secret,
    Spelled,
    choice,
    each,
    flag,
    number,
    of_fields,
    refuse,
    secret,
    text,
    text_alone,
)
from certdash.lib.declare.planning import ALONE, By, Change, Key, Section, Values, Wanted, plan, wanted
from certdash.lib.declare.reading import DeclareError, Listing, MissingError, Node, Problem, Scalar, Table, read

__all__ = [
    "ALONE",
    "By",
    "Change",
    "DeclareError",
    "Field",
    "Key",
    "Listing",
    "MissingError",
    "Node",
    "Problem",
    "Scalar",
    "Secret",
    "Section",
    "Spelled",
    "Table",
    "Values",
    "Wanted",
    "choice",
    "dumped",
    "each",
    "flag",
    "number",
    "of_fields",
    "plan",
    "read",
    "refuse",
    "secret",
    "text",
    "text_alone",
    "wanted",
]
