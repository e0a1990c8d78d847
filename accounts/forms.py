"""What people type about themselves, their organisation, and the people they let in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from allauth.account import forms as stock
from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, Role, SavedView, Team, User
from accounts.services import is_last_administrator, last_administrator_sentence
from certdash.lib.forms import Whole, one_line, say_one_line

# The stubs make the class generic, Django itself does not.
if TYPE_CHECKING:
    OrganisationBase = forms.ModelForm[Organisation]
    UserBase = forms.ModelForm[User]
else:
    OrganisationBase = UserBase = forms.ModelForm


def time_zone_choices() -> list[tuple[str, str]]:
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in zones)]


def password_advice() -> str:
    return " ".join(password_validation.password_validators_help_texts())


class NewPasswordField(forms.CharField):
    """A new password, typed once: browsers show it on demand and keep it."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": "12"})
        help_text = lazy(password_advice, str)()
        super().__init__(label=_("Password"), strip=False, widget=widget, help_text=help_text, **options)


class PersonForm(forms.Form):
    """Name and password of somebody who takes over an account; ``email`` if it is known already."""

    name = forms.CharField(
        label=_("Name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        required=False,
        validators=[one_line],
    )
    password = NewPasswordField()

    def __init__(self, *args: Any, email: str = "", **options: Any) -> None:
        self.account_email = email
        super().__init__(*args, **options)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        person = User(email=data.get("email") or self.account_email, name=data.get("name", ""))
        if password := data.get("password"):
            try:
                password_validation.validate_password(password, person)
            except ValidationError as error:
                self.add_error("password", error)
        return data


class AdministratorForm(PersonForm):
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        help_text=_("You sign in with it."),
        validators=[one_line],
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    field_order = ["email", "name", "password"]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email.lower()


class LoginForm(stock.LoginForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _say_e_mail(self.fields["login"])
        self.fields["password"].widget.attrs.pop("placeholder", None)
        self.fields["remember"].label = _("Stay signed in")


class ResetPasswordForm(stock.ResetPasswordForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _say_e_mail(self.fields["email"])


def _say_e_mail(field: forms.Field) -> None:
    """One spelling on every page, and no example that repeats the label."""
    field.label = _("E-mail")
    field.widget.attrs.pop("placeholder", None)


class OrganisationForm(Whole, OrganisationBase):
    timezone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zone_choices,
        help_text=_("Pages show times in it; each person can choose another. Reports and exports say UTC."),
    )
    base_url = forms.URLField(
        label=_("Address of this dashboard"),
        help_text=_("Links in mails and reports begin with it, such as https://certdash.example.org"),
        assume_scheme="https",
        required=False,
    )

    class Meta:
        model = Organisation
        fields = ["name", "timezone", "base_url"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        say_one_line(self, "name", "base_url")


class OrganisationAdminForm(OrganisationForm):
    """With what is asked once everything runs."""

    class Meta(OrganisationForm.Meta):
        fields = [*OrganisationForm.Meta.fields, "daily_mail_hour"]


class ProfileForm(Whole, UserBase):
    timezone = forms.ChoiceField(label=_("Time zone"), required=False)
    theme = forms.ChoiceField(
        label=_("Theme"),
        required=False,
        choices=[("", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))],
    )

    class Meta:
        model = User
        fields = ["name", "timezone", "theme", "daily_mail", "keyboard_shortcuts"]
        help_texts = {"keyboard_shortcuts": _("Single keys such as / for search. Switch off if they get in your way.")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        zones = forms.ChoiceField(choices=[("", _("That of the organisation")), *time_zone_choices()])
        self.fields["timezone"].choices = zones.choices  # type: ignore[attr-defined]  # a ChoiceField, declared above
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        say_one_line(self, "name")


class UserForm(UserBase):
    """An account as an administrator sets it. There is no password in it: people choose their own."""

    ends_at = forms.DateTimeField(
        label=_("Ends"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("After this time the account cannot sign in and its sessions end. In your time zone."),
    )

    class Meta:
        model = User
        fields = ["email", "name", "role", "is_active", "ends_at"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        say_one_line(self, "name", "email")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("There is an account with this address."))
        return email

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        lasts = data.get("role") == Role.ADMINISTRATOR and data.get("is_active", True) and not data.get("ends_at")
        if self.instance.pk and not lasts and is_last_administrator(self.instance):
            raise ValidationError(last_administrator_sentence())
        return data


class ViewNameForm(forms.Form):
    """What a saved view is called, and whether it is what its list opens with."""

    name = forms.CharField(label=_("Name"), max_length=100, validators=[one_line])
    is_default = forms.BooleanField(
        label=_("Open by default"), required=False, help_text=_("What the list shows when nothing else was asked.")
    )

    def __init__(self, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")


class SavedViewForm(ViewNameForm):
    """The address of a list, and for whom it is kept: oneself, one of one's teams, everyone."""

    page = forms.ChoiceField(choices=SavedView.Page, widget=forms.HiddenInput)
    query = forms.CharField(max_length=4000, required=False, widget=forms.HiddenInput)
    audience = forms.ChoiceField(label=_("For"))

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.teams = {f"team-{team.pk}": team for team in user.teams.order_by("name")} if user.may_change else {}
        audience = self.fields["audience"]
        if isinstance(audience, forms.ChoiceField):
            audience.choices = audiences_of(user, self.teams)

    def clean_query(self) -> str:
        query = str(self.cleaned_data["query"])
        if "\0" in query:
            raise ValidationError(_("The filter is not understood."))
        return query

    def clean_audience(self) -> tuple[str, Team | None]:
        chosen = str(self.cleaned_data["audience"])
        team = self.teams.get(chosen)
        return (SavedView.Audience.TEAM.value, team) if team else (chosen, None)


def audiences_of(user: User, teams: Mapping[str, Team]) -> list[tuple[str, Any]]:
    """For whom a person may keep views."""
    everyone = [(SavedView.Audience.EVERYONE.value, SavedView.Audience.EVERYONE.label)] if user.is_administrator else []
    ours = [(value, team.name) for value, team in teams.items()]
    return [(SavedView.Audience.PRIVATE.value, SavedView.Audience.PRIVATE.label), *ours, *everyone]
