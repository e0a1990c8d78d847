"""Who stands in as owner of what no rule speaks of: the teams of sources and of networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Organisation, Team, User
from accounts.services import audit
from discovery.models import Network, Source
from inventory.ownership import Place

OWNER_MISSING = _("Choose the team that owns what is found and nobody else owns.")


class OwnerMissingError(ValueError):
    """Somebody must answer for what a network or a source finds."""

    def __init__(self) -> None:
        super().__init__(str(OWNER_MISSING))


def require_owner(row: Network | Source) -> None:
    """Every way to write a network or a source comes through here. Raises OwnerMissingError."""
    if row.is_ownerless:
        raise OwnerMissingError


def without_owner(user: User) -> tuple[int, int]:
    """How many networks and sources of earlier versions have no owner; told to those who can choose one."""
    if not user.is_administrator:
        return 0, 0
    return Network.objects.ownerless().count(), Source.objects.ownerless().count()


def owners_of_places() -> tuple[Mapping[str, int], Iterable[Place]]:
    """Names of sources with their teams, and the networks that may be probed with theirs."""
    sources = Source.objects.exclude(owner_team=None).order_by().values_list("name", "owner_team_id")
    networks = Network.objects.filter(purpose=Network.Purpose.PROBE, is_excluded=False).exclude(owner_team=None)
    columns = ("zone__name", "cidr", "first", "last", "owner_team_id")
    return (
        {name: team for name, team in sources if team},
        [
            Place(zone, cidr, bytes(first), bytes(last), team)
            for zone, cidr, first, last, team in networks.values_list(*columns)
            if team
        ],
    )


@transaction.atomic
def house_team(*, actor: User | None, now: datetime, origin: str = "") -> Team:
    """Who owns what the first run finds: the team that is called as the organisation, else the first there is.

    Where there is none yet, it is made, with whoever asks as its first member; ``origin`` says so in the audit.
    """
    organisation = Organisation.objects.filter(pk=1).first()
    name = (organisation.name if organisation else "")[:100] or "Everybody"
    team = Team.objects.filter(name=name).first() or Team.objects.order_by("pk").first()
    if team is not None:
        return team
    team = Team.objects.create(name=name, slug=slugify(name)[:100] or "everybody")
    if actor is not None:
        Membership.objects.create(user=actor, team=team)
    members = [actor.email] if actor else []
    audit(actor, "team.created", team, {}, {"name": name, "members": members, "origin": origin}, now=now)
    return team


def house_team_if_any() -> Team | None:
    """The same team, where there is one already: what a form proposes."""
    organisation = Organisation.objects.filter(pk=1).first()
    named = Team.objects.filter(name=organisation.name).first() if organisation else None
    return named or (Team.objects.first() if Team.objects.count() == 1 else None)
