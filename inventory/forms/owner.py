"""Whose something is, and why something is done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from certdash.lib.forms import Whole, one_line
from inventory.models import Certificate, Endpoint

REASON_LENGTH = 300


class ReasonForm(forms.Form):
    """Why something is done, kept in the audit log."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        validators=[one_line],
        help_text=_("Kept in the audit log."),
        error_messages={"required": _("Say why: the audit log keeps it.")},
    )


class OwnerForm(Whole, ReasonForm):
    """The team, and perhaps the person in it, that a certificate or an endpoint belongs to."""

    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.all(), required=False, empty_label=_("Nobody"), to_field_name="slug"
    )
    person = forms.ModelChoiceField(
        label=_("Person"), queryset=User.objects.none(), required=False, empty_label=_("Nobody in particular")
    )
    field_order = ["team", "person", "reason"]

    def __init__(self, user: User, item: Certificate | Endpoint, data: Any = None) -> None:
        team = item.owner_team
        initial = {"team": team.slug if team else None, "person": item.owner_person_id}
        super().__init__(data, initial=initial, prefix="owner", label_suffix="")
        person = self.fields["person"]
        if isinstance(person, forms.ModelChoiceField):
            person.queryset = _people(user, item)


def _people(user: User, item: Certificate | Endpoint) -> QuerySet[User]:
    """Whom a person may name: everybody for administrators, else colleagues and whoever is named already."""
    people = User.objects.filter(is_active=True)
    if user.sees_everything:
        return people
    colleagues = people.filter(memberships__team__in=user.memberships.values("team"))
    named = [item.owner_person_id] if item.owner_person_id else []
    return (colleagues | User.objects.filter(pk__in=named)).distinct()
