"""Names of sources are told to those who may see the source, and to nobody else."""

from __future__ import annotations

from datetime import datetime

import pytest

from accounts.models import Membership, Team, User
from discovery.models import Source
from discovery.services import default_zone
from inventory import filters
from inventory.models import Endpoint, Sighting
from inventory.snapshot.certificate import certificate_page
from tests.inventory.factories import make_certificate, make_endpoint


@pytest.fixture
def seen(db: None, operator: User, now: datetime) -> Endpoint:
    mine, other = (Team.objects.create(name=name, slug=name) for name in ("mine", "other"))
    Membership.objects.create(user=operator, team=mine)
    certificate = make_certificate("www.example.org", owner_team=mine)
    endpoint = make_endpoint("192.0.2.1", certificate=certificate, owner_team=mine)
    for name, team in (("Own", mine), ("PAYSRC", other), ("New", mine)):
        Source.objects.create(name=name, kind="hosts", targets="", zone=default_zone(), owner_team=team, created_at=now)
    for what in ({"certificate": certificate}, {"endpoint": endpoint}):
        for kind, name in (("hosts", "Own"), ("hosts", "PAYSRC"), ("check", "asked once")):
            Sighting.objects.create(**what, source_kind=kind, source_name=name, first_at=now, last_at=now)
    return endpoint


def test_a_page_names_only_sources_that_the_person_may_see(
    seen: Endpoint, operator: User, administrator: User, now: datetime
) -> None:
    assert seen.certificate
    named = {one.source_name for one in certificate_page(seen.certificate, operator, now).sightings}
    assert named == {"Own", "asked once"}
    assert len(certificate_page(seen.certificate, administrator, now).sightings) == 3


@pytest.mark.parametrize("of", [filters.endpoints, filters.certificates], ids=["endpoints", "certificates"])
def test_a_source_that_the_person_may_not_see_is_not_known(
    of: object, seen: Endpoint, operator: User, administrator: User, now: datetime
) -> None:
    assert callable(of)
    assert of("source=Own", operator, now).queryset.count() == 1
    assert of("source=New", operator, now).queryset.count() == 0
    assert not of("source=New", operator, now).errors
    assert [of(f"source={name}", operator, now).errors for name in ("PAYSRC", "none")] == [
        {"source": f"“{name}” is not known"} for name in ("PAYSRC", "none")
    ]
    assert of("source=PAYSRC", administrator, now).queryset.count() == 1
