"""What our forms check before anything else: that they came whole, and that one line is one line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from certdash.lib.inert import visible

INCOMPLETE = _("The form was incomplete, so nothing was saved. Open the page again and repeat it.")


class Whole(forms.BaseForm):
    """A form that edits what stands already: a field that did not arrive is no empty one.

    A box that is not ticked does not arrive either, so boxes alone cannot be told from a form without them.
    """

    def clean(self) -> Any:
        cleaned = super().clean()
        if self.must_be_whole() and any(self._is_missing(name) for name in self.fields):
            self.add_error(None, ValidationError(INCOMPLETE, code="incomplete"))
        return cleaned

    def must_be_whole(self) -> bool:
        return True

    def _is_missing(self, name: str) -> bool:
        field = self.fields[name]
        omitted = field.widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name))
        return omitted and not field.disabled


def one_line(text: str) -> None:
    """Refuse line breaks, hidden characters and those that turn the direction of reading."""
    if visible(text) != text:
        raise ValidationError(_("“%(item)s” has characters that nobody sees."), params={"item": visible(text)})


def many_lines(text: str) -> None:
    """The same for a text of several lines: its line breaks and tabs are seen."""
    for line in text.replace("\r\n", "\n").split("\n"):
        one_line(line.replace("\t", " "))


def say_one_line(form: forms.BaseForm, *names: str) -> None:
    """Have these fields of a form refuse what ``one_line`` refuses."""
    for name in form.fields.keys() & set(names):
        others = [rule for rule in form.fields[name].validators if rule is not one_line]
        form.fields[name].validators = [*others, one_line]
