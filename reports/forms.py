"""What a person says when asking for a report."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from reports.models import Report
from reports.services import scope_of


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
