"""Judging what is due: facts → verdicts → findings → standing, in short transactions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import F, Q

from accounts.models import TickRun
from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services.judgements import Judgement, keep_certificate_judgements, keep_endpoint_judgements
from inventory.status import AHEAD
from policy.models import Finding, Unjudged
from policy.rules import (
    CERTIFICATE_RULES,
    ENDPOINT_RULES,
    Bad,
    CertificateFacts,
    EndpointFacts,
    NotJudged,
    Subject,
    Verdict,
)
from policy.rules.certificates import KEY_IS_COMMON
from policy.rules.certificates import presence as certificate_presence
from policy.rules.endpoints import presence as endpoint_presence
from policy.services.calling import MOST, call
from policy.services.facts import certificate_facts, endpoint_facts
from policy.services.findings import Kept, keep
from policy.services.siblings import call_for_siblings, services_of

BATCH = 200
Judged = TypeVar("Judged", Certificate, Endpoint)
Verdicts = dict[int, dict[str, Verdict]]


def judge_due(now: datetime, *, batch: int = BATCH) -> int:
    """Judge one batch of endpoints and one of certificates whose time has come; return how many were judged.

    Several judges may run at once: each leaves alone what another holds or has just judged.
    """
    return _judge_endpoints(now, batch) + _judge_certificates(now, batch)


def call_for_gone_rules(now: datetime) -> None:
    """Make due, a batch at a time, what has open findings of rules that do not exist any more: judging closes them."""
    gone = Finding.objects.open().of_gone_rules()
    for model, column in ((Certificate, "certificate"), (Endpoint, "endpoint")):
        subjects = gone.exclude(**{column: None}).values(column)
        call(model, Q(pk__in=subjects) & ~Q(judge_at__lte=now), now, most=MOST)


def call_for_future(now: datetime) -> None:
    """Make due what was judged while the clock was ahead: by its answers, nothing would change until then.

    No index finds it, so it is looked for once: when the last run of the clock that came to its end lies there.
    """
    ahead = now + AHEAD
    if TickRun.objects.filter(name="policy", finished_at__gt=ahead).exists():
        for model in (Certificate, Endpoint):
            call(model, Q(judged_at__gt=ahead) & ~Q(judge_at__lte=now), now)


def _judge_endpoints(now: datetime, batch: int) -> int:
    endpoints = list(Endpoint.objects.filter(judge_at__lte=now).order_by("judge_at")[:batch])
    if not endpoints:
        return 0
    services = services_of(endpoints, now)
    # Path building is slow beside a query, so facts and verdicts are made outside the transaction.
    facts = endpoint_facts(endpoints, now, services)
    found = {pk: endpoint_verdicts(one, now) for pk, one in facts.items()}
    call_for_siblings(endpoints, services, now)
    with transaction.atomic():
        claimed = _claim(Endpoint, endpoints)
        verdicts = {row.pk: found[row.pk] for row in claimed}
        kept = keep(Subject.ENDPOINT, verdicts, now)
        _write_standing(Endpoint, claimed, verdicts, {row.pk: facts[row.pk].stale_from for row in claimed}, now)
        _call_for_certificates(claimed, kept, now)
    return len(claimed)


# What a look changes although it may leave a row as due as it was.
_READ = {Certificate: ("judge_at", "judged_at"), Endpoint: ("judge_at", "judged_at", "last_seen_at")}


def _claim(model: type[Judged], rows: Sequence[Judged]) -> list[Judged]:
    """Lock those of the rows that are still as they were read, until the transaction ends.

    What changed meanwhile stays due. What another judge holds or has judged is left to it.
    """
    found = model.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")
    # Never waited for, so that two judges cannot stop each other; no key changes, so recording may refer to the rows.
    locked = found.select_for_update(skip_locked=True, no_key=True).values_list("pk", *_READ[model])
    now_at = {pk: read for pk, *read in locked}
    return [row for row in rows if now_at.get(row.pk) == [getattr(row, name) for name in _READ[model]]]


def _call_for_certificates(endpoints: Sequence[Endpoint], kept: Kept, now: datetime) -> None:
    """A certificate carries the risks of the endpoints that serve it, so it is judged again when those change."""
    changed = [row.pk for row in endpoints if row.pk in kept.subjects]
    if changed:
        served = ServedChain.objects.filter(endpoint__in=changed).values("certificate")
        by_default = {row.certificate_id for row in endpoints if row.pk in kept.subjects}
        call(Certificate, Q(pk__in=by_default - {None}) | Q(pk__in=served), now)


def _judge_certificates(now: datetime, batch: int) -> int:
    rows = list(Certificate.objects.filter(judge_at__lte=now).order_by("judge_at")[:batch])
    if not rows:
        return 0
    leaves = [row for row in rows if row.kind == Certificate.Kind.LEAF]
    facts = certificate_facts(leaves)
    found = {pk: certificate_verdicts(one, now) for pk, one in facts.items()}
    common = {row.spki_sha256 for row in leaves if facts[row.pk].key_is_common}
    _call_for_key_sharers(leaves, found, common, now)
    _call_for_chains_below(rows, now)
    with transaction.atomic():
        claimed = _claim(Certificate, rows)
        # Of authorities nothing is asked.
        verdicts = {row.pk: found.get(row.pk, {}) for row in claimed}
        keep(Subject.CERTIFICATE, verdicts, now)
        _write_standing(Certificate, claimed, verdicts, {}, now)
    return len(claimed)


def _call_for_key_sharers(leaves: Sequence[Certificate], verdicts: Verdicts, common: set[str], now: datetime) -> None:
    """When one certificate's key is found shared (or no longer), the others with that key are judged again.

    They are called before it is written that they were: a judge that dies in between calls them twice, not never.
    """
    told = Finding.objects.open().filter(rule="key_reuse", certificate__in=list(verdicts))
    were_shared = set(told.values_list("certificate_id", flat=True))
    keys = {row.spki_sha256 for row in leaves if _is_shared(verdicts[row.pk]) not in {None, row.pk in were_shared}}
    if keys:
        # Of a common key all are told the same: who was told it is left in peace, and who was never judged is due.
        common = keys & common
        were_told = Finding.objects.open().filter(rule="key_reuse", sentence=KEY_IS_COMMON).values("certificate")
        untold = Q(spki_sha256__in=common, judged_at__isnull=False) & ~Q(pk__in=were_told)
        of_these_keys = Q(kind=Certificate.Kind.LEAF) & (Q(spki_sha256__in=keys - common) | untold)
        call(Certificate, of_these_keys & ~Q(pk__in=list(verdicts)) & ~Q(judged_at=now), now)


def _call_for_chains_below(rows: Sequence[Certificate], now: datetime) -> None:
    """A new authority may be the issuer that a server did not send."""
    names = {row.subject_sha256 for row in rows if row.is_ca and row.judged_at is None}
    if names:
        below = ServedChain.objects.filter(certificate__issuer__name_sha256__in=names).values("endpoint")
        unsure = Unjudged.objects.filter(rule="incomplete_chain", endpoint__in=below)
        call(Endpoint, Q(pk__in=list(unsure.values_list("endpoint_id", flat=True))), now)


def _is_shared(verdicts: dict[str, Verdict]) -> bool | None:
    verdict = verdicts["key_reuse"]
    return None if isinstance(verdict, NotJudged) else isinstance(verdict, Bad)


def endpoint_verdicts(facts: EndpointFacts, now: datetime) -> dict[str, Verdict]:
    """The verdict of every endpoint rule."""
    absent = endpoint_presence(facts, now)
    return {code: absent or rule(facts, now) for code, rule in ENDPOINT_RULES.items()}


def certificate_verdicts(facts: CertificateFacts, now: datetime) -> dict[str, Verdict]:
    """The verdict of every certificate rule."""
    absent = certificate_presence(facts)
    return {code: absent or rule(facts, now) for code, rule in CERTIFICATE_RULES.items()}


def _write_standing(
    model: type[Certificate | Endpoint],
    rows: Sequence[Certificate | Endpoint],
    verdicts: Verdicts,
    stale_from: dict[int, datetime | None],
    now: datetime,
) -> None:
    risks = _open_risks(model, [row.pk for row in rows])
    judgements = {
        row.pk: Judgement(
            risks=risks.get(row.pk, ()),
            judge_at=_next_time(verdicts.get(row.pk, {}).values(), stale_from.get(row.pk), now),
            read_at=row.judge_at,
        )
        for row in rows
    }
    keep_all = keep_certificate_judgements if model is Certificate else keep_endpoint_judgements
    keep_all(judgements, now)


def _next_time(verdicts: Iterable[Verdict], stale_from: datetime | None, now: datetime) -> datetime | None:
    """The first moment after ``now`` at which time alone changes an answer."""
    moments = [getattr(verdict, "changes_at", None) for verdict in verdicts]
    return min((moment for moment in [*moments, stale_from] if moment and moment > now), default=None)


def _open_risks(model: type[Certificate | Endpoint], pks: list[int]) -> dict[int, tuple[tuple[str, int], ...]]:
    """Open findings per row as (rule, severity); a certificate's include those of the endpoints that serve it."""
    if model is Endpoint:
        ways = ["endpoint"]
    else:
        # An endpoint may serve one certificate to clients that ask for RSA and another to the rest.
        ways = ["certificate", "endpoint__certificate", "endpoint__served__certificate"]
    risks: dict[int, dict[int, tuple[str, int]]] = defaultdict(dict)
    for way in ways:
        rows = Finding.objects.open().filter(**{f"{way}__in": pks}).annotate(subject=F(way))
        for subject, finding, rule, severity in rows.values_list("subject", "pk", "rule", "severity"):
            risks[subject][finding] = rule, severity
    return {pk: tuple(pairs.values()) for pk, pairs in risks.items()}
