"""The parameters of endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from inventory.filters.base import Filtered, Named, Person, Query, few_of, filtered
from inventory.filters.certificate import ANY, YES_NO
from inventory.filters.fields import Choice, Choices, Ids, Number, Text, Texts, shortened
from inventory.filters.paging import Sort
from inventory.filters.search import endpoints_holding, few_endpoints
from inventory.filters.standing import SEVERITIES, StandingFilter
from inventory.models import Certificate, Endpoint
from inventory.models.among import among
from inventory.models.endpoints import USUAL_PORT, USUAL_PROTOCOL
from inventory.status import AHEAD

NEVER = "never"
OUTCOMES = [(value or NEVER, capfirst(str(label))) for value, label in Endpoint.Outcome.choices]
Rows = QuerySet[Endpoint]
# How a last look ended that is no evidence, however young it is.
_OTHERS = [outcome for outcome in Endpoint.Outcome if outcome != Endpoint.Outcome.SERVED]


class EndpointFilter(StandingFilter):
    sighted_as = "endpoint"
    first_sort = "address"
    defaults: ClassVar = {"retired": "no"}
    lifted: ClassVar = {"retired": ANY}
    sorts = (
        Sort("address", "address", "bytes", label=gettext_lazy("Address"), then=("port",)),
        Sort("name", "server_name", label=gettext_lazy("Name")),
        Sort("seen", "last_seen_at", "time", nullable=True, label=gettext_lazy("Seen")),
        Sort("severity", "worst_severity", "number", label=gettext_lazy("Worst finding")),
        Sort("owner", "owner_team__name", nullable=True, label=gettext_lazy("Owner")),
    )

    q = Text(label=gettext_lazy("Search"), method="matching", max_length=300)
    outcome = Choices(label=gettext_lazy("Last answer"), method="with_outcome", choices=OUTCOMES)
    judged = Choice(label=gettext_lazy("Judged"), method="with_evidence", choices=YES_NO)
    port = Number(label=gettext_lazy("Port"), method="on_port", min_value=0, max_value=65_535)
    protocol = Texts(label=gettext_lazy("Protocol"), method="speaking")
    tls = Texts(label=gettext_lazy("TLS version"), method="at_version")
    zone = Texts(label=gettext_lazy("Zone"), method="in_zone")
    service = Texts(label=gettext_lazy("Service"), method="of_service")
    certificate = Ids(label=gettext_lazy("Serves"), method="serving")
    retired = Choice(label=gettext_lazy("Retired"), method="is_retired", choices=[*YES_NO, (ANY, gettext_lazy("Any"))])

    def matching(self, queryset: Rows, _name: str, text: str) -> Rows:
        certificates = Certificate.objects.visible_to(self.user)
        few = few_endpoints(text, certificates)
        return queryset.filter(endpoints_holding(text, certificates) if few is None else among("pk", few))

    def _every(self) -> QuerySet[Endpoint, int]:
        """Ids of all that the list could show. The indexes say what is retired: years of it do not count as many."""
        every = Endpoint.objects.order_by().values_list("pk", flat=True)
        return every.filter(retired_at=None) if self.data.get("retired") == "no" else every

    def with_outcome(self, queryset: Rows, _name: str, words: Sequence[str]) -> Rows:
        outcomes = ["" if word == NEVER else word for word in words]
        return _begun_with(queryset, self._every(), outcome__in=outcomes)

    def with_evidence(self, queryset: Rows, _name: str, answer: Sequence[str]) -> Rows:
        """Evidence is younger than twice the endpoint's schedule; there are few schedules, so each is one condition."""
        needed_since = _needed_since(self.now)
        if answer[0] == "no" and (few := few_of(_without_evidence(self._every(), needed_since, self.now))) is not None:
            return queryset.filter(pk__in=few)
        fresh = Q(pk__in=[])
        for seconds, since in needed_since.items():
            fresh |= Q(schedule_seconds=seconds, last_seen_at__gte=since)
        fresh &= Q(outcome=Endpoint.Outcome.SERVED, last_seen_at__lte=self.now + AHEAD)
        return queryset.filter(fresh) if answer[0] == "yes" else queryset.exclude(fresh & Q(last_seen_at__isnull=False))

    def on_port(self, queryset: Rows, _name: str, port: int) -> Rows:
        if port == USUAL_PORT:
            return queryset.filter(port=port)
        # In the index stands what is on another port than nearly all: the condition says so, too.
        return _begun_with(queryset, self._every().exclude(port=USUAL_PORT), port=port)

    def speaking(self, queryset: Rows, _name: str, protocols: Sequence[str]) -> Rows:
        if USUAL_PROTOCOL in protocols:
            return queryset.filter(protocol__in=protocols)
        return _begun_with(queryset, self._every().exclude(protocol=USUAL_PROTOCOL), protocol__in=protocols)

    def at_version(self, queryset: Rows, _name: str, versions: Sequence[str]) -> Rows:
        return _begun_with(queryset, self._every(), tls_version__in=versions)

    def of_severity(self, queryset: Rows, _name: str, words: Sequence[str]) -> Rows:
        every = Endpoint.objects.order_by().values_list("pk", flat=True)
        return _begun_with(queryset, every, worst_severity__in=[SEVERITIES[word] for word in words])

    def in_zone(self, queryset: Rows, _name: str, zones: Sequence[str]) -> Rows:
        return queryset.filter(zone__in=zones)

    def of_service(self, queryset: Rows, _name: str, services: Sequence[str]) -> Rows:
        return queryset.filter(service__in=services)

    def known_certificate(self, pks: Sequence[int]) -> dict[str, Named]:
        seen = Certificate.objects.visible_to(self.user).filter(pk__in=pks)
        return {str(certificate.pk): Named(certificate.pk, certificate.name) for certificate in seen}

    def serving(self, queryset: Rows, _name: str, pks: Sequence[int]) -> Rows:
        return queryset.filter(certificate__in=pks)

    def is_retired(self, queryset: Rows, _name: str, answer: Sequence[str]) -> Rows:
        if answer[0] != "yes":
            return queryset if answer[0] == ANY else queryset.filter(retired_at=None)
        # The index begins with the outcome.
        every = Endpoint.objects.filter(outcome__in=Endpoint.Outcome.values).order_by().values_list("pk", flat=True)
        return _begun_with(queryset, every, retired_at__isnull=False)

    def words(self, name: str, value: str) -> str:
        return shortened(super().words(name, value))


