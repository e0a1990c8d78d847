"""``manage.py scan``: look at addresses, names and networks from the command line."""

from __future__ import annotations

import csv
import json
import os
import socket
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from accounts.services import on_command_line
from certdash.lib.files import require_writable, writing
from certdash.lib.inert import for_csv
from certdash.lib.work import WorkStatus
from certdash.templatetags.certdash import spaced
from discovery import services
from discovery.addresses import Target, parse_targets
from discovery.engines.lookup import system_resolve
from discovery.models import Candidate, Scan, Source
from discovery.probe import Place
from inventory.addresses import pack
from inventory.models import Certificate, Endpoint, ServedChain

ORIGIN = "command line"
COUNTS = ("asked", "answered", "refused", "silent", "excluded", "failed")
FOUND = ("certificates", "new", "changed", "gone")
NOT_DONE = 2
BATCH = 2_000


class Command(BaseCommand):
    help = "Scan addresses, host names and networks for certificates."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", nargs="*", help="host name, address, address:port or smtp://host")
        parser.add_argument("--network", action="append", default=[], metavar="CIDR")
        parser.add_argument(
            "--places",
            metavar="FILE",
            help="JSON lines with address, port, server_name and protocol, such as the lab's manifest",
        )
        parser.add_argument("--ports", default="443", help="such as 443,8443,9000-9010 (default: 443)")
        parser.add_argument("--server-name", action="append", default=[], help="name to ask for at each address")
        parser.add_argument("--exclude", action="append", default=[], metavar="CIDR", help="what must not be asked")
        parser.add_argument("--engine", choices=Source.Engine.values, default=Source.Engine.OWN)
        parser.add_argument("--rate", type=int, default=500, help="connections per second (0: no limit)")
        parser.add_argument("--allow", action="store_true", help="permit, for good, to probe what is named here")
        parser.add_argument("--wait", action="store_true", help="do the work here, together with running workers")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--output", type=Path, metavar="FILE.csv", help="write what this scan found as CSV (waits)")

    @on_command_line()
    def handle(self, *_args: Any, **options: Any) -> None:
        places = read_places(options["places"]) if options["places"] else []
        targets = [*options["address"], *options["network"]]
        if bool(targets) == bool(places):
            raise CommandError(
                "Name addresses or networks, or a file of places, such as: manage.py scan www.example.org --allow"
            )
        if options["output"]:
            require_writable(options["output"])
        if options["allow"]:
            allow(targets or sorted({place.address for place in places}))
        scan = start(targets, places, options)
        if options["wait"] or options["output"]:
            work_on(scan)
            scan.refresh_from_db()
        self.stdout.write(json.dumps(as_json(scan), indent=2) if options["json"] else as_text(scan))
        if options["output"]:
            with writing(
                options["output"], "What was found is in the inventory: manage.py export endpoints writes it."
            ):
                write_csv(scan, options["output"])
        if scan.status in {WorkStatus.FAILED, WorkStatus.CANCELLED}:
            raise CommandError(f"Scan {scan.pk} {scan.get_status_display()}: {scan.error}", returncode=NOT_DONE)


def allow(targets: Sequence[str]) -> None:
    """Permit what is named: networks and addresses as they are, names by the addresses that they have now."""
    read = parse_targets("\n".join(targets))
    # The scan is refused then, and nothing is permitted for what does not begin.
    if read.problems:
        return
    spans = [target for target in read.items if not target.name]
    for name in (target.name for target in read.items if target.name):
        spans += [Target(first=packed, last=packed) for packed in resolved(name)]
    now = timezone.now()
    services.allow(spans, origin=ORIGIN, now=now, owner=services.house_team(actor=None, now=now, origin=ORIGIN))


def resolved(name: str) -> list[bytes]:
    try:
        return sorted({pack(found) for found in system_resolve(name)})
    except OSError as error:
        raise CommandError(f"{name} cannot be looked up: {error}") from error


def read_places(path: str) -> list[Place]:
    """What else stands in the lines is left alone."""
    try:
        lines = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        return [
            Place(str(line["address"]), int(line["port"]), str(line.get("server_name", "")), str(line["protocol"]))
            for line in lines
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} cannot be read as JSON lines of places: {error!r}") from error


def start(targets: Sequence[str], places: Sequence[Place], options: dict[str, Any]) -> Scan:
    ask = services.Ask(
        targets="\n".join(targets),
        ports=options["ports"],
        exclusions="\n".join(options["exclude"]),
        server_names=" ".join(options["server_name"]),
        rate_limit=options["rate"],
        engine=options["engine"],
    )
    try:
        if places:
            title = Path(options["places"]).name
            return services.start_listed_scan(places, actor=None, now=timezone.now(), title=title)
        return services.start_scan(ask, actor=None, now=timezone.now())
    except services.ScanRefusedError as error:
        lines = [problem.sentence for problem in error.problems] + ["Nothing was scanned."]
        if all(problem.is_forbidden for problem in error.problems):
            lines[-1] += " With --allow, what is named here may be probed from now on."
        raise CommandError("\n".join(lines)) from error


