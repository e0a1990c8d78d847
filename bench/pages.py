"""How long the pages take, in the server, at the size of the estate: each for an administrator and for one team."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import User
from accounts.services.feeds import create_feed
from bench import downloads, facets
from bench.asked import MANY, Asked, timed
from bench.rows import Row
from bench.samples import domain, issuer, leaf, middle
from inventory.filters.search import host_and_port
from inventory.models import Certificate, Endpoint
from policy.models import Finding

PEOPLE = {"administrator": "ada@example.org", "member of a team": "olga@example.org"}
# Pages that need nothing but their name.
PLAIN = (
    "reports:overview", "inventory:certificate_list", "inventory:endpoint_list", "policy:finding_list",
    "inventory:issuer_list", "inventory:domain_list", "inventory:calendar", "inventory:feed_list",
    "inventory:import_list", "inventory:rule_list", "inventory:rule_preview", "accounts:view_list", "accounts:audit",
    "accounts:profile", "discovery:scan_list", "discovery:coverage", "discovery:candidate_list",
    "discovery:network_list", "reports:report_list", "reports:report_new", "alerts:letter_list", "alerts:daily",
)  # fmt: skip
# Pages of one certificate, endpoint or finding, and their panels.
OF_CERTIFICATE = (
    "inventory:certificate_detail", "policy:certificate_findings", "discovery:certificate_history",
    "alerts:certificate_told",
)  # fmt: skip
OF_ENDPOINT = ("inventory:endpoint_detail", "policy:endpoint_findings", "discovery:endpoint_history")


def measure(rounds: int = MANY, people: Mapping[str, str] = PEOPLE) -> list[Row]:
    """p50 and p95 of the time in the server in milliseconds, and the queries of each page; then each export."""
    rows = []
    size = Certificate.objects.leaves().count()
    for whose, email in people.items():
        user = User.objects.get(email=email)
        client = Client(headers={"host": "localhost"})
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        print(f"{size:,} certificates, {whose}: p50, p95", flush=True)
        for asked in (*pages(user), *facets.of(user)):
            rows += timed(client, asked, whose, size, rounds)
        rows += downloads.measure(client, user, whose, size)
    return rows


def pages(user: User) -> list[Asked]:
    """Everything that a person can open, except the filters and orders of the lists."""
    return [*(_asked(name) for name in PLAIN), *_details(user), *_queue(), *_searches(user), *_changes(user)]


def _asked(name: str, *args: object, query: str = "") -> Asked:
    words = name.partition(":")[2].replace("_", " ")
    return Asked(f"{words}{query and ' ?' + query}", f"{reverse(name, args=args)}{query and '?' + query}")


def _details(user: User) -> list[Asked]:
    """Of things in the middle of what the person may see."""
    certificate, node = leaf(user), middle(Endpoint.objects.visible_to(user))
    finding = middle(Finding.objects.visible_to(user).open())
    one = domain(user)
    found = [_asked(name, certificate.pk) for name in OF_CERTIFICATE if certificate]
    found += [_asked(name, node.pk) for name in OF_ENDPOINT if node]
    found += [_asked("policy:finding_detail", finding.pk)] if finding else []
    found += [_asked("inventory:domain_detail", one.pk)] if one else []
    compared = urlencode({"a": certificate.pk, "b": certificate.pk}) if certificate else ""
    quarter = f"quarter={timezone.now():%Y}-Q4"
    return [
        *found,
        _asked("inventory:issuer_detail", issuer().pk),
        Asked("compare", f"{reverse('inventory:certificate_compare')}?{compared}"),
        _asked("inventory:calendar", query=quarter),
        Asked("calendar feed", reverse("inventory:feed", args=[create_feed(user, None, timezone.now())]), rounds=5),
        _asked("accounts:audit", query="actor=ada"),
        _asked("accounts:audit", query="subject=team"),
    ]


def _queue() -> list[Asked]:
    return [
        _asked("inventory:ownership", query=f"show={show}&what={what}")
        for show in ("none", "inferred", "left")
        for what in ("certificates", "endpoints")
    ]


def _searches(user: User) -> list[Asked]:
    """Parts of names that stand in many, few and no names; and what leads to one thing, which is then opened."""
    found = {"many": "host", "some": "host-77", "few": "host-4242.", "none": "zzqxj", "several words": "host-77 corp"}
    node, certificate = middle(Endpoint.objects.visible_to(user)), leaf(user)
    lists = ("inventory:search", "inventory:certificate_list", "inventory:endpoint_list")
    asked = [
        Asked(f"{name.partition(':')[2].replace('_', ' ')}, substring of {words}", f"{reverse(name)}?q={text}")
        for name in lists
        for words, text in found.items()
    ]
    if node and certificate:
        exact = {
            "host:port": f"{node.server_name}:{node.port}", "address:port": node.place, "host": node.server_name,
            "address": host_and_port(node.place)[0], "fingerprint": certificate.sha256,
            "serial": certificate.serial_number.zfill(8),
        }  # fmt: skip
        asked += [
            Asked(f"search, {words}", f"{reverse('inventory:search')}?{urlencode({'q': text})}", status=0)
            for words, text in exact.items()
        ]
    return asked


def _changes(user: User) -> list[Asked]:
    """What is shown before many are changed or mailed: all that match."""
    team = user.memberships.values_list("team__slug", flat=True).first() or "team-1"
    form = {"scope": "all", "kind": "owner", "step": "preview", "change-team": team, "change-reason": "moved"}
    asked = []
    for name in ("certificate", "endpoint"):
        url = reverse(f"inventory:{name}_change")
        for query in ("", "team=none"):
            words = f"change all {name}s ?{query}" if query else f"change all {name}s"
            asked.append(Asked(words, f"{url}?{query}"))
            asked.append(Asked(f"{words}, preview", url, data={**form, "query": query}))
    mail = reverse("alerts:owner_mail")
    return [*asked, Asked("mail owners ?days__lte=14", f"{mail}?days__lte=14&in_use=yes")]
