"""Findings as CSV or JSON: all of the list, in its order, written as ``inventory.exports`` says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import QueryDict

from inventory.exports import Column, Export
from inventory.filters import Filtered
from inventory.filters.base import read_query
from inventory.filters.paging import Sort
from inventory.models import Severity
from policy.filters import FindingFilter
from policy.models import Finding, rule_of

WORST_FIRST = Sort("severity", "severity", "number", descending=True)


def select(query: QueryDict, request: Any, _now: datetime) -> Filtered[Finding]:
    """What the list of this request shows; ``request`` says whose eyes it is read with."""
    chosen = FindingFilter(query, queryset=Finding.objects.visible_to(request.user), request=request)
    understood = chosen.form.is_valid()
    errors = {} if understood else {name: " ".join(map(str, texts)) for name, texts in chosen.form.errors.items()}
    return Filtered(
        queryset=chosen.qs if understood else Finding.objects.none(),
        asked=read_query(query),
        chips=(),
        errors=errors,
        sort=WORST_FIRST,
        cursor=None,
        per_page=0,
    )


def _owner(finding: Finding) -> str:
    about = finding.certificate or finding.endpoint
    return about.owner_team.slug if about and about.owner_team else ""


FINDINGS: Export[Finding] = Export(
    "findings",
    select,
    (
        Column("severity", "critical, high, medium, low", lambda f, _: Severity(f.severity).name.lower()),
        Column("rule", "code of the rule that is broken", lambda f, _: f.rule),
        Column("title", "what the rule is called", lambda f, _: str(rule_of(f.rule).title)),
        Column("sentence", "what is wrong", lambda f, _: f.sentence),
        Column(
            "certificate", "SHA-256 of the certificate it is about", lambda f, _: f.certificate and f.certificate.sha256
        ),
        Column("name", "first name of that certificate", lambda f, _: f.certificate and f.certificate.name),
        Column("endpoint", "the place it is about", lambda f, _: f.endpoint and f.endpoint.place),
        Column("server_name", "the name that place was asked for", lambda f, _: f.endpoint and f.endpoint.server_name),
        Column("owner_team", "short name of the team that owns it", lambda f, _: _owner(f)),
        Column("assigned_to", "who takes care, by e-mail", lambda f, _: f.assigned_to and f.assigned_to.email),
        Column("opened_at", "when it was found", lambda f, _: f.opened_at),
        Column("confirmed_at", "when it was last seen to be so", lambda f, _: f.confirmed_at),
        Column("due_at", "when it should be mended", lambda f, _: f.due_at),
        Column("closed_at", "when it was closed; empty while it is open", lambda f, _: f.closed_at),
        Column("closing", "how it was closed", lambda f, _: f.closing),
    ),
    joined=("certificate__owner_team", "endpoint__owner_team", "assigned_to"),
    prefetched=(),
)
