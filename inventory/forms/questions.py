"""Whose a thing of the queue becomes, and questions to people who may know."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from certdash.lib.forms import Whole, many_lines, one_line
from inventory.forms.owner import ReasonForm
from inventory.models import Certificate, OwnerQuestion

MESSAGE_LENGTH = 1000


class QueueForm(Whole, ReasonForm):
    """One click: this team, or nobody, for this reason, of what was seen like this."""

    team = forms.ModelChoiceField(queryset=Team.objects.all(), required=False, to_field_name="slug")
    version = forms.CharField(max_length=16)

    def must_be_whole(self) -> bool:
        """A team that did not arrive is not "nobody"."""
        return True


class AskForm(Whole, forms.Form):
    """Who is asked, and whose it becomes if they say yes."""

    email = forms.EmailField(label=_("E-mail of the person you ask"), max_length=254, validators=[one_line])
    team = forms.ModelChoiceField(
        label=_("It then belongs to"),
        queryset=Team.objects.all(),
        to_field_name="slug",
        empty_label=_("Choose a team"),
        help_text=_("Whose it becomes if they say yes."),
    )
    message = forms.CharField(
        label=_("Message"),
        max_length=MESSAGE_LENGTH,
        required=False,
        validators=[many_lines],
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Stands in the mail and on the page behind the link."),
    )

    def __init__(self, certificate: Certificate, data: Any = None, team: str = "") -> None:
        super().__init__(data, initial={"team": team}, label_suffix="")
        self.certificate = certificate


class AnswerForm(forms.Form):
    """What somebody without an account says."""

    answer = forms.ChoiceField(choices=OwnerQuestion.Answer)
    name = forms.CharField(label=_("Your name"), max_length=150, validators=[one_line])
    note = forms.CharField(
        label=_("Note"),
        max_length=MESSAGE_LENGTH,
        required=False,
        validators=[many_lines],
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For example whose it is, if it is not yours."),
    )
