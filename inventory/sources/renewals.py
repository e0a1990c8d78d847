"""Renewal settings of certbot and acme.sh: what of them helps people is read, and nothing that may be a secret.

certbot writes ``renewal/NAME.conf`` (ConfigObj), acme.sh ``DOMAIN/DOMAIN.conf`` (lines of a shell). Keys that are known
are read; all others are named and not kept, and their values go no further than this module.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from certdash.lib.inert import shorten, visible
from inventory.sources.value import Buffer

CERTBOT, ACME_SH = "certbot", "acme.sh"
LARGEST = 64 * 1024
VALUE_LENGTH, NAMED_AT_MOST, NAMES_AT_MOST = 300, 20, 100
SERVER, CHALLENGE, KEY_TYPE, NEXT = "ACME server", "Challenge", "Renewal key type", "Next renewal"
BEFORE, DEPLOYS, RELOADS, INSTALLED = "Renews before expiry", "Deployed by", "Reloaded with", "Installed at"
_SECRET = re.compile(
    r"^SAVED_|token|secret|passw|credential|account|hmac|\beab|_eab|key|login|user|mail|auth(?!enticator)",
    re.IGNORECASE,
)
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,99})\s*=\s*(.*)")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_PATH = re.compile(r"/[A-Za-z0-9_./@*+-]{1,250}")
_ENCODED = re.compile(r"__ACME_BASE64__START_([A-Za-z0-9+/=]*)__ACME_BASE64__END_")
# Any other command may hold a token or a password.
_COMMAND = re.compile(
    r"(?:sudo )?(?:/[a-z0-9/]+/)?(?:systemctl|service|rc-service|nginx|apachectl|apache2ctl|httpd|postfix|doveadm)"
    r"(?: [A-Za-z0-9@._-]{1,40}){1,4}"
)


@dataclass(slots=True)
class Settings:
    """What the settings say, and the names of keys that were not kept.

    ``secrets`` for what they may hold, ``others`` because nothing here is like them. ``names`` are those that the
    settings ask a certificate for, where they say so.
    """

    program: str
    names: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def left_out(self) -> str:
        told = [f"Not kept, because they may hold secrets: {_listed(self.secrets)}."] if self.secrets else []
        return " ".join([*told, f"Not mapped: {_listed(self.others)}."] if self.others else told)


def _add(names: list[str], name: str) -> None:
    """One more than is shown: a hostile file must not fill the memory with names."""
    if len(names) <= NAMED_AT_MOST:
        names.append(name)


def _listed(names: list[str]) -> str:
    shown = ", ".join(visible(name) for name in names[:NAMED_AT_MOST])
    return f"{shown} and more" if len(names) > NAMED_AT_MOST else shown


def read_settings(data: Buffer) -> Settings | None:
    """None if it is neither. Any bytes are safe."""
    if len(data) > LARGEST:
        return None
    text = bytes(data[:]).decode("utf-8", "replace")
    if "[renewalparams]" in text:
        return _read(CERTBOT, _certbot_lines(text), _CERTBOT)
    if re.search(r"^(?:Le_Domain|SAVED_\w+|ACCOUNT_\w+)=", text, re.MULTILINE):
        return _read(ACME_SH, _shell_lines(text), _ACME_SH)
    return None


def _read(program: str, lines: Iterator[tuple[str, str]], readers: Mapping[str, _Reader]) -> Settings:
    read = Settings(program)
    for key, value in lines:
        if reader := readers.get(key):
            if value and not reader(read, value):
                _add(read.others, key)
        elif _SECRET.search(key):
            _add(read.secrets, key)
        elif value:
            _add(read.others, key)
    read.fields = {name: shorten(visible(text), VALUE_LENGTH) for name, text in read.fields.items()}
    return read


def _certbot_lines(text: str) -> Iterator[tuple[str, str]]:
    """Keys before ``[renewalparams]`` and in it; of sections in it, only their names."""
    inner = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inner = line.startswith("[[")
            if inner:
                yield line.strip("[] "), ""
        elif not inner and (found := _LINE.fullmatch(line)):
            yield found[1], found[2].strip().rstrip(",")


def _shell_lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if found := _LINE.fullmatch(line.strip()):
            yield found[1], _decoded(found[2].strip().strip("'\"").rstrip(","))


def _decoded(value: str) -> str:
    if not (found := _ENCODED.fullmatch(value)):
        return value
    try:
        return base64.b64decode(found[1], validate=True).decode("utf-8", "replace").strip()
    except binascii.Error:
        return ""


# True if the value could be kept, or says something that is kept otherwise.
_Reader = Callable[[Settings, str], bool]


def _kept(name: str, pattern: re.Pattern[str], *, unless: str = "") -> _Reader:
    def read(settings: Settings, value: str) -> bool:
        if value == unless:
            return True
        if not pattern.fullmatch(value):
            return False
        settings.fields.setdefault(name, value)
        return True

    return read


def _url(settings: Settings, value: str) -> bool:
    """Without what may stand beside the host, or behind the path."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not host:
        return False
    settings.fields[SERVER] = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"
    return True


