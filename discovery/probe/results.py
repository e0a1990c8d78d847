"""What was asked, and what the world answered. The world's failure is a value, never an exception."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why a look brought no certificate; compared when deciding "same answer as before", unlike the free text."""

    REFUSED = "refused"
    SILENT = "silent"  # no answer to the connection attempt within the deadline
    UNROUTABLE = "unroutable"
    EXCLUDED = "excluded"
    NOT_ALLOWED = "not_allowed"  # the egress policy has no row for this address
    NAME_NOT_FOUND = "name_not_found"
    NAME_LOOKUP_FAILED = "name_lookup_failed"
    CONNECTION_RESET = "connection_reset"
    CLOSED_EARLY = "closed_early"  # end of stream inside the handshake
    TIMED_OUT = "timed_out"  # connected, then too slow for the one deadline
    NOT_TLS = "not_tls"  # the answer is no TLS record (plain HTTP, SSH, ...)
    TLS_ALERT = "tls_alert"
    SERVER_NAME_REQUIRED = "server_name_required"
    STARTTLS_REFUSED = "starttls_refused"
    NO_CERTIFICATE = "no_certificate"
    MESSAGE_TOO_LARGE = "message_too_large"
    PROTOCOL_ERROR = "protocol_error"
    TOO_MANY_ADDRESSES = (
        "too_many_addresses"  # ours: this address of a name was not asked, because the name has so many
    )
    TOO_MANY_FILES = "too_many_files"  # ours: no descriptor or port was free; tried again, never called silence


@dataclass(frozen=True, slots=True)
class Place:
    """One place to ask: an address, a port, the server name to ask for (``""`` for none), and the protocol.

    ``of`` is the place that was asked for where this one is an address of its host name. It is no part of the place.
    """

    address: str
    port: int
    server_name: str = ""
    protocol: str = "tls"
    of: Self | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ServedVariant:
    """One chain out of several that a server may serve. ``variant`` is default, rsa or ecdsa.

    ``broken`` says why the handshake went no further than the chain; None if it was finished, or would have been with a
    certificate of ours.
    """

    variant: str
    chain: tuple[bytes, ...]  # DER, in the order in which it was sent
    tls_version: str  # "TLSv1.2"
    cipher: str
    group: str = ""
    broken: Reason | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """The place sent at least one certificate. ``detail`` notes what else happened (client certificate required...)."""

    place: Place
    variants: tuple[ServedVariant, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection: refused, silent, excluded, unknown name."""

    place: Place
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """A connection, but no certificate."""

    place: Place
    reason: Reason
    detail: str = ""


ProbeResult = Served | Unreachable | HandshakeFailed
