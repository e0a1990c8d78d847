"""One connection, without a socket: clear text first where the protocol has it, then the handshake by OpenSSL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from OpenSSL import SSL

from discovery.probe import records
from discovery.probe.asking import Asking, context
from discovery.probe.results import Place, Reason, ServedVariant
from discovery.probe.transcript import Transcript
from discovery.starttls import Dialogue

MAX_RECEIVED = 2**20
_READ = 65_536
# How servers end a handshake in which we show no certificate of ours. What we refuse ourselves is not among them.
_WITHOUT_OURS = frozenset({Reason.TLS_ALERT, Reason.CLOSED_EARLY, Reason.CONNECTION_RESET, Reason.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class Sent:
    """The server sent at least one certificate."""

    variant: ServedVariant
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The connection brought no certificate."""

    reason: Reason
    detail: str = ""


Answer: TypeAlias = Sent | Failed


class Look:
    """Send what ``opening`` and ``receive`` return, feed what comes, until ``answer`` is there.

    ``end`` says that the server closed the stream, ``give_up`` that we stop for a reason of ours. After either, and
    after at most ``MAX_RECEIVED`` bytes, ``answer`` is set: nothing that a server sends raises or goes on for ever.
    """

    def __init__(self, place: Place, asking: Asking = Asking.DEFAULT) -> None:
        self.answer: Answer | None = None
        self._asking = asking
        self._server_name = place.server_name
        self._dialogue = None if place.protocol == "tls" else Dialogue(place.protocol)
        self._received = 0
        self._beginning = b""
        self._handshake: Handshake | None = None

    def opening(self) -> bytes:
        return self._dialogue.opening if self._dialogue else self._start()

    def receive(self, received: bytes) -> bytes:
        """Take what the server sent; return what to send now, which may be nothing."""
        self._received += len(received)
        if self.answer is not None or not received:
            return b""
        if self._received > MAX_RECEIVED:
            self.give_up(Reason.MESSAGE_TOO_LARGE, f"the server sent more than {MAX_RECEIVED:,} bytes")
            return b""
        return self._talk(received) if self._handshake is None else self._shake(self._handshake, received)

    def end(self) -> None:
        """The server closed the connection."""
        self.give_up(Reason.CLOSED_EARLY, "the server closed the connection")

    def give_up(self, reason: Reason, detail: str = "") -> None:
        """Stop for a reason from outside; what came before it counts."""
        if self.answer is not None:
            return
        if self._beginning and not records.could_be_tls(self._beginning):
            self.answer = Failed(Reason.NOT_TLS, records.name_protocol(self._beginning))
        elif self._handshake is not None:
            self.answer = self._handshake.judge(Failed(reason, detail))
        else:
            self.answer = Failed(reason, detail)

    def _start(self) -> bytes:
        self._handshake = Handshake(self._asking, self._server_name)
        return self._handshake.start()

    def _talk(self, received: bytes) -> bytes:
        dialogue = self._dialogue
        if dialogue is None:
            raise RuntimeError("receive() was called before opening()")
        to_send = dialogue.receive(received)
        if dialogue.refused:
            self.answer = Failed(Reason.STARTTLS_REFUSED, dialogue.refused)
        return self._start() if dialogue.is_ready else to_send

    def _shake(self, handshake: Handshake, received: bytes) -> bytes:
        if len(self._beginning) < 64:
            self._beginning += received[:64]
            if not records.could_be_tls(self._beginning):
                if records.says_what_it_is(self._beginning):
                    self.give_up(Reason.NOT_TLS)
                return b""
        to_send = handshake.receive(received)
        self.answer = handshake.answer
        return to_send


