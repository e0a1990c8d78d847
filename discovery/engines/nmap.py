"""The engine that lets nmap find the open ports and then shakes hands with them by our own.

nmap opens sockets of its own, so each address is checked against the policy before nmap hears of it, and a run ends as
soon as the policy refuses one of its addresses; our own engine then asks for the others, socket by socket. python-nmap
reads its answer, but we run it: so it ends with us, whatever ends us, and as soon as nobody wants its answer any more.
Only addresses that we have packed and written again ourselves, and numbers, get into its command line.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from shutil import which
from time import monotonic
from typing import Any, NamedTuple, Unpack

from certdash.lib.drivers import DriverError, extra
from certdash.lib.egress import Gate
from discovery.engines import own
from discovery.engines.delivery import OnResult, ShouldStop
from discovery.engines.lookup import is_address
from discovery.probe import Place, Reason, Unreachable
from inventory.addresses import pack, unpack

_BATCH = 4_096  # places at once; 65,536 hosts of XML in one piece cost 317 MB
_HOSTS = 256  # of one run of nmap
_PORTS = 25  # of one run: with more, nmap tells only how many were closed, not which
_AT_RATE_SECONDS = 30  # of connections at the rate: what was found is told so often, and twice as late if all is silent
_MAX_SECONDS = 300  # well below the time that the queue gives to a task
_POLL = 0.5
# Ends with its parent (PR_SET_PDEATHSIG, SIGKILL). Said by a process in between: threads make forking into ours unsafe.
_WITH_US = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"
_UNROUTABLE = frozenset({"host-unreach", "net-unreach", "no-route", "admin-prohibited", "host-prohibited"})


class Port(NamedTuple):
    """What nmap says of one port: ``state`` is open, closed or filtered."""

    address: bytes
    port: int
    state: str
    reason: str


def probe_many(
    places: Iterable[Place],
    policy: Gate,
    *,
    on_result: OnResult,
    should_stop: ShouldStop = own.never,
    **limits: Unpack[own.LimitOptions],
) -> None:
    """As ``own.probe_many``. Raises ``DriverError`` if nmap is missing or broken."""
    remaining, chosen = iter(places), own.Limits(**limits)
    while (batch := list(islice(remaining, _at_once(chosen.rate)))) and not should_stop():
        to_ask = _sort_out(batch, policy, on_result, should_stop, chosen)
        # Of what nmap did not come to, nothing is known.
        if not should_stop():
            own.probe_many(to_ask, policy, on_result=on_result, should_stop=should_stop, **limits)


def _at_once(rate: float | None) -> int:
    return _BATCH if not rate else max(1, min(_BATCH, int(rate * _AT_RATE_SECONDS)))


def _sort_out(
    batch: Sequence[Place], policy: Gate, on_result: OnResult, should_stop: ShouldStop, limits: own.Limits
) -> list[Place]:
    """Tell what nmap found closed; return the rest: open ports, names, and what the policy will refuse."""
    ports_of: dict[str, set[int]] = defaultdict(set)
    for place in batch:
        if is_address(place.address) and policy.check(pack(place.address)):
            ports_of[place.address].add(place.port)
    found = {(port.address, port.port): port for port in _sweep_groups(ports_of, policy, should_stop, limits)}
    rest: list[Place] = []
    for place in batch:
        port = found.get((pack(place.address), place.port)) if place.address in ports_of else None
        if port is None or port.state == "open":
            rest.append(place)
        else:
            on_result(Unreachable(place, _reason(port), f"nmap: {port.state}, {port.reason}"))
    return rest


def _reason(port: Port) -> Reason:
    if port.state == "closed":
        return Reason.REFUSED
    return Reason.UNROUTABLE if port.reason in _UNROUTABLE else Reason.SILENT


def _sweep_groups(
    ports_of: dict[str, set[int]], policy: Gate, should_stop: ShouldStop, limits: own.Limits
) -> Iterator[Port]:
    """Addresses that are asked for the same ports go to nmap together."""

    def may(address: str) -> bool:
        return bool(policy.check(pack(address)))

    groups: dict[frozenset[int], list[str]] = defaultdict(list)
    for address, ports in ports_of.items():
        groups[frozenset(ports)].append(address)
    for group, addresses in groups.items():
        yield from sweep(
            addresses, sorted(group), rate=limits.rate, patience=limits.connect_timeout, stop=should_stop, may=may
        )


def sweep(
    addresses: Iterable[str],
    ports: Sequence[int],
    *,
    rate: float | None = None,
    patience: float = 3.0,
    stop: ShouldStop = own.never,
    may: Callable[[str], bool] = bool,
) -> Iterator[Port]:
    """The state of every port at every address; ``patience`` in seconds per attempt. Connects (-sT), needs no root.

    What ``may`` refuses is left out, asked anew before and during each run. Anything but an address raises
    ``DriverError`` before nmap is started: names, ranges, options.
    """
    scanner = _scanner()
    packed = [_packed(address) for address in addresses]
    options = f"-sT -Pn -n -T4 --max-retries 1 --max-rtt-timeout {max(100, int(patience * 1000))}ms"
    if rate:
        options += f" --max-rate {max(1, int(rate))}"
    for version in (4, 6):
        hosts = [text for text in map(unpack, packed) if (":" in text) == (version == 6)]
        for some_hosts in _chunks(hosts, _HOSTS):
            for some_ports in _chunks(list(ports), _PORTS):
                if stop():
                    return
                if chosen := list(filter(may, some_hosts)):
                    yield from _scan(
                        scanner, chosen, some_ports, options + " -6" * (version == 6), _unless(chosen, stop, may)
                    )


def _packed(address: str) -> bytes:
    try:
        return pack(address)
    except ValueError as error:
        raise DriverError("nmap is given addresses only", permanent=True) from error


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _scanner() -> Any:
    nmap = extra("nmap", "python-nmap")
    try:
        return nmap.PortScanner()
    except nmap.PortScannerError as error:
        message = "the program nmap is not installed: install the package nmap, or choose the engine certdash"
        raise DriverError(message, permanent=True) from error


def _unless(hosts: Sequence[str], stop: ShouldStop, may: Callable[[str], bool]) -> ShouldStop:
    return lambda: stop() or not all(map(may, hosts))


def _scan(scanner: Any, hosts: list[str], ports: list[int], options: str, stop: ShouldStop) -> Iterator[Port]:
    nmap = extra("nmap", "python-nmap")
    numbers = ",".join(str(int(port)) for port in ports)
    said = _run([scanner._nmap_path, "-oX", "-", *hosts, "-p", numbers, *options.split()], stop)
    if said is None:
        return
    xml, problems = said
    try:
        answer = scanner.analyse_nmap_xml_scan(xml, problems, problems.splitlines(), [])
    except nmap.PortScannerError as error:
        raise DriverError(f"nmap failed: {str(error.args[0])[:200]}") from error
    for host, found in answer["scan"].items():
        for port, state in found.get("tcp", {}).items():
            yield Port(pack(host), port, state["state"], state["reason"])


def _run(command: list[str], stop: ShouldStop) -> tuple[str, str] | None:
    """What nmap wrote; None if it was stopped. It does not outlive this call, nor the thread that calls."""
    until = monotonic() + _MAX_SECONDS
    wrapped = [sys.executable, "-I", "-S", "-c", _WITH_US, which(command[0]) or command[0], *command[1:]]
    with subprocess.Popen(  # noqa: S603 - no shell; addresses and numbers only
        wrapped, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            while monotonic() < until:
                if stop():
                    return None
                with suppress(subprocess.TimeoutExpired):
                    return process.communicate(timeout=_POLL)
        finally:
            process.kill()
    raise DriverError(f"nmap did not end within {_MAX_SECONDS} seconds")
