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

from certdash.lib.files import require_writable, writing
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
        if options["manifest"]:
            require_writable(options["manifest"])
            require_writable(manifest.root_path(options["manifest"]))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
        try:
            servers = Servers(estate.plan(_wanted(options), timezone.now()))
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        try:
            self._write_manifest(servers, options["manifest"])
            asyncio.run(self._serve(servers, options["manifest"]))
        finally:
            servers.close()

    def _write_manifest(self, servers: Servers, file: Path | None) -> None:
        if file:
            with writing(file, "The lab is closed again."):
                servers.manifest.write(file)

    async def _serve(self, servers: Servers, file: Path | None) -> None:
        loop = asyncio.get_running_loop()
        for end in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(end, servers.stop)
        await servers.run(lambda: self._announce(servers.manifest.lines, file))
        self.stdout.write("The lab is closed.")

    def _announce(self, lines: tuple[manifest.Line, ...], file: Path | None) -> None:
        self.stdout.write("\n".join([*_summary(lines), *_hints(lines, file)]))
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
    return found


def _hints(lines: tuple[manifest.Line, ...], file: Path | None) -> list[str]:
    """By the manifest a scan finds everything; by network it asks without names, and in one protocol."""
    hints = [f"Scan it: manage.py scan --places {shlex.quote(str(file))} --wait"] if file else []
    tls = sorted({line.port for line in lines if line.protocol == "tls"})
    if tls:
        ports = ",".join(map(str, tls))
        network = _network({line.address for line in lines})
        begin = "Or by network, without names" if file else "Scan it, without names"
        hints.append(f"{begin}: manage.py scan --network {network} --ports {ports} --wait")
    return hints


def _by_protocol(line: manifest.Line) -> int:
    return manifest.PROTOCOLS.index(line.protocol)


def _network(addresses: Iterable[str]) -> ipaddress.IPv4Network:
    """The smallest network that holds them all."""
    numbers = [int(ipaddress.IPv4Address(address)) for address in addresses]
    bits = (min(numbers) ^ max(numbers)).bit_length()
    return ipaddress.IPv4Network((min(numbers), 32 - bits), strict=False)