class Handshake:
    """OpenSSL's client over memory buffers, and our own transcript beside it."""

    def __init__(self, asking: Asking, server_name: str) -> None:
        self.answer: Answer | None = None
        self.transcript = Transcript()
        self._asking = asking
        self._has_name = bool(server_name)
        self._is_done = False
        self._failure: Failed | None = None
        self._connection = SSL.Connection(context(asking), None)
        self._connection.set_app_data(self.transcript)
        self._connection.set_connect_state()
        if server_name:
            self._connection.set_tlsext_host_name(server_name.encode("ascii"))

    def start(self) -> bytes:
        return self._advance()

    def receive(self, received: bytes) -> bytes:
        to_send = b""
        if self._failure is None:
            self._connection.bio_write(received)
            to_send = self._advance()
        self.transcript.feed(received)
        # OpenSSL may have stopped at the head of a Certificate message that is too long for it. We read it to its end.
        if self._failure is not None and not self.transcript.is_inside_certificate:
            self.answer = self.judge(self._failure)
        elif self._failure is None and self._is_done:
            self.answer = self.judge(Failed(Reason.NO_CERTIFICATE, "the server authenticates without a certificate"))
        return to_send

    def _advance(self) -> bytes:
        try:
            self._connection.do_handshake()
            self._is_done = True
        except SSL.WantReadError:
            return self._outgoing()
        except SSL.Error as error:
            self._failure = _failure(error)
            return b""
        return self._outgoing()

    def _outgoing(self) -> bytes:
        parts: list[bytes] = []
        try:
            while len(parts) < 16:
                parts.append(self._connection.bio_read(_READ))
        except SSL.WantReadError:
            return b"".join(parts)
        return b"".join(parts)

    def judge(self, failure: Failed) -> Answer:
        """The answer now: the chain if one came, else why not. ``failure`` counts if the handshake is not done."""
        said = self._alert() or failure
        chain = self.transcript.chain
        if not chain:
            empty = Failed(Reason.NO_CERTIFICATE, "the server sent an empty list of certificates")
            return said if chain is None else empty
        notes = ["a client certificate is requested"] if self.transcript.wants_client_certificate else []
        if not self._is_done:
            notes.append(f"the handshake was not finished: {said.detail or said.reason}")
        return Sent(self._variant(chain, self._broken(said.reason)), "; ".join(notes))

    def _broken(self, reason: Reason) -> Reason | None:
        """Why no client gets any further, if so."""
        wants_ours = self.transcript.wants_client_certificate and reason in _WITHOUT_OURS
        return None if self._is_done or wants_ours else reason

    def _alert(self) -> Failed | None:
        alert = self.transcript.alert
        if alert is None:
            return None
        if alert == records.UNRECOGNIZED_NAME and not self._has_name:
            return Failed(Reason.SERVER_NAME_REQUIRED, records.alert_name(alert))
        # Servers that want a name say so in their own ways; which of them this is cannot be known.
        note = "" if self._has_name else "; no server name was given"
        return Failed(Reason.TLS_ALERT, records.alert_name(alert) + note)

    def _variant(self, chain: tuple[bytes, ...], broken: Reason | None) -> ServedVariant:
        return ServedVariant(
            variant=self._asking.variant,
            chain=chain,
            tls_version=self.transcript.version,
            cipher=self._connection.get_cipher_name() or f"0x{self.transcript.cipher:04X}",
            group=self._connection.get_group_name() or "",
            broken=broken,
        )


def _failure(error: SSL.Error) -> Failed:
    """What OpenSSL says of a handshake that cannot go on, in our words."""
    if isinstance(error, SSL.SysCallError | SSL.ZeroReturnError):
        return Failed(Reason.CLOSED_EARLY, "the server closed the connection")
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    text = "; ".join(str(entry[-1]) for entry in queue if entry and entry[-1]) or "OpenSSL gives no reason"
    if "excessive message size" in text:
        return Failed(Reason.MESSAGE_TOO_LARGE, text)
    return Failed(Reason.TLS_ALERT if " alert " in text else Reason.PROTOCOL_ERROR, text[:200])
