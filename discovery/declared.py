"""Sections of the configuration file: zones, networks that may be connected to, and sources."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Role, Team, User
from certdash.lib.declare import (
    By,
    Change,
    Field,
    Key,
    MissingError,
    Node,
    Section,
    Values,
    choice,
    each,
    flag,
    number,
    refuse,
    text,
)
from discovery.addresses import AddressError, is_very_wide, parse_network
from discovery.forms import NetworkForm, SourceForm
from discovery.models import Network, Source, Zone
from discovery.services import (
    DEFAULT_ZONE,
    cidr_of,
    default_zone,
    delete_network,
    delete_source,
    delete_zone,
    save_network,
    save_source,
    save_zone,
)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class ZoneSection(Section):
    name = "zones"
    words = "Parts of the network that only workers started for them can reach; “default” always exists."
    key = ("name",)
    fields = (
        Field("name", text, "small letters, digits and hyphens", is_required=True),
        Field("description", text, "where it is"),
    )

    def present(self) -> dict[Key, Values]:
        rows = Zone.objects.exclude(name=DEFAULT_ZONE, description="")
        return {(row.name,): {"name": row.name, "description": row.description} for row in rows}

    def write(self, change: Change, by: By) -> None:
        save_zone(change.values["name"], change.values["description"], actor=None, now=by.now)

    def remove(self, change: Change, by: By) -> None:
        delete_zone(Zone.objects.get(name=change.key[0]), actor=None, now=by.now)


class NetworkSection(Section):
    name = "networks"
    words = "What may be connected to, for which purpose. Nothing else ever is; an exclusion always wins."
    key = ("cidr", "zone", "purpose", "never_connect")
    fields = (
        Field("cidr", text, "a network such as 10.0.0.0/8, an address, or a range", is_required=True),
        Field("name", text, "what it is called"),
        Field("never_connect", flag, "true: an exclusion", default=False),
        Field("purpose", choice(Network.Purpose.values), "what for", Network.Purpose.PROBE.value),
        Field("zone", text, "the zone whose workers reach it", DEFAULT_ZONE),
        Field("special", flag, "true: it is loopback or link-local, on purpose", default=False),
        Field("wide", flag, "true: a very wide network is meant, with every address in it", default=False),
        Field(
            "owner",
            text,
            "the team that owns what is found there and nobody else owns; refused without it where it may be probed",
        ),
    )

    def present(self) -> dict[Key, Values]:
        rows = Network.objects.select_related("zone", "owner_team")
        told = [_network_told(row) for row in rows]
        return {self.key_of(values): values for values in told}

    def settle(self, values: Values) -> Values:
        try:
            span = parse_network(values["cidr"])
        except AddressError as error:
            raise ValueError(f"“{values['cidr']}” {error}.") from error
        values["cidr"] = cidr_of(span)
        if "wide" in values:
            values["wide"] = values["wide"] and is_very_wide(span.first, span.last)
        if values.get("never_connect"):
            # What is never connected to needs no word about what it is.
            values.pop("special", None)
        return values

    def key_of(self, values: Any) -> Key:
        cidr, zone, purpose, never = super().key_of(values)
        shown = (zone if zone != DEFAULT_ZONE else "", purpose if purpose != Network.Purpose.PROBE else "")
        return (cidr, *shown, "never connect" if never == "True" else "")

    def write(self, change: Change, by: By) -> None:
        values = change.values
        zone, owner = _zone(values["zone"]), team_of(values["owner"])
        form = NetworkForm(
            {
                "network": values["cidr"],
                "name": values["name"],
                "is_excluded": values["never_connect"],
                "allows_special": values["special"],
                "is_wide": values["wide"],
                "zone": zone.pk,
                "owner_team": owner.pk if owner else "",
                "purpose": values["purpose"],
            }
        )
        _require_valid(form)
        save_network(
            values["cidr"], actor=None, now=by.now, origin=by.origin, name=values["name"], purpose=values["purpose"],
            is_excluded=values["never_connect"], allows_special=form.cleaned_data["allows_special"], zone=zone,
            owner_team=owner,
        )  # fmt: skip

    def remove(self, change: Change, by: By) -> None:
        values = change.before
        rows = Network.objects.filter(zone__name=values["zone"], purpose=values["purpose"], cidr=values["cidr"])
        delete_network(rows.get(is_excluded=values["never_connect"]), actor=None, now=by.now)


def _network_told(row: Network) -> Values:
    return {
        "cidr": row.cidr,
        "name": row.name,
        "never_connect": row.is_excluded,
        "purpose": row.purpose,
        "zone": row.zone.name,
        "special": row.allows_special,
        "wide": is_very_wide(bytes(row.first), bytes(row.last)),
        "owner": row.owner_team.name if row.owner_team else "",
    }


def every(node: Node, folder: Path) -> str:
    """A span such as 6h or 1d, in its shortest spelling."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text(node, folder).strip(), re.ASCII)
    if not found or not int(found[1]):
        raise refuse(node, "a span such as 1h, 6h, 1d or 7d")
    return _span(int(found[1]) * _UNITS[found[2]])


