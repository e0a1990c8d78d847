"""Classes whose rows are written by the services that their pages call."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.audited import AuditedAdmin
from accounts.models import User
from accounts.services import require_administrator


class ServedAdmin(AuditedAdmin):
    """Rows that services write, with their audit event: here they are only asked to.

    A class says how by ``save_model``, which must leave the key of the row in ``obj``, and by ``delete``.
    """

    def save_related(self, _request: HttpRequest, form: Any, _formsets: Any, _change: bool) -> None:  # noqa: FBT001
        form.save_m2m()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete(obj, require_administrator(request.user))

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete(row, require_administrator(request.user))

    def delete(self, row: Any, actor: User) -> None:
        raise NotImplementedError
