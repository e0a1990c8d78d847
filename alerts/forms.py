"""What people write to owners."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from certdash.lib.forms import many_lines, one_line
from inventory.forms.bulk import read_chosen


def read_ticked(text: str) -> list[int]:
    """Primary keys with spaces between them. Raises ValidationError."""
    return read_chosen(text.split(), gettext("At most %(most)s can be ticked. Filter the list instead."))


class OwnerMailForm(forms.Form):
    subject = forms.CharField(label=_("Subject"), max_length=150, validators=[one_line])
    message = forms.CharField(
        label=_("Message"),
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 8}),
        validators=[many_lines],
        help_text=_("Each owner gets it with the list of their own certificates, and your address."),
    )
    filter = forms.CharField(max_length=2_000, required=False, widget=forms.HiddenInput)
    chosen = forms.CharField(max_length=10_000, required=False, widget=forms.HiddenInput)
    # What the preview showed: nobody is told of something else than what was looked at.
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def clean_chosen(self) -> list[int]:
        return read_ticked(self.cleaned_data["chosen"])
