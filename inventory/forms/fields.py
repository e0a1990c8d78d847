"""Lists and pairs as people type them into one box; what cannot be kept is named."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.utils.translation import gettext_lazy as _

from certdash.lib.inert import visible

ITEM_LENGTH, MOST_ITEMS = 50, 20
VALUE_LENGTH, MOST_FIELDS = 300, 30


class Words(forms.CharField):
    """A list of short texts with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        texts = [" ".join(text.split()) for text in (super().clean(value) or "").split(",")]
        words = list(dict.fromkeys(self.read(text) for text in texts if text))
        if len(words) > MOST_ITEMS:
            raise ValidationError(_("There are %(count)s; at most %(most)s are kept.") % _count(words, MOST_ITEMS))
        return words

    def read(self, text: str) -> str:
        return short(text, ITEM_LENGTH)


class TagWords(Words):
    """Tags: the same whoever types them, in the order of the alphabet."""

    def clean(self, value: Any) -> list[str]:
        return sorted(super().clean(value))

    def read(self, text: str) -> str:
        return tag_name(text)


def tag_name(text: str) -> str:
    word = short(text, ITEM_LENGTH).lower()
    try:
        validate_slug(word)
    except ValidationError as error:
        message = _("“%(item)s” is no tag: letters a to z, digits, - and _ make one.")
        raise ValidationError(message, params={"item": visible(text)}) from error
    return word


def short(text: str, most: int) -> str:
    if len(text) > most:
        message = _("“%(item)s…” is longer than %(most)s characters.")
        raise ValidationError(message, params={"item": visible(text[:most]), "most": most})
    if visible(text) != text:
        raise ValidationError(_("“%(item)s” has characters that nobody sees."), params={"item": visible(text)})
    return text


def _count(items: Sized, most: int) -> dict[str, int]:
    return {"count": len(items), "most": most}


class KeyValues(forms.CharField):
    """Fields of one's own: a line ``key=value`` for each."""

    def prepare_value(self, value: Any) -> Any:
        return (
            "\n".join(f"{key}={text}" for key, text in sorted(value.items())) if isinstance(value, Mapping) else value
        )

    def clean(self, value: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, line in enumerate((super().clean(value) or "").splitlines(), 1):
            if line.strip():
                key, text = self._read(number, line)
                if key in found:
                    raise ValidationError(
                        _("Line %(number)s: “%(key)s” stands twice.") % {"number": number, "key": key}
                    )
                found[key] = text
        if len(found) > MOST_FIELDS:
            raise ValidationError(_("There are %(count)s; at most %(most)s are kept.") % _count(found, MOST_FIELDS))
        return dict(sorted(found.items()))

    def _read(self, number: int, line: str) -> tuple[str, str]:
        key, equals, text = (part.strip() for part in line.partition("="))
        if not key or not equals:
            message = _("Line %(number)s, “%(line)s”: write it as key=value.")
            raise ValidationError(message, params={"number": number, "line": visible(line[:ITEM_LENGTH])})
        return short(key, ITEM_LENGTH), short(text, VALUE_LENGTH)
