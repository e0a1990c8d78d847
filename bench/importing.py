"""How fast a large file is imported, and in how much memory: ``python -m bench.importing [--certificates N]``."""

from __future__ import annotations

import argparse
import base64
import os
import resource
import subprocess
import sys
import tempfile
import textwrap
import time
from importlib import import_module
from pathlib import Path

import django

GOAL_PER_SECOND, GOAL_MIB = 1000, 512


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.importing", description=__doc__)
    parser.add_argument("--certificates", type=int, default=100_000)
    parser.add_argument("--make", type=Path, help="only write the file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="certdash-bench-") as folder:
        # Before Django reads its settings: nothing of a real installation is touched.
        os.environ["CERTDASH_VAR"] = folder
        os.environ.pop("CERTDASH_DATABASE_URL", None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "certdash.settings"
        django.setup()
        if options.make:
            _make(options.make, options.certificates)
        else:
            _measure(Path(folder, "estate.pem"), options.certificates)


def _make(file: Path, certificates: int) -> None:
    estate = import_module("bench.estate")
    now = import_module("django.utils.timezone").now()
    seen = set[bytes]()
    with file.open("w") as out:
        for answer in estate.served(certificates, now):
            (der, *_), *_ = (variant.chain for variant in answer.variants)
            if der not in seen:
                seen = {der}
                text = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
                out.write(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")


def _measure(file: Path, certificates: int) -> None:
    """The file is made by another process, so that its memory is not counted here."""
    size = str(certificates)
    subprocess.run([sys.executable, "-m", "bench.importing", "--make", file, "--certificates", size], check=True)  # noqa: S603
    call_command = import_module("django.core.management").call_command
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    base = _peak()
    importing = import_module("inventory.services.importing")
    clock = import_module("django.utils.timezone").now
    people = import_module("accounts.models")
    actor = people.User.objects.create(email="bench@example.org", role="administrator")
    team = people.Team.objects.create(name="Web", slug="web")
    with file.open("rb") as stream:
        of = importing.begin_import(file.name, stream, password="", team=team, actor=actor, now=clock())
    print(f"{file.stat().st_size / 2**20:.0f} MiB of PEM, {certificates:,} certificates; at rest {base} MiB")
    took = _step("read", of, certificates, importing, clock)
    importing.store_import(of, actor=actor, now=clock())
    took += _step("store", of, certificates, importing, clock)
    rate, peak = certificates / took, _peak()
    print(f"read and stored: {rate:,.0f} per second (goal {GOAL_PER_SECOND:,}), peak {peak} MiB (goal {GOAL_MIB})")
    importing.undo_import(of, actor=actor, now=clock())
    _step("undo", of, certificates, importing, clock)
    of.refresh_from_db()
    assert (of.new, of.step) == (certificates, "undone"), (of.new, of.step, of.error)  # noqa: S101


def _step(name: str, of: object, certificates: int, importing: object, clock: object) -> float:
    start, cpu = time.perf_counter(), time.process_time()
    importing.run_import(of.pk, "bench", clock)  # type: ignore[attr-defined] # imported by name, after the set-up
    took, used = time.perf_counter() - start, time.process_time() - cpu
    print(f"{name}: {certificates / took:,.0f} per second ({certificates / used:,.0f} per CPU second), {_peak()} MiB")
    return took


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
