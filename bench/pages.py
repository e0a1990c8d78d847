"""How long the pages take, in the server, at the size of the estate: each for an administrator and for one team."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.db.models import Model, QuerySet
from django.test import Client
from django.urls import reverse

from accounts.models import User
from bench.rows import Row, machine
from inventory.models import Certificate, Domain, Endpoint, Issuer

Thing = TypeVar("Thing", bound=Model)
ROUNDS = 20
GOAL = 200 if "sqlite" in settings.DATABASES["default"]["ENGINE"] else 100
PEOPLE = {"administrator": "ada@example.org", "member of a team": "olga@example.org"}


def measure(certificates: int, rounds: int = ROUNDS, people: Mapping[str, str] = PEOPLE) -> list[Row]:
    """p95 of the time in the server in milliseconds, by the wall and by the processor, and the queries of each page."""
    rows = []
    for whose, email in people.items():
        client = Client(headers={"host": "localhost"})
        user = User.objects.get(email=email)
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        for name, url in _pages(user).items():
            rows += _rows(client, f"{name}, {whose}, {certificates:,}", url, rounds)
    return rows


def _pages(user: User) -> dict[str, str]:
    """The addresses, of things in the middle of what the person may see."""
    certificates = reverse("inventory:certificate_list")
    leaf, endpoint = _middle(Certificate.objects.leaves().visible_to(user)), _middle(Endpoint.objects.visible_to(user))
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
        "issuer, everything under it": f"{certificates}?under={issuer.pk}",
        "domains": reverse("inventory:domain_list"),
        "domain": reverse("inventory:domain_detail", args=[Domain.objects.order_by("pk")[0].pk]),
        "certificates, one domain": f"{certificates}?domain={Domain.objects.order_by('pk')[0].name}",
        "calendar": reverse("inventory:calendar"),
        "calendar, quarter": f"{reverse('inventory:calendar')}?quarter=2026-Q4",
        "compare": f"{reverse('inventory:certificate_compare')}?a={leaf.pk}&b={leaf.pk}",
        "findings": reverse("policy:finding_list"),
        "search": f"{reverse('inventory:search')}?q=host-4242",
    }


def _middle(rows: QuerySet[Thing]) -> Thing:
    return rows.order_by("pk")[rows.count() // 2]


def _rows(client: Client, name: str, url: str, rounds: int) -> list[Row]:
    queries, status = _queries(client, url)
    if status != 200:
        raise SystemExit(f"{url} answered {status}")
    walls, cpus = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        client.get(url)
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    print(
        f"  {name:<58} p50 {statistics.median(walls):6.0f} p95 {_p95(walls):6.0f} ms, "
        f"CPU p50 {statistics.median(cpus):6.0f} p95 {_p95(cpus):6.0f} ms, {queries} queries, {status}",
        flush=True,
    )
    return [
        Row(f"page p95: {name}", _p95(walls), "ms", GOAL, "lower", machine=machine()),
        Row(f"page p95: {name}", _p95(cpus), "CPU ms", GOAL, "lower", machine=machine()),
        Row(f"page queries: {name}", queries, "queries", None, "lower", machine=machine()),
    ]


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95) - 1 if len(times) > 1 else 0]


def _queries(client: Client, url: str) -> tuple[int, int]:
    """Of the second visit: the first one fills caches that live as long as the process."""
    client.get(url)
    asked: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's signature
        asked.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        status = client.get(url).status_code
    return len(asked), status
