"""A mail server on loopback that takes, refuses or stalls, as a test says."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

REFUSED = "nobody@example.org"
BUSY = "later@example.org"


@dataclass
class Post:
    """What arrived, and how the server behaves: "take", "stall" at DATA, "hang up" after DATA, "busy" at once."""

    port: int = 0
    mood: str = "take"
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    asked: int = 0
    on_taken: Callable[[], None] = lambda: None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _message in self.taken]


class Clerk(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        self.post: Post = self.server.post
        self.post.asked += 1
        if self.post.mood == "busy":
            self.say("421 too many connections")
            return
        self.say("220 post.example.org")
        self.recipient = ""
        while line := self.rfile.readline():
            verb = line[:4].upper().strip().decode()
            if verb == "QUIT" or not self.answer(verb, line):
                return

    def answer(self, verb: str, line: bytes) -> bool:
        if verb == "RCPT":
            return self.name(line)
        if verb == "DATA":
            return self.take()
        self.say("250 post.example.org")
        return True

    def name(self, line: bytes) -> bool:
        self.recipient = line.decode().partition("<")[2].partition(">")[0]
        answers = {REFUSED: "550 5.1.1 no such person \u202ehere", BUSY: "451 4.7.1 come back later"}
        self.say(answers.get(self.recipient, "250 known"))
        return True

    def take(self) -> bool:
        if self.post.mood == "stall":
            self.post.over.wait(30)
            return False
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.post.taken.append((self.recipient, message))
        self.post.on_taken()
        if self.post.mood == "hang up":
            return False
        self.say("250 taken")
        return True

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class Office(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    post: Post


@contextmanager
def open_post() -> Iterator[Post]:
    with Office(("127.0.0.1", 0), Clerk) as office:
        office.post = Post(port=office.server_address[1])
        thread = threading.Thread(target=office.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield office.post
        finally:
            office.post.over.set()
            office.shutdown()
            thread.join()