def _webroot(settings: Settings, value: str) -> bool:
    """One for each name, with commas: the name of a DNS plug-in, a folder, or “no” for a server of its own."""
    ways = list(dict.fromkeys(value.split(",")))
    words = {"no": "standalone", "alpn": "tls-alpn-01"}
    if not all(way in words or _WORD.fullmatch(way) or _PATH.fullmatch(way) for way in ways):
        return False
    settings.fields[CHALLENGE] = ", ".join(
        words.get(way) or (f"webroot {way}" if way.startswith("/") else f"dns-01 by {way}") for way in ways if way
    )
    return True


def _webroot_path(settings: Settings, value: str) -> bool:
    if not _PATH.fullmatch(value):
        return False
    settings.fields[CHALLENGE] = f"{settings.fields.get(CHALLENGE) or 'webroot'} {value}"
    return True


def _authenticator(settings: Settings, value: str) -> bool:
    if not _WORD.fullmatch(value):
        return False
    path = settings.fields.get(CHALLENGE, "").removeprefix("webroot")
    settings.fields[CHALLENGE] = value + path
    return True


def _moment(settings: Settings, value: str) -> bool:
    if not (value.isascii() and value.isdigit() and len(value) <= 11):
        return False
    settings.fields[NEXT] = datetime.fromtimestamp(int(value), UTC).strftime("%Y-%m-%d %H:%M UTC")
    return True


def _names(settings: Settings, value: str) -> bool:
    names = [name for name in value.lower().split(",") if name not in {"", "no"}]
    settings.names = (*settings.names, *names)[:NAMES_AT_MOST]
    return True


def _size(settings: Settings, value: str) -> bool:
    if not _WORD.fullmatch(value):
        return False
    settings.fields[KEY_TYPE] = f"rsa {value}" if value.isdigit() else value
    return True


def _place(_settings: Settings, _value: str) -> bool:
    """Where its files lie is seen from where they were found."""
    return True


_CERTBOT: Mapping[str, _Reader] = {
    "authenticator": _authenticator,
    "webroot_path": _webroot_path,
    "server": _url,
    "key_type": _kept(KEY_TYPE, _WORD),
    "renew_before_expiry": _kept(BEFORE, re.compile(r"[0-9]{1,4} [a-z]{1,10}")),
    "installer": _kept(DEPLOYS, _WORD, unless="None"),
    "renew_hook": _kept(RELOADS, _COMMAND, unless="None"),
    "post_hook": _kept(RELOADS, _COMMAND, unless="None"),
    **dict.fromkeys(("archive_dir", "cert", "chain", "fullchain"), _place),
}
_ACME_SH: Mapping[str, _Reader] = {
    "Le_Domain": _names,
    "Le_Alt": _names,
    "Le_API": _url,
    "Le_Webroot": _webroot,
    "Le_Keylength": _size,
    "Le_NextRenewTime": _moment,
    "Le_NextRenewTimeStr": _place,
    "Le_DeployHook": _kept(DEPLOYS, re.compile(r"[A-Za-z0-9_.,-]{1,100}")),
    "Le_ReloadCmd": _kept(RELOADS, _COMMAND),
    "Le_RealFullChainPath": _kept(INSTALLED, _PATH),
    "Le_RealCertPath": _kept(INSTALLED, _PATH),
}
