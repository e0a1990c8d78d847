"""Reading the facts that the rules ask for, for a whole batch, in a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from inventory.models import Certificate, Endpoint
from policy.rules.certificates import MOST_SHARERS, CertificateFacts
from policy.rules.facts import NO_SERVICE, EndpointFacts, Sent, Service
from policy.services.sent import evidence_until, sent_by, served_by
from policy.services.siblings import Services, services_of


def certificate_facts(certificates: Sequence[Certificate]) -> dict[int, CertificateFacts]:
    carriers = dict(
        _carriers({row.spki_sha256 for row in certificates}).values_list("spki_sha256").annotate(Count("pk"))
    )
    shared = _keys_shared({key for key, number in carriers.items() if number <= MOST_SHARERS})
    common = _with_common_key(
        [row for row in certificates if carriers.get(row.spki_sha256, 0) > MOST_SHARERS], carriers
    )
    return {
        row.pk: _certificate_facts(row, shared[row.spki_sha256], key_is_common=row.pk in common) for row in certificates
    }


def _certificate_facts(row: Certificate, carriers: Iterable[_Carrier], *, key_is_common: bool) -> CertificateFacts:
    others = [one for one in carriers if one.is_other_than(row)]
    named_teams = _named_teams(row)
    named = tuple(one.name for one in others if one.owner_team_id in named_teams)
    return CertificateFacts(
        not_before=row.not_before,
        not_after=row.not_after,
        expiring_from=row.expiring_from,
        urgent_from=row.urgent_from,
        key_type=row.key_type,
        key_bits=row.key_bits,
        key_label=row.key_label,
        signature_algorithm=row.signature_algorithm,
        signature_hash=row.signature_hash,
        is_self_signed=row.is_self_signed,
        has_owner=row.owner_team_id is not None,
        served_ever=row.served_ever,
        nodes_serving=row.nodes_serving,
        nodes_last_known=row.nodes_last_known,
        last_seen_at=row.last_seen_at,
        key_shared_with=named,
        key_shared_elsewhere=len(others) - len(named),
        key_is_common=key_is_common,
        retired=row.retired_at is not None,
    )


@dataclass(frozen=True, slots=True)
class _Carrier:
    """A certificate that carries a key."""

    pk: int
    names_sha256: str
    subject_sha256: str
    name: str
    owner_team_id: int | None

    def is_other_than(self, row: Certificate) -> bool:
        """Whether it is for something else than ``row``: not itself, and no earlier or later one of it."""
        if self.pk == row.pk:
            return False
        if self.names_sha256 or row.names_sha256:
            return self.names_sha256 != row.names_sha256
        # Without alternative names the subject tells what they are for: devices of one make may share a key.
        return self.subject_sha256 != row.subject_sha256


def _carriers(keys: Iterable[str]) -> QuerySet[Certificate]:
    """Certificates in use (or never served) that carry one of the keys."""
    here = Q(nodes_serving__gt=0) | Q(served_ever=False)
    return Certificate.objects.leaves().filter(here, spki_sha256__in=set(keys) - {""}).order_by()


def _keys_shared(keys: Iterable[str]) -> dict[str, list[_Carrier]]:
    columns = ("spki_sha256", "pk", "names_sha256", "subject_sha256", "name", "owner_team_id")
    shared: dict[str, list[_Carrier]] = defaultdict(list)
    for key, *carrier in _carriers(keys).order_by("pk").values_list(*columns):
        shared[key].append(_Carrier(*carrier))
    return shared


def _with_common_key(rows: Sequence[Certificate], carriers: Mapping[str, int]) -> set[int]:
    """Those of the rows whose key is also carried by one that is for something else, counted and not read."""
    if not rows:
        return set()
    names, subjects = {row.names_sha256 for row in rows} - {""}, {row.subject_sha256 for row in rows}
    alike = _carriers(row.spki_sha256 for row in rows).filter(
        Q(names_sha256__in=names) | Q(names_sha256="", subject_sha256__in=subjects)
    )
    twins: Counter[tuple[str, str, str]] = Counter()
    for key, name, subject, number in alike.values_list("spki_sha256", "names_sha256", "subject_sha256").annotate(
        Count("pk")
    ):
        twins[key, name, "" if name else subject] += number
    return {row.pk for row in rows if carriers[row.spki_sha256] > twins[_what_for(row)]}


def _what_for(row: Certificate) -> tuple[str, str, str]:
    return row.spki_sha256, row.names_sha256, "" if row.names_sha256 else row.subject_sha256


def _named_teams(row: Certificate | Endpoint) -> frozenset[int | None]:
    """Teams (and nobody) whose things everybody sees who sees ``row``."""
    nobody = () if settings.HIDE_UNOWNED else (None,)
    return frozenset((row.owner_team_id, *nobody))


def endpoint_facts(
    endpoints: Sequence[Endpoint], now: datetime, services: Services | None = None
) -> dict[int, EndpointFacts]:
    """``services`` are those of these endpoints, if they have been read already."""
    summaries = (services or services_of(endpoints, now)).summaries
    served = served_by({row.pk for row in endpoints})
    sent = sent_by(endpoints, served, now)
    return {row.pk: _facts(row, sent[row.pk], summaries.get(row.service, NO_SERVICE), now) for row in endpoints}


def _facts(row: Endpoint, sent: tuple[Sent, ...], service: Service, now: datetime) -> EndpointFacts:
    return EndpointFacts(
        retired=row.retired_at is not None,
        tried=row.outcome != Endpoint.Outcome.NEVER,
        served=row.outcome == Endpoint.Outcome.SERVED,
        reason=row.reason,
        seen_at=row.last_seen_at,
        stale_from=evidence_until(row.last_seen_at, row, now),
        server_name=row.server_name,
        tls_version=row.tls_version,
        sent=sent,
        key=row.pk,
        service=service,
        named_teams=_named_teams(row),
    )
