"""How long the pages take, in the server, at the size of the estate: each for an administrator and for one team."""

from __future__ import annotations

import statistics
import time
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from bench.rows import Row, machine
from inventory.models import Certificate, Endpoint, Issuer
from policy.services import judge_due

ROUNDS = 15
GOAL = 200 if "sqlite" in settings.DATABASES["default"]["ENGINE"] else 100


def measure(certificates: int) -> list[Row]:
    """Judge a part of the estate, then time every page; p95 of the server time in milliseconds."""
    _judge_some()
    rows = []
    for person in ("ada@example.org", "olga@example.org"):
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.get(email=person), backend=settings.AUTHENTICATION_BACKENDS[0])
        whose = "administrator" if person.startswith("ada") else "member of a team"
        for name, url in _pages().items():
            rows.append(_row(client, f"{name}, {whose}, {certificates:,} certificates", url))
    return rows


def _judge_some() -> None:
    from django.utils import timezone  # noqa: PLC0415

    for _ in range(25):
        judge_due(timezone.now())


def _pages() -> dict[str, str]:
    certificates = reverse("inventory:certificate_list")
    leaf = Certificate.objects.leaves().order_by("pk")[1000]
    endpoint = Endpoint.objects.order_by("pk")[1000]
    issuer = Issuer.objects.order_by("pk")[3]
    return {
        "overview": reverse("reports:overview"),
        "certificates": certificates,
        "certificates, expired in use": f"{certificates}?{urlencode({'status': 'expired', 'in_use': 'yes'})}",
        "certificates, one issuer": f"{certificates}?issuer={issuer.pk}",
        "certificates, by name": f"{certificates}?sort=name",
        "certificates, substring": f"{certificates}?q=host-77",
        "certificate": reverse("inventory:certificate_detail", args=[leaf.pk]),
        "endpoints": reverse("inventory:endpoint_list"),
        "endpoint": reverse("inventory:endpoint_detail", args=[endpoint.pk]),
        "issuers": reverse("inventory:issuer_list"),
        "issuer": reverse("inventory:issuer_detail", args=[issuer.pk]),
        "findings": reverse("policy:finding_list"),
        "search": f"{reverse('inventory:search')}?q=host-4242",
    }


def _row(client: Client, name: str, url: str) -> Row:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    if answer.status_code not in {200, 404}:
        raise SystemExit(f"{url} answered {answer.status_code}")
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        client.get(url)
        times.append((time.perf_counter() - begun) * 1000)
    p50, p95 = statistics.median(times), sorted(times)[int(ROUNDS * 0.95)]
    print(f"  {name:<70} p50 {p50:7.1f} ms  p95 {p95:7.1f} ms  {len(queries):3d} queries  {answer.status_code}")
    return Row(f"page p95: {name}", p95, "ms", GOAL, "lower", machine=machine())
