"""The words of the reviewed table: people, owners of things, and the usual answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PEOPLE = ("anonymous", "viewer", "operator", "stranger", "auditor", "administrator")
OWNERS = ("web", "payments", "nobody")
Answers = Mapping[str, str]


def each(web: str, payments: str, nobody: str) -> Answers:
    return {"web": web, "payments": payments, "nobody": nobody}


def all(words: str) -> Answers:
    return dict.fromkeys(OWNERS, words)


# --- answers ------------------ anonymous viewer operator stranger auditor administrator

ANYBODY = all("                200      200    200      200      200     200")
MISSING = all("                404      404    404      404      404     404")
LED_ON = all("                 done     done   done     done     done    done")
SIGNED_IN = all("              sign-in  200    200      200      200     200")
OF_ALL = all("                 sign-in  done   done     done     done    done")
CHANGERS = all("               sign-in  403    200      200      403     200")
CHANGE = all("                 sign-in  403    done     done     403     done")
ADMINISTRATORS = all("         sign-in  403    403      403      403     200")
ADMINISTER = all("             sign-in  403    403      403      403     done")
READERS = all("                sign-in  403    403      403      200     200")
READERS_ACT = all("            sign-in  403    403      403      done    done")

# What teams own; what nobody owns is shown to everybody, so that somebody claims it.
SEEN = each(
    web="                       sign-in  200    200      404      200     200",
    payments="                  sign-in  404    404      200      200     200",
    nobody="                    sign-in  200    200      200      200     200",
)
CHANGERS_OF_SEEN = each(
    web="                       sign-in  403    200      404      403     200",
    payments="                  sign-in  403    404      200      403     200",
    nobody="                    sign-in  403    200      200      403     200",
)
CHANGE_SEEN = each(
    web="                       sign-in  403    done     404      403     done",
    payments="                  sign-in  403    404      done     403     done",
    nobody="                    sign-in  403    done     done     403     done",
)
# The same with CERTDASH_HIDE_UNOWNED.
SEEN_IF_OWNED = {**SEEN, "nobody": "sign-in  404    404      404      200     200"}

# Scans of a team's source. Without one they belong to whoever asked.
SCANS = {**SEEN, "nobody": "    sign-in  404    404      404      200     200"}
CANCEL = {**CHANGE_SEEN, "nobody": "sign-in 403 404      404      403     done"}

# Sources: operators keep those of their teams, administrators all.
SOURCES = {**CHANGERS_OF_SEEN, "nobody": "sign-in 403 404 404     403     200"}
SOURCES_CHANGE = {**CHANGE_SEEN, "nobody": "sign-in 403 404 404   403     done"}

# Reports show what their author could see: the author alone, and those who see everything.
REPORTS = each(
    web="                       sign-in  404    200      404      200     200",
    payments="                  sign-in  404    404      200      200     200",
    nobody="                    sign-in  404    404      404      200     200",
)


@dataclass(frozen=True, slots=True)
class Route:
    """``thing`` is what the address names. ``fragment``: htmx gets a part of the page. None: the method is refused."""

    get: Answers | None = None
    post: Answers | None = None
    thing: str = ""
    fragment: bool = False
    is_open: bool = False
