"""Lineages of certbot and acme.sh in an upload or a folder: which certificate their renewal settings are about.

Settings may stand before their certificates, and links before what they lead to, so all is told at the end.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from inventory.sources.renewals import ACME_SH, Settings, read_settings
from inventory.sources.value import Buffer, Found, Renewal

SETTINGS_AT_MOST = 20_000
LINK = "It is a symbolic link, not a file."
RENEWED_BY, LINEAGE = "Renewed by", "Lineage"
_CERTBOT = re.compile(r"(?:(.*)/)?renewal/([^/]+)\.conf")
_ACME_SH = re.compile(r"(?:(?:.*)/)?([^/]+?)(?:_ecc)?/([^/]+)\.conf")
_ACCOUNT = re.compile(r"(?:.*/)?account\.conf")
_LIVE = re.compile(r"(?:.*/)?live/[^/]+/[a-z]+\.pem")
# The first certificate of these is the one that is served.
_LEAF = re.compile(r"(?:.*/)?(?:live/[^/]+/(?:cert|fullchain)\.pem|archive/[^/]+/cert\d{1,9}\.pem|[^/]+/[^/]+\.cer)")
_NUMBER = re.compile(r"cert(\d+)\.pem")


@dataclass(slots=True)
class Lineages:
    """What of an upload may belong to a lineage, by normal paths."""

    certificates: dict[str, str] = field(default_factory=dict)
    links: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    settings: dict[str, tuple[str, Settings]] = field(default_factory=dict)

    def note(self, found: Found) -> None:
        path = posixpath.normpath(found.path)
        if found.der is not None and path not in self.certificates and _LEAF.fullmatch(path):
            self.certificates[path] = hashlib.sha256(found.der).hexdigest()

    def take_link(self, path: str, target: str, offset: int = 0) -> bool:
        """Whether it may be one of certbot's; if it turns out to be none, it is told at the end."""
        normal = posixpath.normpath(path)
        if not _LIVE.fullmatch(normal) or target.startswith("/"):
            return False
        self.links[normal] = (posixpath.normpath(posixpath.join(posixpath.dirname(normal), target)), path, offset)
        return True

    def alias(self, path: str, other: str) -> None:
        """Both lead to the same file."""
        if _LIVE.fullmatch(path):
            self.links[posixpath.normpath(path)] = (posixpath.normpath(other), "", 0)

    def take_settings(self, path: str, data: Buffer) -> bool:
        normal = posixpath.normpath(path)
        acme = _ACME_SH.fullmatch(normal)
        mine = _CERTBOT.fullmatch(normal) or _ACCOUNT.fullmatch(normal) or (acme and acme[1] == acme[2])
        read = read_settings(data) if mine and len(self.settings) < SETTINGS_AT_MOST else None
        if read:
            self.settings[normal] = (path, read)
        return read is not None

    def told(self) -> Iterator[Found]:
        absorbed, archives = set[str](), self._archives()
        for normal, (path, settings) in self.settings.items():
            found = _CERTBOT.fullmatch(normal)
            if found and settings.program != ACME_SH:
                root, name = found[1] or "", found[2]
                absorbed.add(posixpath.join(root, "live", name))
                archived = archives.get(posixpath.join(root, "archive", name), [])
                yield from self._certbot(path, posixpath.join(root, "live", name), archived, settings)
            elif settings.names:
                yield self._acme_sh(normal, path, settings)
            else:
                yield Found(path, 0, None, f"Settings of an account. {settings.left_out()}")
        for normal, (_target, path, offset) in self.links.items():
            if path and posixpath.dirname(normal) not in absorbed:
                yield Found(path, offset, None, LINK)

    def _certbot(self, path: str, live: str, archived: list[str], settings: Settings) -> Iterator[Found]:
        name = posixpath.basename(live)
        current = self._at(f"{live}/cert.pem") or self._at(f"{live}/fullchain.pem")
        current = current or (self.certificates[archived[-1]] if archived else "")
        yield _about(path, name, settings, current)
        for older in archived:
            if (sha256 := self.certificates[older]) != current:
                yield Found(older, 0, None, "", Renewal(sha256, name, "", {LINEAGE: f"{name} (older)"}))

    def _archives(self) -> dict[str, list[str]]:
        """Folder → certificates in it, in the order in which certbot made them."""
        numbered: dict[str, list[tuple[int, str]]] = {}
        for path in self.certificates:
            if found := _NUMBER.fullmatch(posixpath.basename(path)):
                numbered.setdefault(posixpath.dirname(path), []).append((int(found[1]), path))
        return {folder: [path for _number, path in sorted(paths)] for folder, paths in numbered.items()}

    def _at(self, path: str) -> str:
        """Its own certificate, or that of the file that it leads to."""
        target = self.links.get(path, ("", "", 0))[0]
        return self.certificates.get(path) or self.certificates.get(target, "")

    def _acme_sh(self, normal: str, path: str, settings: Settings) -> Found:
        folder, name = posixpath.split(normal.removesuffix(".conf"))
        current = self._at(f"{folder}/{name}.cer") or self._at(f"{folder}/fullchain.cer")
        return _about(path, name, settings, current)


def _about(path: str, name: str, settings: Settings, sha256: str) -> Found:
    if not sha256:
        nothing = f"Renewal settings of {settings.program}, and the certificate that they are for is not here."
        return Found(path, 0, None, f"{nothing} {settings.left_out()}".strip())
    fields = {LINEAGE: f"{name} (current)", **settings.fields}
    return Found(path, 0, None, settings.left_out(), Renewal(sha256, name, settings.program, fields))
