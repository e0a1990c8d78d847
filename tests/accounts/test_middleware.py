"""Visits, local time, and what every request carries into its events."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, Organisation, User
from accounts.services import note_visit
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def visit(user: User, *minutes: int) -> tuple[int | None, int | None]:
    """Come by at these minutes; return when the visits ended, in minutes: this one so far, and the one before."""
    for minute in minutes:
        note_visit(User.objects.get(pk=user.pk), NOW + timedelta(minutes=minute))
    user.refresh_from_db()
    ends = (user.visited_at, user.previous_visit_at)
    return tuple(end and int((end - NOW).total_seconds() / 60) for end in ends)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("minutes", "ends"),
    [
        ([0], (0, None)),
        ([0, 4], (0, None)),
        ([0, 6, 20, 45], (45, None)),
        ([0, 31], (31, 0)),
        ([0, 10, 60, 62, 66], (66, 10)),
        ([0, 60, 120], (120, 60)),
    ],
)
def test_a_visit_ends_with_a_pause_of_half_an_hour(
    viewer: User, minutes: list[int], ends: tuple[int, int | None]
) -> None:
    assert visit(viewer, *minutes) == ends


def test_of_two_requests_after_a_pause_one_begins_the_visit(viewer: User) -> None:
    visit(viewer, 0)
    one, other = User.objects.get(), User.objects.get()
    note_visit(one, NOW + timedelta(minutes=60))
    note_visit(other, NOW + timedelta(minutes=60))
    assert other.previous_visit_at == NOW
    assert User.objects.get().previous_visit_at == NOW


def test_a_request_within_a_visit_writes_nothing(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    client.get("/profile/")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get("/profile/")
    assert [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))] == []


def test_a_page_that_refreshes_itself_is_no_visit(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    client.get("/profile/", headers={"HX-Request": "true"})
    viewer.refresh_from_db()
    assert viewer.visited_at is None


@pytest.mark.parametrize(("own", "shown"), [("Asia/Tokyo", "18:41"), ("", "10:41"), ("Mars/Olympus", "09:41")])
def test_times_are_shown_in_the_persons_zone(
    client: Client, auditor: User, own: str, shown: str, organisation: Organisation
) -> None:
    Organisation.objects.update(timezone="Europe/Zurich")
    User.objects.update(timezone=own)
    client.force_login(auditor)
    with time_machine.travel(NOW, tick=False):
        client.force_login(auditor)
        assert f"As of {shown}" in client.get("/audit/").content.decode()


def test_events_carry_the_address_that_the_proxy_tells(client: Client, viewer: User) -> None:
    client.post(
        "/accounts/login/", {"login": "x@example.org", "password": "x"}, headers={"X-Forwarded-For": "192.0.2.9"}
    )
    assert AuditEvent.objects.get().address == "127.0.0.1"


def test_ended_means_from_that_moment_on(viewer: User) -> None:
    viewer.ends_at = timezone.now()
    assert viewer.has_ended(viewer.ends_at)
    assert not viewer.has_ended(viewer.ends_at - timedelta(microseconds=1))
