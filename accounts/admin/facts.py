"""Facts in the administration."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from accounts.admin.audited import AuditedAdmin, inert

# The stubs make the class generic, Django itself does not.
if TYPE_CHECKING:
    PaginatorBase = Paginator[Any]
else:
    PaginatorBase = Paginator


class SomePaginator(PaginatorBase):
    """Counts no further than people turn pages: nobody waits for the whole of a big table to be counted."""

    most = 10_000

    @cached_property
    def found(self) -> int:
        """Up to one more than ``most``."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.most + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self.found, self.most)

    @property
    def is_more(self) -> bool:
        return self.found > self.most


class ReadOnlyAdmin(AuditedAdmin):
    """Facts: shown, never changed by hand. What strangers wrote into them is shown without hidden characters."""

    paginator = SomePaginator
    show_full_result_count = False
    # Each would count the whole table once more.
    show_facets = admin.ShowFacets.NEVER

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
