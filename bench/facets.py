"""Every filter and every order of every list, as the lists themselves declare them."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import User
from bench import samples
from bench.asked import SOME, Asked
from inventory.filters.base import SIZES
from inventory.filters.certificate import CertificateFilter
from inventory.filters.domain import DomainFilter
from inventory.filters.endpoint import EndpointFilter
from inventory.filters.issuer import IssuerFilter
from inventory.models import Certificate, Domain, Endpoint, Issuer
from policy.filters import FindingFilter
from policy.models import Finding

LISTS: dict[str, tuple[str, Any, Any]] = {
    "certificates": ("inventory:certificate_list", CertificateFilter, Certificate),
    "endpoints": ("inventory:endpoint_list", EndpointFilter, Endpoint),
    "findings": ("policy:finding_list", FindingFilter, Finding),
    "issuers": ("inventory:issuer_list", IssuerFilter, Issuer),
    "domains": ("inventory:domain_list", DomainFilter, Domain),
}
# Conditions that people combine, as the links of the product do.
TOGETHER = {
    "certificates": (
        "status=expired&in_use=yes", "status=expiring&in_use=yes", "status=expired&team=none",
        "in_use=yes&severity=critical", "q=host-77&status=expired", "sort=name&status=expiring",
    ),
    "endpoints": ("outcome=served&severity=critical", "judged=no&team=none", "q=host-77&outcome=served"),
    "findings": ("severity=4&team=none", "state=closed&severity=3"),
}  # fmt: skip


def of(user: User) -> list[Asked]:
    """Each value of a closed list, one or more samples of everything else; each order both ways, and its next page."""
    return [asked for title in LISTS for asked in (*_filters(title, user), *_orders(title))]


def filter_values(title: str, user: User) -> dict[str, list[str]]:
    """Filter → what it is asked."""
    _url, cls, model = LISTS[title]
    return {
        name: [str(value) for value, _words in declared.extra["choices"]]
        if "choices" in declared.extra
        else samples.values(name, model, user)
        for name, declared in cls.base_filters.items()
    }


def _filters(title: str, user: User) -> list[Asked]:
    asked = [{name: value} for name, values in filter_values(title, user).items() for value in values]
    return [_asked(title, urlencode(each)) for each in asked] + [
        _asked(title, each) for each in TOGETHER.get(title, ())
    ]


def _orders(title: str) -> list[Asked]:
    sorts = getattr(LISTS[title][1], "sorts", ())
    orders = [_asked(title, f"sort={order.param}") for sort in sorts for order in (sort, sort.turned())]
    return [*orders, _asked(title, f"per_page={SIZES[-1]}")] if sorts else []


def _asked(title: str, query: str) -> Asked:
    return Asked(f"{title} ?{query}", f"{reverse(LISTS[title][0])}?{query}", SOME)
