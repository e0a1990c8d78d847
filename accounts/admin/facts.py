"""Facts in the administration."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.admin.audited import AuditedAdmin, inert


class ReadOnlyAdmin(AuditedAdmin):
    """Facts: shown, never changed by hand. What strangers wrote into them is shown without hidden characters."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return inert(super().changeform_view(request, object_id, form_url, extra_context))

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
