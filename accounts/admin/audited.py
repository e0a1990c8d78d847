"""What every class of the administration has: its changes are audited, and its texts hide nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from functools import wraps
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import timezone

from accounts.services import audit, require_administrator
from certdash.lib.forms import many_lines, one_line
from certdash.lib.inert import visible

Action = Callable[..., Any]
# What the audit log calls a bulk action once it is done; each of its rows has an event of its own beside it.
_DONE = {"close": "closed_in_bulk", "remove_factors": "factors_removed", "send_invitation_again": "invited_again"}
# These change nothing themselves: what they lead to, or call, records each change as any page does.
_LEADING = {"delete_selected", "change_owner", "change_tags", "retire", "run_now"}
# The stubs make the class generic, Django itself does not.
if TYPE_CHECKING:
    ModelAdminBase = admin.ModelAdmin[Any]
else:
    ModelAdminBase = admin.ModelAdmin


class AuditedAdmin(ModelAdminBase):
    """Every save, deletion and action is one audit event in the same transaction; no other class is served.

    ``audited_state`` says what of an object is compared before and after; secrets are dropped by name.
    """

    is_audited = True
    # Texts for machines, which are read as they are and shown nowhere.
    taken_as_is: Collection[str] = ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Have every text that is typed here refuse characters that nobody sees, and name them."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        is_text = isinstance(db_field, models.CharField | models.TextField) and db_field.name not in self.taken_as_is
        if is_text and isinstance(field, forms.CharField):
            rule = many_lines if isinstance(field.widget, forms.Textarea) else one_line
            field.validators = [*field.validators, rule]
        return field

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """What came in another way, from single sign-on or before a rule stood, is shown as it is."""
        return inert(super().changelist_view(request, extra_context))

    def audited_state(self, obj: models.Model) -> dict[str, Any]:
        return {field.name: field.value_from_object(obj) for field in obj._meta.concrete_fields if field.editable}

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Call a query that no column can be asked wrong; Django itself only knows some of these errors."""
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, TypeError, ValueError) as error:
            raise IncorrectLookupParameters(error) from error

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        stored = self.model._default_manager.filter(pk=obj.pk).first() if change else None
        form.audited_before = self.audited_state(stored) if stored else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Called after everything of the object is saved, in the same transaction."""
        super().save_related(request, form, formsets, change)
        before = form.audited_before
        after = self.audited_state(self.model._default_manager.get(pk=form.instance.pk))
        changed = {name for name in after if before.get(name) != after[name]}
        if changed:
            old, new = ({name: state.get(name) for name in changed if name in state} for state in (before, after))
            self._audit(request, "changed" if change else "created", form.instance, old, new)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._audit(request, "deleted", obj, self.audited_state(obj), {})
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._audit_many(request, "deleted", queryset)
        super().delete_queryset(request, queryset)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Put every action into one transaction with one event. Deletion has its event from ``delete_queryset``."""
        found: dict[str, Any] = super().get_actions(request) or {}
        return {
            name: (function if name in _LEADING else self._audited(name, function), name, description)
            for name, (function, _name, description) in found.items()
        }

    def _audited(self, name: str, function: Action) -> Action:
        @wraps(function)
        def audited(modeladmin: AuditedAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            with transaction.atomic():
                self._audit_many(request, _DONE[name], queryset)
                response: HttpResponse | None = function(modeladmin, request, queryset)
            return response

        return audited

    def _audit(self, request: HttpRequest, verb: str, subject: Any, before: Any, after: Any) -> None:
        verb = f"{self.opts.model_name}.{verb}"
        audit(require_administrator(request.user), verb, subject, before, after, now=timezone.now())

    def _audit_many(self, request: HttpRequest, verb: str, queryset: QuerySet[Any]) -> None:
        """Record a bulk change as one event: how many, and a digest of which."""
        keys = sorted(str(key) for key in queryset.values_list("pk", flat=True))
        digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        after = {"count": len(keys), "sha256_of_ids": digest, "first_ids": keys[:20]}
        self._audit(request, verb, str(self.opts.verbose_name_plural), {}, after)


def inert(response: HttpResponse) -> HttpResponse:
    """Show the hidden characters of a page without text to be typed in."""
    if isinstance(response, SimpleTemplateResponse):
        response.add_post_render_callback(_show_hidden)
    return response


def _show_hidden(response: SimpleTemplateResponse) -> None:
    response.content = "\n".join(map(visible, response.content.decode().split("\n"))).encode()
