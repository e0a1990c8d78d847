"""What "check now" answers: the certificate of each address, or one sentence that says why there is none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from certdash.lib.htmx import HtmxRequest
from discovery.models import Candidate, Observation, Scan
from inventory.models import Certificate, Endpoint

SHOWN = 40
# Said of a place or a name, which stands before it.
SENTENCES = {
    "refused": _("refused the connection: nothing listens on this port, or a firewall says so."),
    "silent": _("did not answer: no connection came about in time. It is off, elsewhere, or behind a firewall."),
    "unroutable": _("cannot be reached: there is no way from this machine to that address."),
    "excluded": _("was not asked: a network that must never be connected to covers this address."),
    "not_allowed": _("was not asked: its address is in no network that may be probed. An administrator can add it."),
    "name_not_found": _("has no address: the resolver of this machine does not know the name. Nothing was asked."),
    "name_lookup_failed": _("could not be looked up: the resolver of this machine gave no answer. Nothing was asked."),
    "connection_reset": _("accepted the connection and broke it off before any certificate was sent."),
    "closed_early": _("accepted the connection and closed it before any certificate was sent."),
    "timed_out": _("accepted the connection, but sent no certificate in time."),
    "not_tls": _("answers, but does not speak TLS on this port."),
    "tls_alert": _("speaks TLS, but refuses the handshake; it may want another server name."),
    "server_name_required": _("speaks TLS, but sends a certificate only to who asks for a server name that it knows."),
    "starttls_refused": _("answers, but does not change over to TLS (STARTTLS)."),
    "no_certificate": _("speaks TLS, but sends no certificate."),
    "message_too_large": _("sent more than any certificate chain needs; the rest was not read."),
    "protocol_error": _("answers with something that is not well-formed TLS."),
    "too_many_addresses": _("has more addresses than are asked at once; those beyond were not asked."),
    "too_many_files": _("was not asked: this machine had no connection left. Try again."),
}
OTHERWISE = _("sent no certificate.")


def sentence(reason: str) -> str:
    return str(SENTENCES.get(reason, OTHERWISE))


def answers_of(request: HtmxRequest, scan: Scan, now: datetime) -> list[dict[str, Any]]:
    """The endpoints that a check asked, as they stand since then."""
    asked = Endpoint.objects.visible_to(request.user).filter(pk__in=sorted(scan.endpoint_ids())[:SHOWN])
    rows = list(asked.select_related("certificate__issuer").order_by("address"))
    spans = Observation.objects.filter(endpoint__in=rows, ended_at=None, outcome=Endpoint.Outcome.HANDSHAKE_FAILED)
    said = dict(spans.values_list("endpoint", "detail"))
    answers = [_answer(row, said.get(row.pk, ""), now) for row in rows]
    return opened(request, answers)


def _answer(endpoint: Endpoint, said: str, now: datetime) -> dict[str, Any]:
    leaf = endpoint.certificate if endpoint.outcome == Endpoint.Outcome.SERVED else None
    return {
        "endpoint": endpoint,
        "leaf": leaf,
        "status": leaf.status_at(now).value if leaf else "",
        "sentence": "" if leaf else sentence(endpoint.reason),
        "said": said,
    }


def without_endpoint(scan: Scan) -> list[dict[str, Any]]:
    """Where no endpoint stands: open ports with what they said, and why there is nothing else of the place."""
    candidates = Candidate.objects.filter(pk__in=sorted(scan.candidate_ids())[:SHOWN]).order_by("address", "port")
    doors = [{"place": row.place, "sentence": sentence(row.reason), "said": row.detail} for row in candidates]
    # Of endpoints that others own nothing is told here, either.
    asked = Endpoint.objects.filter(pk__in=sorted(scan.endpoint_ids())[:SHOWN]).values_list("reason", flat=True)
    told = {*asked, *(row.reason for row in candidates)}
    rest = [reason for reason in scan.reasons if reason not in told]
    return doors + [{"place": scan.title, "sentence": sentence(reason), "said": ""} for reason in rest]


def opened(request: HtmxRequest, shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say of each leaf whether its page opens: an endpoint may send the certificate of another team."""
    leaves = [one["leaf"].pk for one in shown if one["leaf"]]
    seen = set(Certificate.objects.visible_to(request.user).filter(pk__in=leaves).values_list("pk", flat=True))
    return [{**one, "is_open": one["leaf"] is not None and one["leaf"].pk in seen} for one in shown]
