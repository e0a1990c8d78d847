"""What the codes of open risks are called; a code that nobody names is shown as it is written."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from inventory.names import SINGLE, displayed, is_public


def risk_words(code: str) -> str:
    """The title of the rule. The app that has the rules is named in the settings, because this one must not know it."""
    titles: Mapping[str, str] = import_string(settings.RISK_TITLES)
    return gettext(titles[code]) if code in titles else code.replace("_", " ").capitalize()


def risk_codes() -> list[str]:
    """The codes of all rules."""
    return list(import_string(settings.RISK_TITLES))


def domain_words(name: str) -> str:
    """What people call a domain: a public one by its name, others by what holds them together."""
    if name == SINGLE:
        return gettext("Single names and addresses")
    return displayed(name) if is_public(name) else f".{displayed(name)}"
