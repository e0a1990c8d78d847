"""The kinds of parameters that filters understand; each refuses what it cannot read, in words."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any, Self

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

MOST_VALUES = 50
LONGEST_VALUE = 300


def shortened(value: object, most: int = 60) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"


class SeveralTexts(forms.Field):
    """The same parameter any number of times, each a short text."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[str]:
        values = [str(each) for each in value or []]
        if len(values) > MOST_VALUES:
            raise ValidationError(_("more than %(most)s values"), params={"most": MOST_VALUES})
        for each in values:
            if len(each) > LONGEST_VALUE:
                raise ValidationError(_("longer than %(most)s characters"), params={"most": LONGEST_VALUE})
            ProhibitNullCharactersValidator(message=_("contains a NUL character"))(each)
        return values


class SeveralChoices(SeveralTexts):
    """Any number of words from a closed list."""

    def __init__(self, *, choices: Iterable[tuple[Any, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = [str(word) for word, _label in choices]

    def to_python(self, value: Any) -> list[str]:
        values = super().to_python(value)
        for each in values:
            if each not in self.words:
                raise ValidationError(
                    _("“%(value)s” is not one of %(words)s"),
                    params={"value": shortened(each), "words": ", ".join(self.words)},
                )
        return values


class OneChoice(SeveralChoices):
    """One word from a closed list. The list of one keeps it like its plural sister."""


class SeveralIds(SeveralTexts):
    """Any number of row ids."""

    def to_python(self, value: Any) -> list[int]:  # type: ignore[override]
        texts = super().to_python(value)
        for each in texts:
            if not each.isascii() or not each.isdigit() or len(each) > 18:
                raise ValidationError(_("“%(value)s” is not a number"), params={"value": shortened(each)})
        return [int(each) for each in texts]


class Moment(forms.CharField):
    """A date (its midnight in UTC) or a date and time (UTC unless it says otherwise).

    Not the reader's own time zone: the same link must mean the same rows to everybody.
    """

    def to_python(self, value: Any) -> datetime | None:  # type: ignore[override]
        text = super().to_python(value)
        if not text:
            return None
        try:
            moment = _utc(text)
        except (ValueError, OverflowError):  # no such day, or none of our calendar once it is in UTC
            moment = None
        if moment is None:
            raise ValidationError(
                _("“%(value)s” is not a date; write it like 2026-12-31 or 2026-12-31T18:00Z"),
                params={"value": shortened(text)},
            )
        return moment


def _utc(text: str) -> datetime | None:
    moment = parse_datetime(text)
    if moment is None and (day := parse_date(text)) is not None:
        moment = datetime.combine(day, time())
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class Shared(django_filters.Filter):
    """A filter whose field all filter sets share, because each form copies its fields itself.

    Otherwise each filter set copies everything: for the eight lists that the overview counts, the longest part of it.
    """

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        twin = copy.copy(self)
        twin.__dict__["_field"] = self.field
        twin.method = self.method  # is asked of the filter set that the twin belongs to
        return twin


class Texts(Shared):
    field_class = SeveralTexts
    several = True


class Choices(Shared):
    field_class = SeveralChoices
    several = True


class Choice(Shared):
    field_class = OneChoice
    several = False


class Ids(Shared):
    field_class = SeveralIds
    several = True


class MomentFilter(Shared):
    field_class = Moment
    several = False


class Text(Shared, django_filters.CharFilter):
    several = False


class Number(Shared):
    field_class = forms.IntegerField
    several = False
