"""Who stands in as owner of what no rule speaks of: the teams of sources and of networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from discovery.models import Network, Source
from inventory.ownership import Place


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
