"""``manage.py trust NAME FILE``: trust the private roots in a file, under a name."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.services import on_command_line
from inventory.forms import TrustStoreForm
from inventory.models import TrustStore
from inventory.services import keep_trust_store
from inventory.trust import store_from_pem


class Command(BaseCommand):
    help = "Add private roots (PEM) to what paths are judged against, or replace those of the same name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("file", type=Path)

    @on_command_line()
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pem = options["file"].read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}.") from error
        stored = TrustStore.objects.filter(name=options["name"]).first()
        form = TrustStoreForm({"name": options["name"], "pem": pem}, instance=stored)
        if not form.is_valid():
            raise CommandError("\n".join(str(message) for messages in form.errors.values() for message in messages))
        keep_trust_store(options["name"], form.cleaned_data["pem"], actor=None, now=timezone.now())
        for anchor in store_from_pem(options["name"], pem).anchors:
            self.stdout.write(f"{anchor.sha256}  {anchor.name}")