def _begun_with(queryset: Rows, every: QuerySet[Endpoint, int], **condition: Any) -> Rows:
    """Those with this condition; what is rare is read first, and not looked for through all that the list shows."""
    few = few_of(every.filter(**condition))
    return queryset.filter(**condition) if few is None else queryset.filter(among("pk", few))


def served_too_long_ago(rows: Rows, now: datetime) -> QuerySet[Endpoint, int]:
    """Ids of those that answered when they were asked last, which is no evidence any more; each of them once.

    With those whose last look brought no answer they are what ``judged=no`` lists.
    """
    # Said in this way, no database begins with the outcome, which nearly all have, instead of with the moment.
    served = rows.order_by().exclude(outcome__in=_OTHERS).values_list("pk", flat=True)
    return _old_or_ahead(served, _needed_since(now), now)


def _needed_since(now: datetime) -> dict[int, datetime]:
    """Schedule → since when a look is evidence."""
    return {seconds: now - timedelta(seconds=2 * seconds) for seconds in Endpoint.objects.all().schedules()}


def _without_evidence(
    every: QuerySet[Endpoint, int], needed_since: Mapping[int, datetime], now: datetime
) -> QuerySet[Endpoint, int]:
    """Ids, some of them twice. Each part begins in an index: in a healthy estate none of them has much to read."""
    return _old_or_ahead(every, needed_since, now, every.filter(outcome__in=_OTHERS))


def _old_or_ahead(
    every: QuerySet[Endpoint, int],
    needed_since: Mapping[int, datetime],
    now: datetime,
    *more: QuerySet[Endpoint, int],
) -> QuerySet[Endpoint, int]:
    too_old = Q(pk__in=[])
    for seconds, since in needed_since.items():
        too_old |= Q(schedule_seconds=seconds, last_seen_at__lt=since)
    newest = max(needed_since.values(), default=None)
    old = every.filter(too_old, last_seen_at__lt=newest) if newest else every.none()
    ahead = every.filter(last_seen_at__gt=now + AHEAD)
    return every.filter(last_seen_at=None).union(*more, old, ahead, all=True)


def endpoints(query: Query, user: Person, now: datetime) -> Filtered[Endpoint]:
    """The endpoints that a query string means, among those that the person may see."""
    result: Filtered[Endpoint] = filtered(EndpointFilter, Endpoint.objects.visible_to(user), query, user, now)
    return result
