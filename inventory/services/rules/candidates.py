"""What a rule may be about, found by an index where one of its conditions has one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from django.db.models import Max, Min, QuerySet

from inventory.filters.texts import names_holding, services_holding
from inventory.models import Certificate, CertificateName, Endpoint, Issuer
from inventory.ownership import Rule, bounds_of, fits, name_pattern, text_pattern
from inventory.services.owned import CERTIFICATES, Owned
from inventory.services.writing import among

# One more than this is "10,000+".
FOUND_AT_MOST = 10_001
ISSUERS_AT_MOST = 20_000


def candidates(owned: Owned, rules: Iterable[Rule]) -> list[int] | None:
    """Primary keys of all rows that one of these rules may fit, up to FOUND_AT_MOST; others may be among them.

    None if no index leads to them: any row may be one.
    """
    found: dict[int, None] = {}
    for rule in rules:
        find = next((find for has, find in _FINDERS if has(rule)), None)
        if find is None:
            return None
        found |= dict.fromkeys(find(owned, rule))
    return list(islice(found, FOUND_AT_MOST))


def given_by(owned: Owned, rule: int) -> list[int]:
    """What this rule gave an owner."""
    return _first(owned.model._default_manager.filter(owner_rule=rule))


def spread(owned: Owned, number: int) -> tuple[Sequence[int], bool]:
    """Primary keys at even distances over the whole table, and whether they are all there are."""
    rows = owned.model._default_manager
    # Asked for both at once, SQLite reads the whole table.
    first, last = rows.aggregate(first=Min("pk"))["first"] or 0, rows.aggregate(last=Max("pk"))["last"] or -1
    step = max(1, -(-(last - first + 1) // number))
    return range(first, last + 1, step), step == 1


def _by_tag(owned: Owned, rule: Rule) -> list[int]:
    through: Any = owned.model.tags.through
    column = f"{owned.noun}_id"
    return list(through.objects.filter(tag__name=rule.tag.lower()).values_list(column, flat=True)[:FOUND_AT_MOST])


def _by_network(owned: Owned, rule: Rule) -> list[int]:
    try:
        first, last = bounds_of(rule.network)
    except ValueError:
        return []
    nodes = Endpoint.objects.filter(address__gte=first, address__lte=last).order_by("address", "port", "pk")
    if owned is CERTIFICATES:
        pairs = nodes.exclude(certificate=None).values_list("certificate_id", flat=True)
        return [pk for pk in dict.fromkeys(pairs[:FOUND_AT_MOST]) if pk]
    return list(nodes.values_list("pk", flat=True)[:FOUND_AT_MOST])


def _by_issuer(owned: Owned, rule: Rule) -> list[int]:
    pattern = text_pattern(rule.issuer_pattern)
    called = Issuer.objects.order_by().values_list("pk", "label", "name")[:ISSUERS_AT_MOST]
    issuers = [pk for pk, *names in called if any(fits(pattern, name.casefold()) for name in names)]
    certificates = _first(Certificate.objects.filter(among("issuer_id", issuers)))
    return certificates if owned is CERTIFICATES else _serving(certificates)


def _by_name(owned: Owned, rule: Rule) -> list[int]:
    pattern = name_pattern(rule.name_pattern)
    longest = max(pattern.split("*"), key=len)
    exact = longest == pattern
    if exact:
        names = CertificateName.objects.filter(value=pattern).order_by()
        found = list(names.values_list("certificate_id", flat=True)[:FOUND_AT_MOST])
    else:
        found = names_holding(longest, FOUND_AT_MOST)
    certificates = list(dict.fromkeys(found))
    if owned is CERTIFICATES:
        return certificates
    # A service begins with the name that was asked for.
    asked = _first(Endpoint.objects.filter(server_name=pattern)) if exact else services_holding(longest, FOUND_AT_MOST)
    return list(dict.fromkeys([*asked, *_serving(certificates)]))


def _serving(certificates: Sequence[int]) -> list[int]:
    return _first(Endpoint.objects.filter(among("certificate_id", certificates)))


def _first(rows: QuerySet[Any]) -> list[int]:
    return list(rows.order_by().values_list("pk", flat=True)[:FOUND_AT_MOST])


def _has_whole_name(rule: Rule) -> bool:
    return bool(rule.name_pattern) and "*" not in rule.name_pattern


def _has_part_of_a_name(rule: Rule) -> bool:
    return bool(name_pattern(rule.name_pattern).replace("*", ""))


# The narrowest first.
_FINDERS: tuple[tuple[Callable[[Rule], bool], Callable[[Owned, Rule], list[int]]], ...] = (
    (_has_whole_name, _by_name),
    (lambda rule: bool(rule.tag), _by_tag),
    (lambda rule: bool(rule.network), _by_network),
    (lambda rule: bool(rule.issuer_pattern), _by_issuer),
    (_has_part_of_a_name, _by_name),
)
