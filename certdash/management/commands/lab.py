"""`manage.py lab`: TLS servers with known faults, in the foreground until Ctrl-C or SIGTERM."""

import asyncio
import ipaddress
import resource
import shlex
import signal
from argparse import ArgumentParser
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from lab import estate, manifest
from lab.servers import Servers


class Command(BaseCommand):
    help = "Start TLS servers with known faults on loopback and write what a scan must find."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--endpoints", type=int, default=0, metavar="N", help="default: 60")
        parser.add_argument("--seed", type=int, default=0, metavar="S")
        parser.add_argument("--manifest", type=Path, metavar="FILE", help="JSON lines")
        parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS")
        parser.add_argument("--port-base", type=int, default=estate.PORT_BASE, metavar="P")
        parser.add_argument("--kinds", default="", metavar="KIND,KIND", help="default: all")

    def handle(self, *args: Any, **options: Any) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
        try:
            servers = Servers(estate.plan(_wanted(options), timezone.now()))
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        if options["manifest"]:
            servers.manifest.write(options["manifest"])
        try:
            asyncio.run(self._serve(servers, options["manifest"]))
        finally:
            servers.close()

    async def _serve(self, servers: Servers, file: Path | None) -> None:
        loop = asyncio.get_running_loop()
        for end in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(end, servers.stop)
        await servers.run(lambda: self._announce(servers.manifest.lines, file))
        self.stdout.write("The lab is closed.")

    def _announce(self, lines: tuple[manifest.Line, ...], file: Path | None) -> None:
        self.stdout.write("\n".join(_summary(lines)))
        if file:
            root = manifest.root_path(file)
            self.stdout.write(f"Expected: {file}\nRoot:     {root}")
            self.stdout.write(f"Trust it: manage.py trust lab {shlex.quote(str(root))}")
        else:
            self.stdout.write("Nobody trusts its root: --manifest FILE writes it down, for manage.py trust.")
        self.stdout.write("Ctrl-C ends it.")
        self.stdout.flush()


def _wanted(options: dict[str, Any]) -> estate.Wanted:
    kinds = tuple(kind for kind in options["kinds"].split(",") if kind)
    return estate.Wanted(options["endpoints"], options["seed"], kinds, options["bind"], options["port_base"])


def _summary(lines: tuple[manifest.Line, ...]) -> list[str]:
    """How many, and where to point a scan."""
    network = _network({line.address for line in lines})
    faulty = sum(bool(line.faults) for line in lines)
    found = [
        f"The lab is open: {len(lines)} endpoints of {len({line.kind for line in lines})} kinds, "
        f"{faulty} with faults, {sum(line.leaf_sha256 is None for line in lines)} without certificate."
    ]
    for protocol, group in groupby(sorted(lines, key=_by_protocol), key=lambda line: line.protocol):
        ports = ",".join(map(str, sorted({line.port for line in group})))
        found.append(f"  {protocol:<9}{network}  ports {ports}")
    tls = sorted({line.port for line in lines if line.protocol == "tls"})
    if tls:
        ports = ",".join(map(str, tls))
        found.append(f"Scan it: manage.py scan --network {network} --ports {ports} --wait")
    return found


def _by_protocol(line: manifest.Line) -> int:
    return manifest.PROTOCOLS.index(line.protocol)


def _network(addresses: Iterable[str]) -> ipaddress.IPv4Network:
    """The smallest network that holds them all."""
    numbers = [int(ipaddress.IPv4Address(address)) for address in addresses]
    bits = (min(numbers) ^ max(numbers)).bit_length()
    return ipaddress.IPv4Network((min(numbers), 32 - bits), strict=False)
