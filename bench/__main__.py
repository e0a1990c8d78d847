"""Run all benchmarks on a database of their own: ``python -m bench [--certificates N] [--only NAME …]``."""

from __future__ import annotations

import argparse
import os
import tempfile
from importlib import import_module
from pathlib import Path

import django


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--certificates", type=int, default=100_000, help="size of the estate")
    parser.add_argument(
        "--times", type=int, default=10, help="the pages are measured again in an estate so many times as large"
    )
    parser.add_argument(
        "--postgresql",
        action="store_true",
        help="use the empty database of CERTDASH_DATABASE_URL; contrib/make/postgres starts one that ends with it",
    )
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
        if not options.postgresql:
            os.environ.pop("CERTDASH_DATABASE_URL", None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "certdash.settings"
        django.setup()
        # By name, because models can be imported only after the set-up, which needs the folder.
        import_module("bench.all").measure(options.only, options.certificates, options.times, Path(folder))


if __name__ == "__main__":
    main()
