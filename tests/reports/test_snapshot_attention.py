"""Which rules are broken: the same for whoever sees everything and for whoever sees the part that is everything."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from accounts.models import Team, User
from inventory import filters
from inventory.models import Certificate, Endpoint
from policy.models import Finding
from reports.snapshot import take
from tests.inventory.factories import make_certificate, make_endpoint

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def opened(rule: str, severity: int, at: datetime, about: Certificate | Endpoint) -> Finding:
    thing = {"certificate" if isinstance(about, Certificate) else "endpoint": about}
    return Finding.objects.create(rule=rule, severity=severity, sentence="So.", opened_at=at, confirmed_at=at, **thing)


@pytest.fixture(params=["auditor", "viewer"])
def person(request: pytest.FixtureRequest) -> User:
    user: User = request.getfixturevalue(request.param)
    return user


def test_a_rule_shows_its_worst_and_its_oldest_finding_though_not_all_are_counted(
    person: User, web_team: Team, today: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "MOST_COUNTED", 2)
    for days, severity in ((1, 4), (9, 2), (3, 4)):
        opened("weak_key", severity, today - days * DAY, make_certificate(now=today, owner_team=web_team))
    (line,) = take(person, today).attention
    assert (line.rule.code, line.severity, line.oldest) == ("weak_key", 4, today - 9 * DAY)
    assert (line.count.number, line.count.exact, line.count.shown) == (2, False, "2+")


def test_a_rule_counts_what_is_open_of_certificates_and_endpoints_and_no_other_rule(
    person: User, web_team: Team, today: datetime
) -> None:
    certificate = make_certificate(now=today, owner_team=web_team)
    opened("weak_key", 3, today - DAY, certificate)
    opened("sha1_signature", 1, today - 2 * DAY, certificate)
    opened("weak_key", 2, today - 5 * DAY, make_endpoint(now=today, owner_team=web_team))
    Finding.objects.filter(pk=opened("weak_key", 4, today, make_certificate(now=today)).pk).update(closed_at=today)
    lines = take(person, today).attention
    assert [(line.rule.code, line.severity, line.count.number, line.count.exact) for line in lines] == [
        ("weak_key", 3, 2, True),
        ("sha1_signature", 1, 1, True),
    ]
    assert lines[0].oldest == today - 5 * DAY
