"""What people bring in: files or pasted text, and what the columns of a table mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from certdash.lib.forms import one_line
from certdash.lib.inert import visible
from inventory.sources.cells import CUSTOM
from inventory.sources.columns import FIELDS, SUBJECTS

FILES_AT_MOST = 20
PASTED_AT_MOST = 1_000_000
LABELS = {
    "host": _("Host name or address"),
    "port": _("Port"),
    "owner": _("Owner (e-mail)"),
    "team": _("Team"),
    "application": _("Application"),
    "environment": _("Environment"),
    "criticality": _("Criticality"),
    "expiry": _("Expiry, to compare"),
    "notes": _("Notes"),
    "tags": _("Tags"),
    "certificate": _("Certificate"),
    "serial": _("Serial number"),
}


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once; each has its own answer later."""

    widget = FilesInput

    def clean(self, data: Any, _initial: Any = None) -> list[Any]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if len(files) > FILES_AT_MOST:
            raise ValidationError(
                _("At most %(most)s files at once; put them into a ZIP."), params={"most": FILES_AT_MOST}
            )
        # An empty file is refused by the import itself, with its name.
        return list(files)


class ImportForm(forms.Form):
    uploads = FilesField(
        label=_("Files"),
        required=False,
        help_text=_(
            "PEM, DER, PKCS#7, PKCS#12, ZIP and TAR of these; CSV or JSON of a spreadsheet or another product."
        ),
    )
    pasted = forms.CharField(
        label=_("Or paste certificates or a table"),
        max_length=PASTED_AT_MOST,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocapitalize": "off"}),
    )
    password = forms.CharField(
        label=_("Password of a PKCS#12 file"),
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_(
            "Used once and kept nowhere; for files inside an archive, it is asked for later. No key is stored."
        ),
    )
    team = forms.ModelChoiceField(
        label=_("Team for what is new"),
        queryset=Team.objects.none(),
        required=False,
        empty_label=_("By rules, or nobody"),
        to_field_name="slug",
        help_text=_("What a row or an ownership rule says counts more."),
    )

    def __init__(self, user: User, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, label_suffix="")
        team = self.fields["team"]
        if isinstance(team, forms.ModelChoiceField):
            team.queryset = Team.objects.all() if user.is_administrator else user.teams.all()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned.get("uploads") and not str(cleaned.get("pasted", "")).strip():
            raise ValidationError(_("Choose a file, or paste something."))
        return cleaned


class PasswordForm(forms.Form):
    """For PKCS#12 files inside an archive."""

    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Tried on each of them, used once and kept nowhere. Private keys are never stored."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")


class ColumnsForm(forms.Form):
    """One choice for each column; ``proposed`` is our field → heading."""

    overwrite = forms.BooleanField(
        label=_("Write over what people said before"),
        required=False,
        help_text=_("Without this, it stays, and the row says so."),
    )
    create_teams = forms.BooleanField(label=_("Create teams that do not exist yet"), required=False)
    keep_as = forms.CharField(
        label=_("Keep this mapping as"),
        max_length=100,
        required=False,
        validators=[one_line],
        help_text=_("Offered again for files with these headings."),
    )

    def __init__(
        self, user: User, headings: Sequence[Mapping[str, Any]], proposed: Mapping[str, str], data: Any = None
    ) -> None:
        super().__init__(data, label_suffix="")
        self._headings = headings
        if not user.is_administrator:
            del self.fields["create_teams"]
        means = {heading: CUSTOM if field.startswith(CUSTOM) else field for field, heading in proposed.items()}
        choices = [
            ("", _("Not kept")),
            *((field, LABELS[field]) for field in FIELDS),
            (CUSTOM, _("A field of its own")),
        ]
        for name in {"overwrite", "create_teams"} & self.fields.keys():
            self.fields[name].initial = proposed.get(name) == "yes"
        for at, heading in enumerate(headings):
            self.fields[f"column-{at}"] = forms.ChoiceField(
                label=visible(heading["name"]), choices=choices, required=False, initial=means.get(heading["name"], "")
            )

    def lines(self) -> Iterator[tuple[forms.BoundField, Mapping[str, Any]]]:
        """Each column's choice, with its heading and samples."""
        for at, heading in enumerate(self._headings):
            yield self[f"column-{at}"], heading

    def options(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in ("overwrite", "create_teams", "keep_as") if name in self.fields)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        taken: dict[str, str] = {}
        for at, heading in enumerate(self._headings):
            field = cleaned.get(f"column-{at}", "")
            if field and field != CUSTOM and field in taken:
                message = _("“%(other)s” means that already.")
                self.add_error(f"column-{at}", ValidationError(message, params={"other": visible(taken[field])}))
            taken.setdefault(field, heading["name"])
        if not self.errors and not set(SUBJECTS) & taken.keys():
            raise ValidationError(_("Say which column names the host, the certificate or the serial number."))
        return cleaned

    @property
    def mapping(self) -> dict[str, str]:
        """Our field (or ``custom:…``) → heading."""
        found: dict[str, str] = {}
        for at, heading in enumerate(self._headings):
            field = self.cleaned_data[f"column-{at}"]
            if field:
                found[f"{CUSTOM}{heading['name']}" if field == CUSTOM else field] = heading["name"]
        return found

    @property
    def columns(self) -> dict[str, str]:
        """The mapping, and what was ticked."""
        ticked = {name: "yes" for name in ("overwrite", "create_teams") if self.cleaned_data.get(name)}
        return self.mapping | ticked
