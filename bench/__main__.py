"""Run all benchmarks on a database of their own: ``python -m bench [--certificates N] [--only NAME …]``."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--certificates", type=int, default=100_000, help="size of the estate")
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        choices=("recording", "judging", "report", "pages", "scan"),
        help="parts to measure; bench/results.json is written only when all are",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="certdash-bench-") as folder:
        # Before Django reads its settings: nothing of a real installation is touched.
        os.environ["CERTDASH_VAR"] = folder
        os.environ.pop("CERTDASH_DATABASE_URL", None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "certdash.settings"
        run(options.only, options.certificates, Path(folder))


def run(only: list[str], certificates: int, folder: Path) -> None:
    from bench.all import measure  # noqa: PLC0415 - Django must not be set up before its folder is known

    measure(only, certificates, folder)


if __name__ == "__main__":
    main()
