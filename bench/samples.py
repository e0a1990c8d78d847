"""Values that filters are asked with: of things that are there, so that an answer has something to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone

from accounts.models import User
from inventory.filters import risk_codes, visible_domains
from inventory.filters.business import ME, NOBODY
from inventory.models import Certificate, Domain, Import, Issuer, OwnershipRule, Risk, Sighting, Tag

Thing = TypeVar("Thing", bound=Model)


def middle(rows: QuerySet[Thing]) -> Thing | None:
    """Without walking to it."""
    first, last = rows.order_by("pk").first(), rows.order_by("-pk").first()
    if first is None or last is None:
        return None
    return rows.filter(pk__gte=(first.pk + last.pk) // 2).order_by("pk").first()


def leaf(user: User) -> Certificate | None:
    return middle(Certificate.objects.leaves().visible_to(user))


def issuer() -> Issuer:
    """Neither the largest nor the smallest."""
    return Issuer.objects.order_by("pk")[3]


def domain(user: User) -> Domain | None:
    return visible_domains(user).order_by("pk").first()


def values(name: str, model: type[Any], user: User) -> list[str]:
    """What to ask this filter; nothing if the estate has nothing of it. A filter that nobody thought of fails here."""
    return [str(value) for value in SAMPLES[name](model, user) if value not in {None, ""}]


def _of_row(column: str) -> Callable[[type[Any], User], Iterable[Any]]:
    def read(model: type[Any], user: User) -> Iterable[Any]:
        row = middle(model.objects.visible_to(user))
        return [getattr(row, column)] if row else []

    return read


def _teams(_model: type[Any], user: User) -> list[str]:
    return [NOBODY, user.memberships.values_list("team__slug", flat=True).first() or "team-1"]


def _days(*days: int) -> Callable[[type[Any], User], Iterable[Any]]:
    def moments(_model: type[Any], _user: User) -> list[str]:
        return [f"{timezone.now() + timedelta(days=each):%Y-%m-%d}" for each in days]

    return moments


def _application(model: type[Any], user: User) -> Iterable[str]:
    rows = model.objects.visible_to(user).exclude(application="")
    return list(rows.values_list("application", flat=True)[:1])


def _domains(_model: type[Any], user: User) -> Iterable[str]:
    return [found.name] if (found := domain(user)) else []


def _tags(model: type[Any], user: User) -> Iterable[str]:
    tagged = model.tags.through.objects.values("tag")
    return Tag.objects.filter(pk__in=tagged[:1]).values_list("name", flat=True) if user.sees_everything else []


def _imports(_model: type[Any], user: User) -> Iterable[int]:
    return Import.objects.visible_to(user).values_list("pk", flat=True)[:1]


def _rules(_model: type[Any], user: User) -> Iterable[int]:
    return OwnershipRule.objects.values_list("pk", flat=True)[:1] if user.sees_everything else []


def _sources(_model: type[Any], user: User) -> Iterable[str]:
    """The network that recorded everything; nobody of a team is told its name."""
    return Sighting.objects.visible_to(user).order_by("pk").values_list("source_name", flat=True)[:1]


def _risks(_model: type[Any], _user: User) -> Iterable[str]:
    return (code for code in risk_codes() if Risk.objects.filter(code=code).exists())


SAMPLES: dict[str, Callable[[type[Any], User], Iterable[Any]]] = {
    "q": lambda _model, _user: ["host-42"],
    "team": _teams,
    "person": lambda _model, _user: [ME],
    "assigned": lambda _model, _user: [ME, NOBODY],
    "application": _application,
    "custom": lambda _model, _user: ["contract", "contract=C-7"],
    "rule": _rules,
    "import": _imports,
    "tag": _tags,
    "source": _sources,
    "issuer": lambda _model, _user: [issuer().pk],
    "under": lambda _model, _user: [issuer().pk],
    "key": _of_row("key_label"),
    "risk": _risks,
    "days__lte": lambda _model, _user: [7, 30, 90, 400],
    "expires_after": _days(-400, 30),
    "expires_before": _days(0, 30),
    "first_seen_after": _days(-7, -1),
    "opened_after": _days(-30, -1),
    "closed_after": _days(-30, -1),
    "domain": _domains,
    "port": lambda _model, _user: [443, 25],
    "protocol": _of_row("protocol"),
    "tls": _of_row("tls_version"),
    "zone": _of_row("zone"),
    "service": _of_row("service"),
    "certificate": lambda _model, user: [found.pk] if (found := leaf(user)) else [],
}
