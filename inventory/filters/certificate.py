"""The parameters of certificates: one set for the page, the export, the report and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from django.db.models import Exists, Func, OuterRef, PositiveIntegerField, Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.filters.base import Filtered, Named, Person, Query, few_of, filtered
from inventory.filters.domain import under_domains, visible_domains
from inventory.filters.fields import Choice, Choices, Ids, MomentFilter, Number, Text, Texts, shortened
from inventory.filters.paging import Sort
from inventory.filters.search import certificates_holding, few_certificates, words_of
from inventory.filters.standing import StandingFilter
from inventory.filters.under import TooManyAuthoritiesError, authorities_under
from inventory.filters.words import domain_words, risk_words
from inventory.models import Certificate, Endpoint, Issuer, Risk
from inventory.models.among import Among, among
from inventory.models.certificates import CertificateQuerySet
from inventory.names import normalise
from inventory.status import WORDS, Status

ANY = "any"
NEVER = "never"
KINDS = [*Certificate.Kind.choices, (ANY, gettext_lazy("Any"))]
YES_NO = [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))]
USES = [*YES_NO, (NEVER, gettext_lazy("Never seen"))]
STATUSES = [(status.value, WORDS[status].capitalize()) for status in Status]
Rows = QuerySet[Certificate]
# The zero stands in the statement: SQLite does not choose an index of what has it for a value that is handed over.
UNUSED = Q(nodes_serving=Func(template="0", output_field=PositiveIntegerField()), pk__gt=0)
RETIRED = Q(retired_at__isnull=False)
# What a status needs, where often few have it.
NEEDED = {
    Status.REVOKED.value: Q(revoked_at__isnull=False),
    # The number says nothing: with it, SQLite begins in the index of what is superseded.
    Status.SUPERSEDED.value: Q(superseded=True, pk__gt=0),
}


def _begun_with(condition: Q) -> Q | Among:
    """The same condition. What is rare would be looked for through all that the list could show: it is read first."""
    few = few_of(Certificate.objects.filter(condition).order_by().values_list("pk", flat=True))
    return condition if few is None else among("pk", few)


def _few_of_status(words: Sequence[str]) -> Q | Among:
    """A condition that each row in one of these statuses meets."""
    met = Q()
    for word in words:
        if word not in NEEDED:
            return Q()
        met |= Q(_begun_with(NEEDED[word]))
    return met


class CertificateFilter(StandingFilter):
    sighted_as = "certificate"
    first_sort = "expires"
    defaults: ClassVar = {"kind": Certificate.Kind.LEAF.value}
    lifted: ClassVar = {"kind": ANY}
    sorts = (
        Sort("expires", "not_after", "time", nullable=True, label=gettext_lazy("Expires")),
        Sort("name", "name", label=gettext_lazy("Name")),
        Sort("first_seen", "first_seen_at", "time", label=gettext_lazy("First seen")),
        Sort("severity", "worst_severity", "number", label=gettext_lazy("Worst finding")),
        Sort("owner", "owner_team__name", nullable=True, label=gettext_lazy("Owner")),
    )

    q = Text(label=gettext_lazy("Search"), method="matching", max_length=300)
    status = Choices(label=gettext_lazy("Status"), method="in_status", choices=STATUSES)
    kind = Choice(label=gettext_lazy("Kind"), method="of_kind", choices=KINDS)
    in_use = Choice(label=gettext_lazy("In use"), method="used", choices=USES)
    issuer = Ids(label=gettext_lazy("Issuer"), method="by_issuer")
    key = Texts(label=gettext_lazy("Key"), method="with_key")
    risk = Texts(label=gettext_lazy("Risk"), method="at_risk")
    days__lte = Number(
        label=gettext_lazy("Days left at most"), method="within_days", min_value=-36_500, max_value=36_500
    )
    expires_after = MomentFilter(label=gettext_lazy("Expires from"), method="from_moment")
    expires_before = MomentFilter(label=gettext_lazy("Expires before"), method="before_moment")
    first_seen_after = MomentFilter(label=gettext_lazy("First seen from"), method="seen_from")
    domain = Texts(label=gettext_lazy("Domain"), method="in_domain")
    under = Ids(label=gettext_lazy("Path through"), method="through")
    retired = Choice(label=gettext_lazy("Retired"), method="is_retired", choices=[*YES_NO, (ANY, gettext_lazy("Any"))])

    def filter_queryset(self, queryset: Rows) -> Rows:
        """What was retired is in no list that does not ask for it."""
        found: Rows = super().filter_queryset(queryset)
        return found if "retired" in self.data else found.filter(retired_at=None)

    def matching(self, queryset: Rows, _name: str, text: str) -> Rows:
        endpoints = Endpoint.objects.visible_to(self.user)
        few: set[int] | None = None
        for word in words_of(text):
            # Few hits are read once, for page, count and facets; many are met early on any walk through an index.
            found = few_certificates(word, endpoints)
            if found is None:
                queryset = queryset.filter(certificates_holding(word, endpoints))
            else:
                few = found if few is None else few & found
        return queryset if few is None else queryset.filter(among("pk", few))

    def in_status(self, queryset: CertificateQuerySet, _name: str, words: Sequence[str]) -> Rows:
        return queryset.in_status([Status(word) for word in words], self.now).filter(_few_of_status(words))

    def of_kind(self, queryset: Rows, _name: str, kinds: Sequence[str]) -> Rows:
        return queryset if kinds[0] == ANY else queryset.filter(kind=kinds[0])

    def used(self, queryset: Rows, _name: str, answer: Sequence[str]) -> Rows:
        """``never``: nobody has seen it served, because it was imported, or sent only as part of a chain."""
        if answer[0] == NEVER:
            return queryset.filter(served_ever=False)
        return queryset.filter(nodes_serving__gt=0) if answer[0] == "yes" else queryset.filter(_begun_with(UNUSED))

    def known_issuer(self, pks: Sequence[int]) -> dict[str, Named]:
        """Only issuers of what the person may see: the label of any other would tell that it exists."""
        # One that is seen is enough: joined to its certificates, an issuer of thousands would be read as often.
        signed = Certificate.objects.visible_to(self.user).filter(issuer=OuterRef("pk"))
        issuers = Issuer.objects.filter(Exists(signed), pk__in=pks)
        return {str(issuer.pk): Named(issuer.pk, issuer.label) for issuer in issuers}

    def by_issuer(self, queryset: Rows, _name: str, pks: Sequence[int]) -> Rows:
        return queryset.filter(issuer__in=pks)

    def with_key(self, queryset: Rows, _name: str, labels: Sequence[str]) -> Rows:
        return queryset.filter(key_label__in=labels)

    def at_risk(self, queryset: Rows, _name: str, codes: Sequence[str]) -> Rows:
        found = Risk.objects.filter(code__in=codes).order_by().values_list("certificate", flat=True)
        few = few_of(found)
        return queryset.filter(Q(pk__in=found) if few is None else among("pk", few))

    def known_domain(self, names: Sequence[str]) -> dict[str, Named]:
        """Domains as they are stored or as people write them, of what the person may see."""
        found = {row.name: row for row in visible_domains(self.user).filter(name__in=[normalise(n) for n in names])}
        rows = {name: found[stored] for name in names if (stored := normalise(name)) in found}
        return {name: Named(row.pk, domain_words(row.name)) for name, row in rows.items()}

    def in_domain(self, queryset: Rows, _name: str, names: Sequence[str]) -> Rows:
        return queryset.filter(under_domains([self.known["domain"][name].pk or 0 for name in names]))

    def known_under(self, pks: Sequence[int]) -> dict[str, Named]:
        return self.known_issuer(pks)

    def problems(self) -> dict[str, str]:
        problems = super().problems()
        if not problems and (pks := self.form.cleaned_data.get("under")):
            try:
                self.authorities = authorities_under(pks)
            except TooManyAuthoritiesError as error:
                problems["under"] = str(error)
        return problems

    def through(self, queryset: Rows, _name: str, _pks: Sequence[int]) -> Rows:
        return queryset.filter(issuer__in=self.authorities)

    def within_days(self, queryset: Rows, _name: str, days: int) -> Rows:
        return queryset.filter(not_after__lte=self.now + timedelta(days=days))

    def from_moment(self, queryset: Rows, _name: str, moment: datetime) -> Rows:
        return queryset.filter(not_after__gte=moment)

    def before_moment(self, queryset: Rows, _name: str, moment: datetime) -> Rows:
        return queryset.filter(not_after__lt=moment)

    def seen_from(self, queryset: Rows, _name: str, moment: datetime) -> Rows:
        # The index begins with the kind; what is new is few, and would be looked for through all there is.
        every = Certificate.objects.filter(kind__in=Certificate.Kind.values).order_by().values_list("pk", flat=True)
        few = few_of(every.filter(first_seen_at__gte=moment))
        return queryset.filter(first_seen_at__gte=moment) if few is None else queryset.filter(among("pk", few))

    def is_retired(self, queryset: Rows, _name: str, answer: Sequence[str]) -> Rows:
        if answer[0] == "yes":
            return queryset.filter(_begun_with(RETIRED))
        return queryset if answer[0] == ANY else queryset.filter(retired_at=None)

    def words(self, name: str, value: str) -> str:
        if name == "risk":
            return risk_words(value)
        if name in {"expires_after", "expires_before", "first_seen_after"}:
            moment: datetime = self.form.cleaned_data[name]
            return _("%(moment)s UTC") % {"moment": date_format(moment.astimezone(UTC), "j M Y, H:i")}
        return shortened(super().words(name, value))


def certificates(query: Query, user: Person, now: datetime) -> Filtered[Certificate]:
    """The certificates that a query string means, among those that the person may see."""
    result: Filtered[Certificate] = filtered(CertificateFilter, Certificate.objects.visible_to(user), query, user, now)
    return result
