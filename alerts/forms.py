"""What people write to owners."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from certdash.lib.forms import many_lines, one_line

# As many as can be ticked; of more, all that match are mailed.
MOST_CHOSEN = 500


def read_chosen(texts: Iterable[str]) -> list[int]:
    """Primary keys as they were ticked. Raises ValidationError."""
    found = list(texts)
    if len(found) > MOST_CHOSEN:
        raise ValidationError(
            _("At most %(most)s can be ticked. Filter the list instead."), params={"most": MOST_CHOSEN}
        )
    if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in found):
        raise ValidationError(_("What was ticked is not understood. Open the list again."))
    return sorted({int(text) for text in found})


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
        return read_chosen(self.cleaned_data["chosen"].split())
