"""Run all benchmarks on a database of their own: ``python -m bench [--certificates N] [--only NAME …]``."""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path

import django

from bench.rows import PARTS


def main() -> None:
    options = _parser().parse_args()
    with _folder(options.on) as name:
        folder = Path(name).resolve()
        # Before Django reads its settings: nothing of a real installation is touched.
        os.environ["CERTDASH_VAR"] = str(folder)
        os.environ["CERTDASH_ENV_FILE"] = ""
        if not options.postgresql:
            os.environ.pop("CERTDASH_DATABASE_URL", None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "certdash.settings"
        django.setup()
        # By name, because models can be imported only after the set-up, which needs the folder.
        everything = import_module("bench.all")
        rows = everything.measure(options.only, options.certificates, options.times, folder)
        everything.keep_all(rows, options.only, options.write)


def _folder(kept: Path | None) -> AbstractContextManager[str]:
    if kept is None:
        return tempfile.TemporaryDirectory(prefix="certdash-bench-")
    kept.mkdir(parents=True, exist_ok=True)
    return nullcontext(str(kept))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--certificates", type=int, default=100_000, help="size of the estate")
    parser.add_argument(
        "--times", type=int, default=10, help="the pages are measured again in an estate so many times as large"
    )
    parser.add_argument(
        "--on",
        type=Path,
        metavar="FOLDER",
        help="keep the estate in this folder (with --postgresql: its files); one that is there is not made again",
    )
    parser.add_argument(
        "--postgresql",
        action="store_true",
        help="use the database of CERTDASH_DATABASE_URL, empty or filled here (contrib/make/postgres starts one)",
    )
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        choices=PARTS,
        help="parts to measure; bench/results.json is written only when all are",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the figures here, for bench.tables")
    return parser


if __name__ == "__main__":
    main()
