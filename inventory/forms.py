"""What people type about the inventory: owners, and reasons for taking endpoints out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from inventory.models import Certificate, TrustStore
from inventory.trust import store_from_pem

REASON_LENGTH = 300
# The stubs make this class generic, Django itself does not.
if TYPE_CHECKING:
    TrustStoreFormBase = forms.ModelForm[TrustStore]
else:
    TrustStoreFormBase = forms.ModelForm


class ReasonForm(forms.Form):
    """Why something is done, kept in the audit log."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("Kept in the audit log."),
        error_messages={"required": _("Say why: the audit log keeps it.")},
    )


class OwnerForm(ReasonForm):
    """The team, and perhaps the person in it, that a certificate belongs to."""

    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.all(), required=False, empty_label=_("Nobody"), to_field_name="slug"
    )
    person = forms.ModelChoiceField(
        label=_("Person"), queryset=User.objects.none(), required=False, empty_label=_("Nobody in particular")
    )
    field_order = ["team", "person", "reason"]

    def __init__(self, user: User, certificate: Certificate, data: Any = None) -> None:
        team = certificate.owner_team
        initial = {"team": team.slug if team else None, "person": certificate.owner_person_id}
        super().__init__(data, initial=initial, prefix="owner", label_suffix="")
        person = self.fields["person"]
        if isinstance(person, forms.ModelChoiceField):
            person.queryset = _people(user, certificate)


def _people(user: User, certificate: Certificate) -> QuerySet[User]:
    """Whom a person may name: everybody for administrators, else colleagues and whoever is named already."""
    people = User.objects.filter(is_active=True)
    if user.sees_everything:
        return people
    colleagues = people.filter(memberships__team__in=user.memberships.values("team"))
    named = [certificate.owner_person_id] if certificate.owner_person_id else []
    return (colleagues | User.objects.filter(pk__in=named)).distinct()


class TrustStoreForm(TrustStoreFormBase):
    """Private roots: every block must be a certificate, and there must be one."""

    class Meta:
        model = TrustStore
        fields = ["name", "pem"]

    def clean_pem(self) -> str:
        pem = str(self.cleaned_data["pem"])
        store = store_from_pem("", pem)
        if store.refused:
            raise ValidationError(list(store.refused))
        if not store.anchors:
            raise ValidationError(_("There is no certificate in it."))
        return pem
