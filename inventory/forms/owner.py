"""Whose something is, and why something is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from accounts.services import open_accounts
from certdash.lib.forms import INCOMPLETE, Whole, one_line
from certdash.lib.inert import visible
from inventory.models import Certificate, Endpoint
from inventory.services import owner_of, version_of

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
    # What the person saw, so that nobody's choice is overwritten unseen.
    version = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)
    field_order = ["team", "person", "reason"]

    def __init__(self, user: User, item: Certificate | Endpoint, data: Any = None) -> None:
        team = item.owner_team
        initial = {
            "team": team.slug if team else None,
            "person": item.owner_person_id,
            "version": version_of(owner_of(item)),
        }
        super().__init__(data, initial=initial, prefix="owner", label_suffix="")
        person = self.fields["person"]
        if isinstance(person, forms.ModelChoiceField):
            named = [item.owner_person_id] if item.owner_person_id else []
            person.queryset = people_to_name(user, *named)

    def clean(self) -> dict[str, Any]:
        """Without the version, nobody could say whether this overwrites what another person chose meanwhile."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        require_team(self)
        if not cleaned.get("version") and not self.non_field_errors():
            self.add_error(None, INCOMPLETE)
        return cleaned

    def collide(self, stands: Mapping[str, Any]) -> None:
        """Say whose it became meanwhile, and why; saving once more then writes over it."""
        message = _("Somebody changed this meanwhile; it is now: %(value)s")
        for name in ("team", "person"):
            if stands[name] != self.cleaned_data[name]:
                value = visible(str(stands[name] or gettext("nobody")))
                self.add_error(name, ValidationError(message, params={"value": value}))
        if stands["reason"]:
            reason = ValidationError(_("Their reason: %(value)s"), params={"value": visible(stands["reason"])})
            self.add_error(None, reason)
        self.add_error(None, _("Nothing was saved yet. Look at what differs, and save again."))
        self.data = {**{name: self.data[name] for name in self.data}, self.add_prefix("version"): version_of(stands)}


def require_team(form: forms.Form) -> None:
    """A person owns as one of a team: with none, it would be listed neither with a team nor as nobody's."""
    if form.cleaned_data.get("person") and not form.cleaned_data.get("team") and "team" not in form.errors:
        form.add_error("team", _("Choose the team of this person, too."))


def people_to_name(user: User, *named: int) -> QuerySet[User]:
    """Whom a person may name: everybody for administrators, else colleagues; and whoever is ``named`` already."""
    here = Q(pk__in=open_accounts(Now()).values("pk"))
    if not user.sees_everything:
        here &= Q(memberships__team__in=user.memberships.values("team"))
    return User.objects.filter(here | Q(pk__in=named)).distinct()