def _span(seconds: int) -> str:
    unit = next(unit for unit in reversed(_UNITS) if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _seconds(span: str) -> int:
    return int(span[:-1]) * _UNITS[span[-1]]


def clock(node: Node, folder: Path) -> str:
    """An hour of the day such as 22:30, or nothing."""
    given = text(node, folder)
    try:
        return time.fromisoformat(given).strftime("%H:%M") if given else ""
    except ValueError as error:
        raise refuse(node, "a time such as 22:30") from error


class SourceSection(Section):
    name = "sources"
    leans_on = ("networks",)
    words = "Where we look again and again."
    key = ("name",)
    fields = (
        Field("name", text, "what it is called", is_required=True),
        Field("kind", choice(Source.Kind.values), "hosts, or networks", Source.Kind.HOSTS.value),
        Field("targets", each(text), "host names, addresses, networks, smtp://mail.example.org:25", ()),
        Field("exclusions", each(text), "what is left out", ()),
        Field("ports", text, "such as 443, 8443, 9000-9010", "443"),
        Field("server_names", each(text), "names to ask for at each address", ()),
        Field("every", every, "how often: 1h, 6h, 1d or 7d", "1d"),
        Field("quiet_from", clock, "no scan begins from this hour, such as 08:00"),
        Field("quiet_until", clock, "until this one"),
        Field("rate_limit", number, "connections per second", 500),
        Field("engine", choice(Source.Engine.values), "own or nmap", Source.Engine.OWN.value),
        Field("zone", text, "the zone whose workers look", DEFAULT_ZONE),
        Field("owner", text, "the team that keeps it, and owns what it finds and nobody else owns; refused without it"),
        Field("enabled", flag, "false: it rests", default=True),
    )

    def present(self) -> dict[Key, Values]:
        return {(row.name,): _source_told(row) for row in Source.objects.select_related("zone", "owner_team")}

    def write(self, change: Change, by: By) -> None:
        values = change.values
        source = Source.objects.filter(name=values["name"]).first()
        owner = team_of(values["owner"])
        data = {
            **values,
            **{name: "\n".join(values[name]) for name in ("targets", "exclusions", "server_names")},
            "every_seconds": _seconds(values["every"]),
            "zone": _zone(values["zone"]).pk,
            "owner_team": owner.pk if owner else "",
        }
        form = SourceForm(data, instance=source, user=User(role=Role.ADMINISTRATOR))
        _require_valid(form)
        save_source(form.save(commit=False), actor=None, now=by.now, origin=by.origin)

    def remove(self, change: Change, by: By) -> None:
        delete_source(Source.objects.get(name=change.key[0]), actor=None, now=by.now)


def _source_told(row: Source) -> Values:
    plain = ("name", "kind", "ports", "rate_limit", "engine", "enabled")
    return {name: getattr(row, name) for name in plain} | {
        "targets": _lines(row.targets),
        "exclusions": _lines(row.exclusions),
        "server_names": _lines(row.server_names),
        "every": _span(row.every_seconds),
        "quiet_from": row.quiet_from.strftime("%H:%M") if row.quiet_from else "",
        "quiet_until": row.quiet_until.strftime("%H:%M") if row.quiet_until else "",
        "zone": row.zone.name,
        "owner": row.owner_team.name if row.owner_team else "",
    }


def _lines(typed: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in typed.splitlines() if line.strip())


def _zone(name: str) -> Zone:
    zone = default_zone() if name == DEFAULT_ZONE else Zone.objects.filter(name=name).first()
    if zone is None:
        raise MissingError("zones", name, f"There is no zone “{name}”: add it under “zones”.")
    return zone


def team_of(name: str) -> Team | None:
    team = Team.objects.filter(name=name).first() if name else None
    if name and team is None:
        raise MissingError("teams", name, f"There is no team “{name}”: add it under “teams”.")
    return team


def _require_valid(form: Any) -> None:
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())


SECTIONS: tuple[Section, ...] = (ZoneSection(), NetworkSection(), SourceSection())
