"""``manage.py schedule_ticks``: bring the queue's schedules in line with ``settings.TICKS``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

from certdash.management.signs import bring_back


class Command(BaseCommand):
    help = "Schedule what runs by the clock. Safe to call again."

    @transaction.atomic
    def handle(self, *_args: Any, **_options: Any) -> None:
        for name, path, minutes in settings.TICKS:
            wanted = {"func": path, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1}
            row, created = Schedule.objects.get_or_create(name=name, defaults={**wanted, "next_run": timezone.now()})
            if not created and any(getattr(row, column) != value for column, value in wanted.items()):
                # A changed pace counts from now, or a tick a day away would keep its old time.
                Schedule.objects.filter(pk=row.pk).update(**wanted, next_run=timezone.now())
        bring_back(timezone.now())
        names = [name for name, _path, _minutes in settings.TICKS]
        Schedule.objects.exclude(name__in=names).filter(func__in=_ours()).delete()


def _ours() -> list[str]:
    """Schedules of ticks that were renamed or are no longer there; a person's own schedules stay."""
    paths = Schedule.objects.values_list("func", flat=True).distinct()
    return [
        path for path in paths if path.partition(".")[0] in {app.partition(".")[0] for app in settings.INSTALLED_APPS}
    ]
