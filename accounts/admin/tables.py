"""Import and export of tables in the administration: a dry run first, then one transaction with one audit event."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.results import Result

from accounts.admin.audited import AuditedAdmin
from accounts.resources import MOST_BYTES, Table, TableError, read_table, write_table

ERRORS_SHOWN = 200
ROWS_SHOWN = 500


class TableForm(forms.Form):
    """A file, or the text of one that was looked at."""

    file = forms.FileField(label=gettext_lazy("CSV file"), required=False)
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def clean_file(self) -> str:
        file: UploadedFile[bytes] | None = self.cleaned_data["file"]
        if file is None:
            return ""
        if (file.size or 0) > MOST_BYTES:
            raise ValidationError(_("The file is larger than 1 MB."))
        try:
            return str(file.read(), "utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValidationError(_("The file is not in UTF-8.")) from error

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        data["table"] = data.get("file") or data.get("text") or ""
        if not self.errors and not data["table"]:
            self.add_error("file", _("Choose a file."))
        if len(data["table"]) > MOST_BYTES:
            self.add_error("file", _("The file is larger than 1 MB."))
        return data


class TableAdmin(AuditedAdmin):
    """A class whose rows come and go as CSV, too."""

    table: ClassVar[type[Table]]
    change_list_template = "admin/table_list.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        ours = [
            path("import/", self.admin_site.admin_view(self.import_view), name=f"{name}_import"),
            path("export/", self.admin_site.admin_view(self.export_view), name=f"{name}_export"),
        ]
        return [*ours, *super().get_urls()]

    def make_table(self) -> Table:
        return self.table()

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Say what a file would change; change it only when it comes back confirmed."""
        if not self.has_add_permission(request) or not self.has_change_permission(request):
            raise PermissionDenied
        is_sent = request.method == "POST"
        form = TableForm(request.POST, request.FILES) if is_sent else TableForm()
        context: dict[str, Any] = {}
        if is_sent and form.is_valid():
            # Browsers send what they were given with other line ends.
            text = form.cleaned_data["table"].replace("\r\n", "\n")
            is_confirmed = "confirm" in request.POST
            table = self.make_table()
            result = self._run(request, table, text, is_confirmed=is_confirmed, form=form)
            if result is not None and is_confirmed and not _is_faulty(result):
                return self._done(request, table, result)
            context = _shown(table, result, text)
        return self._page(request, form, context)

    def _page(self, request: HttpRequest, form: TableForm, context: dict[str, Any]) -> HttpResponse:
        shown = {
            **self.admin_site.each_context(request),
            "title": _("Import %(what)s") % {"what": self.opts.verbose_name_plural},
            "opts": self.opts,
            "form": form,
            "columns": [field.column_name for field in self.make_table().get_import_fields()],
            "key": self.table.key,
            **context,
        }
        is_wrong = form.is_bound and not form.is_valid()
        return TemplateResponse(request, "admin/table_import.html", shown, status=422 if is_wrong else 200)

    def _run(
        self, request: HttpRequest, table: Table, text: str, *, is_confirmed: bool, form: TableForm
    ) -> Result | None:
        """Import all of it or nothing; without being confirmed, nothing at all."""
        try:
            dataset = read_table(text)
        except TableError as error:
            form.add_error(None, str(error))
            return None
        with transaction.atomic():
            # Takes back itself what a file with one fault had changed.
            result: Result = table.import_data(dataset, dry_run=not is_confirmed, rollback_on_validation_errors=True)
            if is_confirmed and not _is_faulty(result):
                self._audit(request, "imported", str(self.opts.verbose_name_plural), {}, _told(table, result, text))
        return result

    def _done(self, request: HttpRequest, table: Table, result: Result) -> HttpResponse:
        told = {"new": result.totals["new"], "changed": result.totals["update"], "same": result.totals["skip"]}
        messages.success(request, _("Imported: %(new)s new, %(changed)s changed, %(same)s as they were.") % told)
        if table.new_administrators:
            names = ", ".join(table.new_administrators)
            messages.warning(request, _("Administrators now: %(names)s") % {"names": names})
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """What the list shows with its search and filters, all pages of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).get_queryset(request)
        with transaction.atomic():
            self._audit(request, "exported", str(self.opts.verbose_name_plural), {}, {"count": rows.count()})
        response = HttpResponse(write_table(self.make_table(), rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}s.csv"'
        return response


def _is_faulty(result: Result) -> bool:
    return bool(result.has_errors() or result.has_validation_errors())


def _told(table: Table, result: Result, text: str) -> dict[str, Any]:
    """What the audit event says: how much, of which file, and who became administrator."""
    return {
        **{kind: number for kind, number in result.totals.items() if number},
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "first_rows": [str(row.object_repr) for row in result.rows if row.import_type in {"new", "update"}][:20],
        **({"administrators": table.new_administrators} if table.new_administrators else {}),
    }


def _shown(table: Table, result: Result | None, text: str) -> dict[str, Any]:
    """What the page says of a dry run."""
    if result is None:
        return {}
    faults = [(_("The file"), "", str(error.error)) for error in result.base_errors]
    for number, errors in result.row_errors():
        faults += [(number, "", str(error.error)) for error in errors]
    for row in result.invalid_rows:
        faults += [(row.number, name, " ".join(said)) for name, said in row.field_specific_errors.items()]
        faults += [(row.number, "", said) for said in row.non_field_specific_errors]
    rows = [
        {"number": number, "kind": row.import_type, "cells": row.diff}
        for number, row in enumerate(result.rows, start=1)
        if row.import_type in {"new", "update"}
    ]
    return {
        "headings": result.diff_headers,
        "faults": faults[:ERRORS_SHOWN],
        "faults_left": max(len(faults) - ERRORS_SHOWN, 0),
        "rows": rows[:ROWS_SHOWN],
        "rows_left": max(len(rows) - ROWS_SHOWN, 0),
        "same": result.totals["skip"],
        "administrators": table.new_administrators,
        "text": "" if faults else text,
    }
