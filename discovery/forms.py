"""What people type about where to look. What it means is read by ``discovery.addresses``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from certdash.lib.forms import Whole, one_line, say_one_line
from certdash.lib.inert import visible
from discovery.addresses import AddressError, Problem, Target, is_very_wide, parse_network, wholly_special
from discovery.models import Network, Source, Zone
from discovery.services import OWNER_MISSING, Ask

# ModelForm takes its model as a type argument for the type checker only.
if TYPE_CHECKING:
    SourceFormBase = forms.ModelForm[Source]
else:
    SourceFormBase = forms.ModelForm

DAILY = 86_400
# A million characters: some 20,000 lines of networks or names.
TARGETS_AT_MOST, TARGET_LINES = 1_000_000, 20_000
NAMES_AT_MOST, EXCLUSIONS_AT_MOST = 2000, 20_000
EVERY = [
    (3600, _("every hour")),
    (6 * 3600, _("every 6 hours")),
    (DAILY, _("every day")),
    (7 * DAILY, _("every week")),
]


class ScanForm(forms.Form):
    """One run, now."""

    targets = forms.CharField(
        label=_("Hosts and networks"),
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocapitalize": "off"}),
        help_text=_("One a line: www.example.org, 10.0.0.0/24, 2001:db8::1, smtp://mail.example.org:25"),
    )
    ports = forms.CharField(label=_("Ports"), max_length=300, initial="443", help_text=_("443, 8443, 9000-9010"))
    server_names = forms.CharField(
        label=_("Server names"),
        max_length=NAMES_AT_MOST,
        required=False,
        help_text=_("Asked for at every address above. Empty: addresses are asked without a name."),
    )
    exclusions = forms.CharField(
        label=_("Exclusions"), max_length=EXCLUSIONS_AT_MOST, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    engine = forms.ChoiceField(label=_("Engine"), choices=Source.Engine)
    rate_limit = forms.IntegerField(label=_("Connections per second"), min_value=1, max_value=10_000, initial=500)

    def ask(self) -> Ask:
        return Ask(**self.cleaned_data)


LONGEST = {"targets": TARGETS_AT_MOST, "server_names": NAMES_AT_MOST, "exclusions": EXCLUSIONS_AT_MOST, "ports": 300}


class SourceForm(Whole, SourceFormBase):
    """A place to look again and again."""

    every_seconds = forms.TypedChoiceField(label=_("Repeat"), choices=EVERY, coerce=int, initial=DAILY)

    class Meta:
        model = Source
        fields = [
            "name",
            "kind",
            "targets",
            "ports",
            "server_names",
            "exclusions",
            "every_seconds",
            "quiet_from",
            "quiet_until",
            "rate_limit",
            "engine",
            "zone",
            "owner_team",
            "enabled",
        ]
        widgets = {
            "targets": forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
            "server_names": forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
            "exclusions": forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
            "quiet_from": forms.TimeInput(attrs={"type": "time"}),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.all() if user.is_administrator else user.teams.all()
        self.fields["owner_team"] = forms.ModelChoiceField(
            label=_("Owner"),
            queryset=teams,
            help_text=_("Owns what it finds and nobody else owns."),
            error_messages={"required": OWNER_MISSING},
        )
        say_one_line(self, "name")
        # Whose it is, and that it is, is not said: it may be a source of others.
        self.fields["name"].error_messages["unique"] = _("This name cannot be used. Choose another.")
        for name in self.fields.keys() & LONGEST:
            self.fields[name].validators = [*self.fields[name].validators, MaxLengthValidator(LONGEST[name])]

    def must_be_whole(self) -> bool:
        """What is left out of a new one is as usual."""
        return self.instance.pk is not None

    def clean_targets(self) -> str:
        targets = str(self.cleaned_data["targets"])
        if targets.count("\n") >= TARGET_LINES:
            message = _("These are more than %(most)s lines: make several sources of them, or write networks.")
            raise ValidationError(message, params={"most": f"{TARGET_LINES:,}"})
        return targets

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if bool(cleaned.get("quiet_from")) != bool(cleaned.get("quiet_until")):
            raise ValidationError(_("Quiet hours need a begin and an end; leave both empty for none."))
        return cleaned


def wide_field() -> forms.BooleanField:
    return forms.BooleanField(
        label=_("A very wide network is meant, with every address in it"),
        required=False,
        help_text=_("Asked for where an IPv4 network is wider than /12, or one of IPv6 wider than /40."),
    )


def require_wide_meant(network: str, span: Target, *, meant: bool) -> None:
    if not meant and is_very_wide(span.first, span.last):
        message = _("%(network)s has %(count)s addresses: tick “A very wide network is meant” if you mean all of them.")
        raise ValidationError(message, params={"network": network, "count": span.how_many})


class NetworkForm(forms.Form):
    """Permission to connect to a range, or a ban that always wins."""

    network = forms.CharField(
        label=_("Network"), max_length=100, help_text=_("10.0.0.0/8, 192.0.2.7, 2001:db8::/48 or 10.0.0.5-10.0.0.9")
    )
    name = forms.CharField(label=_("Name"), max_length=100, required=False, validators=[one_line])
    is_excluded = forms.BooleanField(
        label=_("Never connect there"), required=False, help_text=_("An exclusion always wins over a permission.")
    )
    allows_special = forms.BooleanField(
        label=_("It is loopback, link-local or another special network, on purpose"), required=False
    )
    is_wide = wide_field()
    zone = forms.ModelChoiceField(label=_("Zone"), queryset=Zone.objects.all(), required=False)
    owner_team = forms.ModelChoiceField(
        label=_("Owner"),
        queryset=Team.objects.all(),
        required=False,
        help_text=_("Owns what is found there and nobody else owns. Not asked for where we never connect."),
    )
    # Only what may be probed finds anything that needs an owner.
    purpose = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_network(self) -> str:
        try:
            parse_network(self.cleaned_data["network"])
        except AddressError as error:
            raise ValidationError(f"“{visible(self.cleaned_data['network'])[:80]}” {error}.") from error
        return str(self.cleaned_data["network"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        text = cleaned.get("network")
        # Asked of the person alone; the network says itself how wide it is.
        is_wide = bool(cleaned.pop("is_wide", False))
        is_probed = (cleaned.pop("purpose", "") or Network.Purpose.PROBE) == Network.Purpose.PROBE
        if is_probed and not cleaned.get("is_excluded") and not cleaned.get("owner_team"):
            self.add_error("owner_team", OWNER_MISSING)
        if cleaned.get("is_excluded"):
            # What is never connected to needs no word about what it is.
            cleaned["allows_special"] = False
        elif text:
            self._require_meant(text, meant=bool(cleaned.get("allows_special")))
            self._require_wide_meant(text, meant=is_wide)
        return cleaned

    def _require_wide_meant(self, text: str, *, meant: bool) -> None:
        span = parse_network(text)
        # What is special has been confirmed by a tick of its own.
        if wholly_special(span.first, span.last):
            return
        try:
            require_wide_meant(text, span, meant=meant)
        except ValidationError as error:
            self.add_error("network", error)

    def _require_meant(self, text: str, *, meant: bool) -> None:
        span = parse_network(text)
        kind = wholly_special(span.first, span.last)
        if kind and not meant:
            message = _("%(network)s is a %(kind)s network: confirm below that you mean it.")
            self.add_error("network", ValidationError(message, params={"network": text, "kind": kind}))
        elif meant and not kind:
            message = _("Only a part of %(network)s is special: name that part in a row of its own.")
            self.add_error("allows_special", ValidationError(message, params={"network": text}))


class NetworksForm(forms.Form):
    """The first run: several networks at once, one a line."""

    networks = forms.CharField(
        label=_("Networks that may be scanned"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=_("One a line: 10.0.0.0/8, 192.0.2.0/24. Nothing else is ever connected to."),
    )
    allows_special = forms.BooleanField(
        label=_("Loopback and link-local networks in this list are meant"), required=False
    )
    is_wide = wide_field()

    def clean_networks(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["networks"].replace(",", "\n").splitlines()]
        wanted = [line for line in lines if line]
        errors: list[str] = []
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                self._require_meant(line, parse_network(line))
            except AddressError as error:
                errors.append(str(Problem(number, visible(line)[:80], error.reason, error.instead)))
            except ValidationError as error:
                errors += error.messages
        if errors:
            raise ValidationError(errors)
        return wanted

    def _require_meant(self, line: str, span: Target) -> None:
        kind = wholly_special(span.first, span.last)
        if not kind:
            require_wide_meant(line, span, meant=bool(self.data.get("is_wide")))
        elif not self.data.get("allows_special"):
            raise ValidationError(
                _("%(network)s is a %(kind)s network: tick the box below if you mean it."),
                params={"network": line, "kind": kind},
            )


class FirstScanForm(forms.Form):
    """The first run: what to look at now, and then again and again."""

    targets = forms.CharField(
        label=_("Look at"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})
    )
    ports = forms.CharField(label=_("Ports"), max_length=300)
    every_seconds = forms.TypedChoiceField(
        label=_("Look again"), choices=EVERY, coerce=int, initial=DAILY, required=True
    )

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=self.cleaned_data["every_seconds"] or DAILY)


def add_problems(form: forms.BaseForm, problems: Any) -> None:
    """Put what a service refused beside the field that it is about."""
    for problem in problems:
        form.add_error("targets", str(problem))
