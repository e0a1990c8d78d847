"""Sections of the configuration file: ownership rules in their order, and private roots that are trusted."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Team
from certdash.lib.declare import By, Change, Field, Key, MissingError, Section, Values, choice, flag, text
from inventory.forms import RuleForm, TrustStoreForm
from inventory.forms.fields import tag_name
from inventory.models import OwnershipRule, TrustStore
from inventory.models.standing import Criticality, Environment
from inventory.services.details import version_of
from inventory.services.rules.keeping import delete_rule, order_rules, rule_words, save_rule
from inventory.services.trust_stores import keep_trust_store, remove_trust_store

# What the file calls a column.
_COLUMNS = {
    "name": "name",
    "enabled": "enabled",
    "if_name": "name_pattern",
    "if_network": "network",
    "if_issuer": "issuer_pattern",
    "if_tag": "tag",
    "if_source": "source_pattern",
    "if_custom_field": "custom_field",
    "if_custom_value": "custom_value",
    "environment": "environment",
    "criticality": "criticality",
    "application": "application",
}


class RuleSection(Section):
    name = "ownership_rules"
    words = "Whose what is: the first rule that fits decides, so their order here is their order."
    key = ("name",)
    is_ordered = True
    fields = (
        Field("name", text, "what it is called", is_required=True),
        Field("enabled", flag, "false: it is not asked", default=True),
        Field("if_name", text, "a name such as *.web.example.com; * stands for any characters"),
        Field("if_network", text, "a network or one address that serves it"),
        Field("if_issuer", text, "the issuer, perhaps with *"),
        Field("if_tag", text, "a tag"),
        Field("if_source", text, "the source that saw it, perhaps with *"),
        Field("if_custom_field", text, "the name of a field of your own"),
        Field("if_custom_value", text, "and what stands in it"),
        Field("team", text, "then it belongs to this team"),
        Field("environment", choice(["", *Environment.values]), "and to this environment"),
        Field("criticality", choice(["", *Criticality.values]), "is so important"),
        Field("application", text, "and part of this application"),
    )

    def present(self) -> dict[Key, Values]:
        return {(row.name,): _rule_told(row) for row in OwnershipRule.objects.select_related("team")}

    def settle(self, values: Values) -> Values:
        """As the form would write it: a network that says one address, a tag in small letters."""
        if values.get("if_tag"):
            values["if_tag"] = tag_name(values["if_tag"])
        if values.get("if_network"):
            network = ip_network(values["if_network"])
            values["if_network"] = str(network if network.num_addresses > 1 else network.network_address)
        return values

    def write(self, change: Change, by: By) -> None:
        values = change.values
        team = Team.objects.filter(name=values["team"]).first()
        if values["team"] and team is None:
            raise MissingError("teams", values["team"], f"There is no team “{values['team']}”: add it under “teams”.")
        data = {column: values[name] for name, column in _COLUMNS.items()}
        instance = OwnershipRule.objects.filter(name=values["name"]).first()
        seen = version_of(rule_words(instance)) if instance else ""
        form = RuleForm({**data, "team": team.pk if team else "", "version": seen}, instance=instance)
        require_valid(form)
        save_rule(form.save(commit=False), actor=None, now=by.now)

    def remove(self, change: Change, by: By) -> None:
        delete_rule(OwnershipRule.objects.get(name=change.key[0]), actor=None, now=by.now)

    def arrange(self, keys: Sequence[Key], by: By) -> None:
        order_rules([key[0] for key in keys], actor=None, now=by.now)


def _rule_told(row: OwnershipRule) -> Values:
    told = {name: getattr(row, column) for name, column in _COLUMNS.items()}
    return told | {"team": row.team.name if row.team else ""}


class TrustStoreSection(Section):
    name = "trust_stores"
    words = "Private roots that paths are judged against, beside the public ones: as PEM, or {file: roots.pem}."
    key = ("name",)
    fields = (
        Field("name", text, "whose roots they are", is_required=True),
        Field("pem", text, "the certificates", is_required=True),
    )

    def present(self) -> dict[Key, Values]:
        return {(row.name,): {"name": row.name, "pem": _settled(row.pem)} for row in TrustStore.objects.all()}

    def settle(self, values: Values) -> Values:
        return {**values, "pem": _settled(values["pem"])}

    def write(self, change: Change, by: By) -> None:
        data = {"name": change.values["name"], "pem": f"{change.values['pem']}\n"}
        form = TrustStoreForm(data, instance=TrustStore.objects.filter(name=data["name"]).first())
        require_valid(form)
        keep_trust_store(form.cleaned_data["name"], form.cleaned_data["pem"], actor=None, now=by.now)

    def remove(self, change: Change, by: By) -> None:
        remove_trust_store(TrustStore.objects.get(name=change.key[0]), actor=None, now=by.now)


def _settled(pem: str) -> str:
    return "\n".join(line.rstrip() for line in pem.strip().splitlines())


def require_valid(form: Any) -> None:
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())


SECTIONS: tuple[Section, ...] = (RuleSection(), TrustStoreSection())
