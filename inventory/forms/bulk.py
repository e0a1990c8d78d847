"""What is to become of many at once, and which ones are meant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from inventory.forms.details import APPLICATION_LENGTH, LONGEST_LIFETIME, note_lines
from inventory.forms.fields import ITEM_LENGTH, VALUE_LENGTH, TagWords, Words, short
from inventory.forms.owner import ReasonForm, people_to_name, require_team
from inventory.models import BulkChange, Criticality, Environment, Exposure, Purpose

MOST_CHOSEN = 500
# Rules are applied, and changes taken back, on pages of their own.
ELSEWHERE = {BulkChange.Kind.RULES, BulkChange.Kind.UNDO}
KINDS = [pair for pair in BulkChange.Kind.choices if pair[0] not in ELSEWHERE]
CLEAR = "-"
NOTE_LENGTH = 1000


def read_chosen(texts: Collection[str], too_many: str) -> list[int]:
    """Primary keys as they were ticked. Raises ValidationError; ``too_many`` names the limit as ``most``."""
    if len(texts) > MOST_CHOSEN:
        raise ValidationError(too_many, params={"most": MOST_CHOSEN})
    if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in texts):
        raise ValidationError(_("What was ticked is not understood. Open the list again."))
    return sorted({int(text) for text in texts})


class ScopeForm(forms.Form):
    """All that a filter finds, or rows that were ticked. ``expected`` is the number that the person was shown."""

    scope = forms.ChoiceField(choices=[("chosen", ""), ("all", "")], required=False)
    query = forms.CharField(max_length=2000, required=False)
    pk = forms.Field(required=False, widget=forms.MultipleHiddenInput)
    expected = forms.CharField(max_length=20, required=False)
    kind = forms.ChoiceField(choices=KINDS, required=False)

    def clean_pk(self) -> list[int]:
        texts = [str(text) for text in self.cleaned_data["pk"] or []]
        return read_chosen(
            texts, gettext("At most %(most)s can be ticked. Filter the list, and change all that match.")
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("scope") != "all" and not cleaned.get("pk") and not self.errors:
            raise ValidationError(_("Nothing was ticked. Tick what is to be changed, or choose all that match."))
        return cleaned


class OwnerOfMany(ReasonForm):
    """As for one: any team, and whom one may name."""

    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.all(), required=False, empty_label=_("Nobody"), to_field_name="slug"
    )
    person = forms.ModelChoiceField(
        label=_("Person"), queryset=User.objects.none(), required=False, empty_label=_("Nobody in particular")
    )
    field_order = ["team", "person", "reason"]

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data, prefix="change", label_suffix="")
        person = self.fields["person"]
        if isinstance(person, forms.ModelChoiceField):
            person.queryset = people_to_name(user)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        require_team(self)
        return cleaned

    @property
    def change(self) -> Mapping[str, Any]:
        team, person = self.cleaned_data["team"], self.cleaned_data["person"]
        return {"team": team.pk if team else None, "person": person.pk if person else None}


def _word(label: Any, choices: list[tuple[str, Any]]) -> forms.ChoiceField:
    stays = [("", _("Leave as it is")), *choices, (CLEAR, _("Not set"))]
    return forms.ChoiceField(label=label, choices=stays, required=False)


SAID = ("environment", "criticality", "purpose", "exposure", "application")


class DetailsOfMany(forms.Form):
    """Only what is chosen here is written."""

    environment = _word(_("Environment"), Environment.choices)
    criticality = _word(_("Criticality"), Criticality.choices)
    purpose = _word(_("Purpose"), Purpose.choices)
    exposure = _word(_("Exposure"), Exposure.choices)
    application = forms.CharField(
        label=_("Application"),
        max_length=APPLICATION_LENGTH,
        required=False,
        help_text=_("Empty leaves it as it is, a dash (-) takes it away."),
    )
    data_lifetime_years = forms.CharField(
        label=_("Data lifetime in years"),
        max_length=3,
        required=False,
        help_text=_("How long what it protects must stay secret. A dash (-) takes it away."),
    )
    under = Words(label=_("Add regulations"), max_length=1200, required=False, help_text=_("With commas: NIS2, DORA"))
    not_under = Words(label=_("Remove regulations"), max_length=1200, required=False)
    note = forms.CharField(
        label=_("Add to the notes"),
        max_length=NOTE_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Comes below what stands there; nothing is written over."),
    )
    own_field = forms.CharField(
        label=_("One field of your own"),
        max_length=ITEM_LENGTH + VALUE_LENGTH + 1,
        required=False,
        help_text=_("As key=value; “key=” alone takes that field away."),
    )

    def __init__(self, _user: User, data: Any = None) -> None:
        super().__init__(data, prefix="change", label_suffix="")

    def clean_application(self) -> str:
        return short(str(self.cleaned_data["application"]), APPLICATION_LENGTH)

    def clean_data_lifetime_years(self) -> str:
        text = str(self.cleaned_data["data_lifetime_years"]).strip()
        if text in {"", CLEAR} or (text.isascii() and text.isdigit() and int(text) <= LONGEST_LIFETIME):
            return text
        raise ValidationError(
            _("Write a number of years up to %(most)s, or a dash."), params={"most": LONGEST_LIFETIME}
        )

    def clean_note(self) -> str:
        return note_lines(str(self.cleaned_data["note"])).strip()

    def clean_own_field(self) -> dict[str, str | None]:
        text = str(self.cleaned_data["own_field"])
        if not text:
            return {}
        key, equals, value = (part.strip() for part in text.partition("="))
        if not key or not equals:
            raise ValidationError(_("Write it as key=value."))
        return {short(key, ITEM_LENGTH): short(value, VALUE_LENGTH) or None}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not any(cleaned.values()) and not self.errors:
            raise ValidationError(_("Choose what is to be written."))
        if both := sorted({*(cleaned.get("under") or ())} & {*(cleaned.get("not_under") or ())}):
            raise ValidationError(_("“%(word)s” cannot be added and removed at once."), params={"word": both[0]})
        return cleaned

    @property
    def change(self) -> Mapping[str, Any]:
        said = {name: self.cleaned_data[name] for name in SAID if self.cleaned_data[name]}
        years = self.cleaned_data["data_lifetime_years"]
        wanted = {name: "" if value == CLEAR else value for name, value in said.items()}
        return {
            "set": wanted | ({"data_lifetime_years": None if years == CLEAR else int(years)} if years else {}),
            "fields": self.cleaned_data["own_field"],
            **{name: self.cleaned_data[name] for name in ("under", "not_under", "note")},
        }


class TagsOfMany(forms.Form):
    add = TagWords(label=_("Add tags"), max_length=1200, required=False, help_text=_("With commas: shop, blue-green"))
    remove = TagWords(label=_("Remove tags"), max_length=1200, required=False)

    def __init__(self, _user: User, data: Any = None) -> None:
        super().__init__(data, prefix="change", label_suffix="")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        add, remove = cleaned.get("add") or [], cleaned.get("remove") or []
        if both := sorted({*add} & {*remove}):
            raise ValidationError(_("“%(tag)s” cannot be added and removed at once."), params={"tag": both[0]})
        if not add and not remove and not self.errors:
            raise ValidationError(_("Name a tag to add or to remove."))
        return cleaned

    @property
    def change(self) -> Mapping[str, Any]:
        return {"add": self.cleaned_data["add"], "remove": self.cleaned_data["remove"]}


class RetirementOfMany(ReasonForm):
    def __init__(self, _user: User, data: Any = None) -> None:
        super().__init__(data, prefix="change", label_suffix="")

    @property
    def change(self) -> Mapping[str, Any]:
        return {}


CHANGE_FORMS: Mapping[str, Any] = {
    BulkChange.Kind.OWNER: OwnerOfMany,
    BulkChange.Kind.DETAILS: DetailsOfMany,
    BulkChange.Kind.TAGS: TagsOfMany,
    BulkChange.Kind.RETIRE: RetirementOfMany,
    BulkChange.Kind.UNRETIRE: RetirementOfMany,
}