def work_on(scan: Scan) -> None:
    """Take part as a worker until the scan has ended, so that it ends without a running queue, too."""
    worker = f"{socket.gethostname()}:{os.getpid()}:scan"[:100]
    while Scan.objects.open().filter(pk=scan.pk).exists():
        now = timezone.now()
        shard = scan.shards.claimable(now).order_by("number").first()
        if shard is None:
            services.finish_scan(scan.pk, now)
            time.sleep(0.2)
        else:
            services.run_shard(shard.pk, worker, timezone.now)


def as_json(scan: Scan) -> dict[str, Any]:
    counts = {name: getattr(scan, name) for name in (*COUNTS, *FOUND)}
    return {
        "scan": scan.pk,
        "status": scan.status,
        "error": scan.error,
        **counts,
        "not_tried": scan.not_tried,
        "reasons": scan.reasons,
    }


def as_text(scan: Scan) -> str:
    lines = [f"Scan {scan.pk}: {scan.get_status_display()}"]
    lines += [f"{name:>14}  {getattr(scan, name):,}" for name in COUNTS]
    lines += [f"{'not tried':>14}  {scan.not_tried:,}"] if scan.not_tried else []
    lines += [f"{name:>14}  {getattr(scan, name):,}" for name in FOUND]
    lines += [f"{spaced(reason):>24}  {count:,}" for reason, count in scan.reasons.items()]
    return "\n".join(lines)


def write_csv(scan: Scan, path: Path) -> None:
    """What this scan looked at, as it stands now: a line per endpoint and certificate that it serves.

    Endpoints without certificate and open ports without TLS have one line each.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CSV)
        for line in (*endpoint_lines(scan), *candidate_lines(scan)):
            writer.writerow([for_csv(cell) if isinstance(cell, str) else cell for cell in line])


def endpoint_lines(scan: Scan) -> Iterator[Sequence[str | int]]:
    now_served = ServedChain.objects.filter(state=ServedChain.State.SERVED).select_related("certificate")
    rows = Endpoint.objects.prefetch_related(Prefetch("served", now_served.order_by("variant")))
    for pks in in_order(Endpoint.objects.all(), scan.endpoint_ids()):
        found = rows.in_bulk(pks)
        for pk in pks:
            yield from csv_rows(found[pk])


def candidate_lines(scan: Scan) -> Iterator[Sequence[str | int]]:
    for pks in in_order(Candidate.objects.all(), scan.candidate_ids()):
        found = Candidate.objects.in_bulk(pks)
        for row in (found[pk] for pk in pks):
            yield row.host, row.port, "", row.protocol, Endpoint.Outcome.HANDSHAKE_FAILED, row.reason, *NO_CERTIFICATE


def in_order(rows: QuerySet[Any], wanted: set[int]) -> Iterator[list[int]]:
    """Primary keys by address and port, in pieces that a database takes as parameters."""
    places: list[tuple[bytes, int, int]] = []
    for some in batched(sorted(wanted)):
        found = rows.filter(pk__in=some).values_list("address", "port", "pk")
        places += [(bytes(address), port, pk) for address, port, pk in found]
    return batched([pk for *_, pk in sorted(places)])


def batched(items: list[int]) -> Iterator[list[int]]:
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))


CSV = (
    *("address", "port", "server_name", "protocol", "outcome", "reason"),
    *("tls_version", "sha256", "name", "not_after", "variant"),
)
NO_CERTIFICATE = ("", "", "", "", "")


def csv_rows(row: Endpoint) -> Iterator[list[str | int]]:
    """A server with an RSA and an ECDSA certificate serves two; what it serves by default comes first."""
    place: list[str | int] = [row.host, row.port, row.server_name, row.protocol, row.outcome, row.reason]
    served = {pointer.certificate_id: pointer for pointer in reversed(row.served.all())}
    if row.outcome != Endpoint.Outcome.SERVED or not served:
        yield [*place, *NO_CERTIFICATE]
        return
    for pointer in reversed(served.values()):
        # The version was agreed with who asked by default.
        version = row.tls_version if pointer.variant == ServedChain.Variant.DEFAULT else ""
        yield [*place, version, *described(pointer.certificate), pointer.variant]


def described(certificate: Certificate) -> tuple[str, str, str]:
    not_after = certificate.not_after.isoformat() if certificate.not_after else ""
    return certificate.sha256, certificate.name, not_after
