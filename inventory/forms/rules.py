"""One ownership rule: what it asks, and what it sets."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from certdash.lib.forms import INCOMPLETE, Whole, say_one_line
from certdash.lib.inert import visible
from inventory.forms.fields import tag_name
from inventory.models import OwnershipRule
from inventory.ownership import bounds_of, unreadable_label
from inventory.services import rule_words, version_of

# ModelForm takes its model as a type argument for the type checker only.
if TYPE_CHECKING:
    RuleFormBase = forms.ModelForm[OwnershipRule]
else:
    RuleFormBase = forms.ModelForm

CONDITIONS = ("name_pattern", "network", "issuer_pattern", "tag", "source_pattern", "custom_field", "custom_value")
GIVEN = ("team", "environment", "criticality", "application")
_PLAIN = forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"})


class RuleForm(Whole, RuleFormBase):
    """A rule needs a condition, or it would fit nothing, and something to set."""

    # What the person saw, so that nobody's change is overwritten unseen.
    version = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)

    class Meta:
        model = OwnershipRule
        fields = ["name", "enabled", *CONDITIONS, *GIVEN]
        widgets = {"name_pattern": _PLAIN, "network": _PLAIN}
        help_texts = {
            "name_pattern": _("*.web.example.com: each * stands for any characters, dots included."),
            "network": _("10.0.0.0/8, 2001:db8::/32 or one address: the node, or one that serves the certificate."),
            "issuer_pattern": _("Its label or its whole distinguished name: Corporate CA*, *O=Example*"),
            "tag": _("A tag that people gave to the certificate or to the endpoint."),
            "source_pattern": _("The name of a source or an import that saw it: Data centre*"),
            "custom_field": _("The name of a field of your own."),
            "custom_value": _("What stands in that field, perhaps with *. Empty: anything."),
        }
        error_messages = {"name": {"unique": _("There is a rule of this name already.")}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        say_one_line(self, "name", *CONDITIONS, "application")
        self.fields["enabled"].label = _("It is asked")
        if self.instance.pk:
            self.initial["version"] = version_of(rule_words(self.instance))

    @property
    def conditions(self) -> list[forms.BoundField]:
        return [self[name] for name in CONDITIONS]

    @property
    def given(self) -> list[forms.BoundField]:
        return [self[name] for name in GIVEN]

    def must_be_whole(self) -> bool:
        return bool(self.instance.pk)

    def clean_network(self) -> str:
        text = str(self.cleaned_data["network"]).strip()
        if not text:
            return ""
        try:
            bounds_of(text)
        except ValueError as error:
            message = _("“%(network)s” is no network such as 10.0.0.0/8: nothing may stand behind its prefix.")
            raise ValidationError(message, params={"network": visible(text)}) from error
        network = ipaddress.ip_network(text)
        return str(network if network.num_addresses > 1 else network.network_address)

    def clean_name_pattern(self) -> str:
        text = str(self.cleaned_data["name_pattern"])
        if label := unreadable_label(text):
            message = _("No name fits “%(label)s”: write the whole label, or its form that begins with xn--.")
            raise ValidationError(message, params={"label": visible(label)})
        return text

    def clean_tag(self) -> str:
        text = str(self.cleaned_data["tag"]).strip()
        return tag_name(text) if text else ""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.non_field_errors():
            return cleaned
        if self.instance.pk and "version" in self.fields and not cleaned.get("version"):
            self.add_error(None, INCOMPLETE)
        if cleaned.get("custom_value") and not cleaned.get("custom_field"):
            self.add_error("custom_field", _("Say which field this value stands in."))
        if not self.errors:
            self._require_both(cleaned)
        return cleaned

    def _require_both(self, cleaned: Mapping[str, Any]) -> None:
        if not any(cleaned.get(name) for name in CONDITIONS):
            self.add_error("name_pattern", _("Give at least one condition. For everything, write *"))
        if not any(cleaned.get(name) for name in GIVEN):
            self.add_error("team", _("Choose at least one thing that the rule sets."))

    def collide(self, stands: Mapping[str, Any]) -> None:
        """Say what somebody else changed meanwhile; saving once more then writes over it."""
        message = _("Somebody changed this meanwhile; it is now: %(value)s")
        typed = rule_words(self.instance)
        for name in self.fields.keys() & stands.keys():
            if stands[name] != typed[name]:
                value = visible(str(stands[name] or gettext("not set")))
                self.add_error(name, ValidationError(message, params={"value": value}))
        self.add_error(None, _("Nothing was saved yet. Look at what differs, and save again."))
        self.data = {**{name: self.data[name] for name in self.data}, "version": version_of(stands)}
