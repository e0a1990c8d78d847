"""Whom a finding is given to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from certdash.lib.forms import Whole, one_line
from certdash.lib.inert import visible
from policy.models import Finding
from policy.services.assigning import NOTE_LENGTH, people_for


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
