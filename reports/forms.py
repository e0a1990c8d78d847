"""What a person says when asking for a report, once or again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import SavedView, Team, User
from certdash.lib.forms import Whole, say_one_line
from reports.models import Report, Schedule
from reports.services import scope_of

# The stubs make the class generic, Django itself does not.
if TYPE_CHECKING:
    ScheduleFormBase = forms.ModelForm[Schedule]
else:
    ScheduleFormBase = forms.ModelForm


class ReportForm(forms.Form):
    """A kind of report, and the filter of the list that it covers."""

    kind = forms.ChoiceField(label=_("Report"), choices=Report.Kind)
    filter = forms.CharField(
        label=_("Scope"),
        required=False,
        max_length=2000,
        help_text=_("Empty for everything that you may see, or the part after “?” of a list’s address."),
    )

    def __init__(self, *args: Any, user: User, now: Any, **kwargs: Any) -> None:
        self.user = user
        self.now = now
        super().__init__(*args, **kwargs)

    def clean_filter(self) -> str:
        query: str = self.cleaned_data["filter"].strip().removeprefix("?")
        try:
            scope_of(self.user, query, self.now)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return query


class ScheduleForm(Whole, ScheduleFormBase):
    """A report that is made by itself. Administrators choose whose eyes it is made with, others make their own."""

    hour = forms.TypedChoiceField(
        label=_("At"),
        coerce=int,
        initial=6,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        help_text=_("In the time zone of the organisation."),
    )

    class Meta:
        model = Schedule
        fields = ["name", "view", "filter", "every", "day", "hour", "team", "person", "enabled"]
        help_texts = {
            "filter": _("Empty for everything that its person may see, or the part after “?” of a list’s address."),
            "day": _("Of the week (1 is Monday) or of the month; a shorter month has it on its last day."),
            "person": _("It shows what they may see when it is made."),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        say_one_line(self, "name", "filter")
        person = self.instance.person if self.instance.person_id else user
        views = SavedView.objects.visible_to(person).filter(page=SavedView.Page.CERTIFICATES)
        teams = Team.objects.all() if user.is_administrator else user.teams.all()
        self.fields["view"] = forms.ModelChoiceField(
            label=_("Saved view"), queryset=views, required=False, empty_label=_("none: as filtered below")
        )
        self.fields["team"] = forms.ModelChoiceField(
            label=_("For the team"),
            queryset=teams,
            required=False,
            help_text=_("Then it covers what that team owns, and its members read it. Its person must be one of them."),
        )
        if user.is_administrator:
            self._ask_for_the_person(person)
        else:
            del self.fields["person"]

    def _ask_for_the_person(self, person: User) -> None:
        people = User.objects.filter(is_active=True) | User.objects.filter(pk=person.pk)
        help_text = self.fields["person"].help_text
        self.fields["person"] = forms.ModelChoiceField(
            label=_("Made with the eyes of"), queryset=people, initial=person.pk, help_text=help_text
        )

    def must_be_whole(self) -> bool:
        return self.instance.pk is not None

    def clean_filter(self) -> str:
        query: str = self.cleaned_data["filter"].strip().removeprefix("?")
        return query

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        every, day = cleaned.get("every"), cleaned.get("day") or 0
        if every == Schedule.Every.DAY:
            cleaned["day"] = 1
        elif not 1 <= day <= (7 if every == Schedule.Every.WEEK else 31):
            self.add_error("day", _("Write 1 to 7 for a day of the week, 1 to 31 for one of the month."))
        if cleaned.get("view") and cleaned.get("filter"):
            self.add_error("filter", _("Choose a saved view or write a filter, not both."))
        person = cleaned.get("person") or (self.instance.person if self.instance.person_id else self.user)
        self.instance.person = person
        same = Schedule.objects.filter(person=person, name=cleaned.get("name", "")).exclude(pk=self.instance.pk)
        if same.exists():
            self.add_error("name", _("There is a schedule of this name already."))
        return cleaned
