"""Which address the instance that runs from this folder has, for commands that were started with other settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certdash.management import processes


@contextmanager
def kept_address(folder: Path, url: str) -> Iterator[None]:
    """Keep the base URL for others to read, as long as pages are served."""
    file = folder / "address"
    file.write_text(url, encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def address_of_running(folder: Path) -> str:
    """The base URL of the running web server; "" if none runs here."""
    supervisor = processes.load(folder / "supervisor.json")
    web = processes.load(folder / "web-server.json")
    if supervisor is None or web is None or not processes.leads(supervisor):
        return ""
    try:
        return (folder / "address").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
