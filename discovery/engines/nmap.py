"""The engine that lets nmap find the open ports and then shakes hands with them by our own.

nmap opens sockets of its own, so each address is checked against the policy before nmap hears of it. python-nmap
splits its text of hosts as a shell would: only addresses that we have packed and written again ourselves get there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Unpack

from certdash.lib.drivers import DriverError, extra
from certdash.lib.egress import Policy
from discovery.engines import own
from discovery.engines.delivery import OnResult, ShouldStop
from discovery.engines.lookup import is_address
from discovery.probe import Place, Reason, Unreachable
from inventory.addresses import pack, unpack

_BATCH = 4_096  # places at once; 65,536 hosts of XML in one piece cost 317 MB
_HOSTS = 256  # of one run of nmap: how long a cancelled scan still goes on
_PORTS = 25  # of one run: with more, nmap tells only how many were closed, not which
_MAX_SECONDS = 1_800
_UNROUTABLE = frozenset({"host-unreach", "net-unreach", "no-route", "admin-prohibited", "host-prohibited"})


class Port(NamedTuple):
    """What nmap says of one port: ``state`` is open, closed or filtered."""

    address: bytes
    port: int
    state: str
    reason: str


def probe_many(
    places: Iterable[Place],
    policy: Policy,
    *,
    on_result: OnResult,
    should_stop: ShouldStop = own.never,
    **limits: Unpack[own.LimitOptions],
) -> None:
    """As ``own.probe_many``. Raises ``DriverError`` if nmap is missing or broken."""
    remaining = iter(places)
    while (batch := list(islice(remaining, _BATCH))) and not should_stop():
        to_ask = _sort_out(batch, policy, on_result, should_stop, own.Limits(**limits))
        own.probe_many(to_ask, policy, on_result=on_result, should_stop=should_stop, **limits)


def _sort_out(
    batch: Sequence[Place], policy: Policy, on_result: OnResult, should_stop: ShouldStop, limits: own.Limits
) -> list[Place]:
    """Tell what nmap found closed; return the rest: open ports, names, and what the policy will refuse."""
    ports_of: dict[str, set[int]] = defaultdict(set)
    for place in batch:
        if is_address(place.address) and policy.check(pack(place.address)):
            ports_of[place.address].add(place.port)
    found = {(port.address, port.port): port for port in _sweep_groups(ports_of, should_stop, limits)}
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


def _sweep_groups(ports_of: dict[str, set[int]], should_stop: ShouldStop, limits: own.Limits) -> Iterator[Port]:
    """Addresses that are asked for the same ports go to nmap together."""
    groups: dict[frozenset[int], list[str]] = defaultdict(list)
    for address, ports in ports_of.items():
        groups[frozenset(ports)].append(address)
    for group, addresses in groups.items():
        yield from sweep(addresses, sorted(group), rate=limits.rate, patience=limits.connect_timeout, stop=should_stop)


def sweep(
    addresses: Iterable[str],
    ports: Sequence[int],
    *,
    rate: float | None = None,
    patience: float = 3.0,
    stop: ShouldStop = own.never,
) -> Iterator[Port]:
    """The state of every port at every address; ``patience`` in seconds per attempt. Connects (-sT), needs no root.

    Anything but an address raises ``DriverError`` before nmap is started: names, ranges, options.
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
                yield from _scan(scanner, some_hosts, some_ports, options + " -6" * (version == 6))


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


def _scan(scanner: Any, hosts: list[str], ports: list[int], options: str) -> Iterator[Port]:
    nmap = extra("nmap", "python-nmap")
    numbers = ",".join(str(int(port)) for port in ports)
    try:
        answer = scanner.scan(" ".join(hosts), numbers, arguments=options, timeout=_MAX_SECONDS)
    except nmap.PortScannerTimeout as error:
        raise DriverError(f"nmap did not end within {_MAX_SECONDS} seconds") from error
    except nmap.PortScannerError as error:
        raise DriverError(f"nmap failed: {str(error.args[0])[:200]}") from error
    for host, found in answer["scan"].items():
        for port, state in found.get("tcp", {}).items():
            yield Port(pack(host), port, state["state"], state["reason"])
