"""The machine: Python, packages, disk, permissions, programs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path

from django.conf import settings
from django.core import checks

from certdash.management import processes
from certdash.management.examinations.answers import Answer, Examination, bad, good, not_judged

LEAST_FREE = 1024**3
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
DRAW = "import sys, weasyprint; sys.stdout.write(weasyprint.HTML(string='x').write_pdf()[:4].decode())"


def python(now: datetime) -> Answer:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return good("python", version)
    return bad("python", f"{version}; certdash runs on 3.11 to 3.13")


def packages(now: datetime) -> Answer:
    """Compare what is installed with what was tested together."""
    wanted = PINNED.findall((settings.BASE_DIR / "requirements.txt").read_text(encoding="ascii"))
    other = [f"{name} {_installed(name)} instead of {version}" for name, version in wanted if _differs(name, version)]
    if other:
        return bad("packages", f"{'; '.join(other[:5])}: pip install --require-hashes -r requirements.txt")
    return good("packages", f"{len(wanted)} packages as pinned")


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _differs(name: str, version: str) -> bool:
    """A package that is missing may belong to another system alone, so only another version counts."""
    return _installed(name) not in {version, "none"}


def system_checks(now: datetime) -> Answer:
    found = [message for message in checks.run_checks() if message.level >= checks.WARNING]
    if found:
        return bad("settings", "; ".join(f"{message.id}: {message.msg}" for message in found))
    return good("settings", "the system checks found nothing")


def disk(now: datetime) -> Answer:
    usage = shutil.disk_usage(settings.VAR)
    text = f"{usage.free / 1024**3:.1f} GiB free of {usage.total / 1024**3:.1f} under {settings.VAR}"
    return good("disk", text) if usage.free > LEAST_FREE else bad("disk", f"{text}; at least 1 GiB is needed")


def permissions(now: datetime) -> Answer:
    """The database and the secret key must not be readable by other users of the machine."""
    secrets = [path for path in (settings.VAR / "secret_key", *settings.VAR.glob("*.sqlite3*")) if path.exists()]
    closed = not settings.VAR.stat().st_mode & 0o007
    readable = [] if closed else [path for path in secrets if path.stat().st_mode & 0o007]
    if readable:
        names = ", ".join(path.name for path in readable)
        return bad("permissions", f"every user of this machine can read {names}: chmod o-rwx {settings.VAR}")
    return good("permissions", f"what lies in {settings.VAR} is closed to other users")


def pdf(now: datetime) -> Answer:
    """Draw a page: only that tells whether the libraries behind WeasyPrint are there and fit."""
    drawn = subprocess.run([sys.executable, "-c", DRAW], capture_output=True, text=True, timeout=60, check=False)
    if drawn.stdout == "%PDF":
        return good("pdf", f"WeasyPrint {_installed('weasyprint')} draws")
    reason = (drawn.stderr.strip().splitlines() or ["no answer"])[-1]
    return bad("pdf", f"{reason}: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0")


def nmap(now: datetime) -> Answer:
    path = shutil.which("nmap")
    if path is None:
        return not_judged("nmap", "not installed; scans use certdash's own engine")
    told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    line = told.stdout.strip().splitlines()[:1]
    if told.returncode or not line:
        return bad("nmap", f"{path} does not run")
    return good("nmap", line[0].partition(" ( ")[0])


def run_folder(now: datetime) -> Answer:
    """Whether this installation is served from this machine right now."""
    # A killed supervisor leaves its marks behind.
    marks = sorted(path.stem for path in Path(settings.VAR / "run").glob("*.json") if _runs(path))
    if not marks:
        return not_judged("serving", "nothing is served from this folder now")
    return good("serving", ", ".join(marks))


def _runs(path: Path) -> bool:
    group = processes.load(path)
    return group is not None and processes.leads(group)


MACHINE: list[Examination] = [python, packages, system_checks, disk, permissions, pdf, nmap, run_folder]
