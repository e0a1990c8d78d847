"""The form of the details of a certificate or an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from certdash.lib.forms import INCOMPLETE, Whole
from certdash.lib.inert import visible
from inventory.forms.fields import KeyValues, TagWords, Words, short
from inventory.models import Certificate, Criticality, Endpoint, Environment, Exposure, Purpose
from inventory.services import details_of, version_of
from inventory.snapshot.words import Used

APPLICATION_LENGTH, NOTES_LENGTH = 100, 5000
LONGEST_LIFETIME = 200  # years
CHOICES: Mapping[str, type[models.TextChoices]] = {
    "environment": Environment,
    "criticality": Criticality,
    "purpose": Purpose,
    "exposure": Exposure,
}


def note_lines(text: str) -> str:
    """Browsers end lines with two characters; it must not look like a change."""
    lines = text.replace("\r\n", "\n").expandtabs(4).split("\n")
    return "\n".join(short(line, NOTES_LENGTH) for line in lines)


class Chosen(forms.ChoiceField):
    """One word of a closed list, or none yet."""

    def __init__(self, words: type[models.TextChoices], label: Any) -> None:
        super().__init__(label=label, choices=[("", _("Not set")), *words.choices], required=False)


class DetailsForm(Whole, forms.Form):
    """What an organisation says of a certificate or an endpoint. All of it may be left empty: nobody said it yet."""

    environment = Chosen(Environment, _("Environment"))
    criticality = Chosen(Criticality, _("Criticality"))
    application = forms.CharField(label=_("Application"), max_length=APPLICATION_LENGTH, required=False)
    purpose = Chosen(Purpose, _("Purpose"))
    exposure = Chosen(Exposure, _("Exposure"))
    tags = TagWords(label=_("Tags"), max_length=1200, required=False, help_text=_("With commas: shop, blue-green"))
    regulations = Words(label=_("Regulations"), max_length=1200, required=False, help_text=_("With commas: NIS2, DORA"))
    data_lifetime_years = forms.IntegerField(
        label=_("Data lifetime in years"),
        min_value=0,
        max_value=LONGEST_LIFETIME,
        required=False,
        help_text=_("How long what it protects must stay secret."),
    )
    custom_fields = KeyValues(
        label=_("Fields of your own"),
        max_length=12_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One a line, as key=value"),
    )
    notes = forms.CharField(
        label=_("Notes"), max_length=NOTES_LENGTH, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    # What the person saw, so that nobody's change is overwritten unseen.
    version = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)

    def __init__(self, item: Certificate | Endpoint, data: Any = None, used: Used | None = None) -> None:
        """``used``: words to choose from, of what the person sees."""
        stands = details_of(item)
        initial = {**stands, "version": version_of(stands)}
        super().__init__(data, initial=initial, prefix="details", label_suffix="")
        self.used = used or Used()
        self._offer("tags", self.used.tags)
        self._offer("custom_fields", self.used.fields)
        if self.used.applications:
            self.fields["application"].widget.attrs["list"] = "details-applications"

    def _offer(self, name: str, words: Sequence[str]) -> None:
        """Several stand in one box, so a browser cannot complete them: they are named."""
        if words:
            field = self.fields[name]
            field.help_text = gettext("%(hint)s. In use: %(words)s") % {
                "hint": field.help_text,
                "words": ", ".join(map(visible, words)),
            }

    def clean(self) -> dict[str, Any]:
        """Without the version, nobody could say whether this overwrites what another person wrote meanwhile."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not cleaned.get("version") and not self.non_field_errors():
            self.add_error(None, INCOMPLETE)
        return cleaned

    def clean_application(self) -> str:
        return short(str(self.cleaned_data["application"]), APPLICATION_LENGTH)

    def clean_notes(self) -> str:
        return note_lines(str(self.cleaned_data["notes"]))

    @property
    def wanted(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}

    def collide(self, stands: Mapping[str, Any]) -> None:
        """Say what somebody else changed meanwhile; saving once more then writes over it."""
        message = _("Somebody changed this meanwhile; it is now: %(value)s")
        for name, value in self.wanted.items():
            if stands[name] != value:
                self.add_error(name, ValidationError(message, params={"value": self._words(name, stands[name])}))
        self.add_error(None, _("Nothing was saved yet. Look at what differs, and save again."))
        self.data = {**{name: self.data[name] for name in self.data}, self.add_prefix("version"): version_of(stands)}

    def _words(self, name: str, value: Any) -> str:
        if not value and value != 0:
            return gettext("not set")
        words = CHOICES[name](value).label if name in CHOICES else self.fields[name].prepare_value(value)
        return visible(str(words))
