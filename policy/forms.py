"""Whom findings are given to, and which ones are meant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from certdash.lib.forms import Whole, one_line
from certdash.lib.inert import visible
from inventory.forms.bulk import ScopeForm
from policy.models import Finding
from policy.services.assigning import NOTE_LENGTH, people_for, people_known
from policy.services.many import ACKNOWLEDGE, ASSIGN, Wanted

KINDS = [(ASSIGN, _("Assign")), (ACKNOWLEDGE, _("Acknowledge"))]


class AssignForm(Whole, forms.Form):
    """A person who sees what the finding is about, or nobody; and a note to them."""

    person = forms.ModelChoiceField(
        label=_("Person"), queryset=User.objects.none(), required=False, empty_label=_("Nobody")
    )
    note = forms.CharField(label=_("Note"), max_length=NOTE_LENGTH, required=False, validators=[one_line])
    # What was seen, so that nobody's choice is overwritten unseen.
    was = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, finding: Finding, user: User, now: datetime, data: Any = None) -> None:
        held = {"person": finding.assigned_to_id, "note": finding.assignment_note, "was": finding.assigned_to_id}
        super().__init__(data, initial=held, prefix="assign", label_suffix="")
        person = self.fields["person"]
        if isinstance(person, forms.ModelChoiceField):
            person.queryset = people_for(finding, user, now)

    def collide(self, person: User | None) -> None:
        """Say whose it became meanwhile; assigning once more then writes over it."""
        whose = visible(str(person)) if person else gettext("nobody")
        self.add_error(None, gettext("Somebody was faster: it is assigned to %(person)s now.") % {"person": whose})
        seen = {self.add_prefix("was"): str(person.pk) if person else ""}
        self.data = {**{name: self.data[name] for name in self.data}, **seen}


class FindingScope(ScopeForm):
    """Findings that were ticked, or all that match. ``seen`` is the version of what the person was shown."""

    kind = forms.ChoiceField(choices=KINDS)
    seen = forms.CharField(max_length=64, required=False)


class AssignMany(Whole, forms.Form):
    """A person, or nobody, and a note to them, for many findings."""

    person = forms.ModelChoiceField(
        label=_("Person"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("Nobody"),
        help_text=_("They get one mail. Findings about what they do not see are left out."),
    )
    note = forms.CharField(label=_("Note"), max_length=NOTE_LENGTH, required=False, validators=[one_line])

    def __init__(self, user: User, now: datetime, data: Any = None) -> None:
        super().__init__(data, prefix="assign", label_suffix="")
        person = self.fields["person"]
        if isinstance(person, forms.ModelChoiceField):
            person.queryset = people_known(user, now)

    @property
    def wanted(self) -> Wanted:
        return Wanted(ASSIGN, self.cleaned_data["person"], self.cleaned_data["note"])


class AcknowledgeMany(forms.Form):
    """There is nothing to choose."""

    wanted = Wanted(ACKNOWLEDGE)

    def __init__(self, _user: User, _now: datetime, _data: Any = None) -> None:
        super().__init__({}, label_suffix="")


FORMS: dict[str, Any] = {ASSIGN: AssignMany, ACKNOWLEDGE: AcknowledgeMany}
