"""The rows of a page as a file: the same filter, the same scope, all pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from inventory.exports import CERTIFICATES, ENDPOINTS, FORMATS, Export, file_name, note_export, write
from inventory.filters import error_sentences
from inventory.models import Certificate, Endpoint
from inventory.views.listing import person


@require_safe
def certificate_export(request: HttpRequest, form: str) -> HttpResponseBase:
    return _export(request, CERTIFICATES, form)


@require_safe
def endpoint_export(request: HttpRequest, form: str) -> HttpResponseBase:
    return _export(request, ENDPOINTS, form)


def _export(request: HttpRequest, export: Export[Certificate] | Export[Endpoint], form: str) -> HttpResponseBase:
    user, now = person(request), timezone.now()
    result = export.select(request.GET, user, now)
    if result.errors:
        return HttpResponse(
            "\n".join(error_sentences(result.errors)), content_type="text/plain; charset=utf-8", status=422
        )
    note_export(user, export, form, result, now)
    response = StreamingHttpResponse(write(export, form, result, now), content_type=FORMATS[form])
    response["Content-Disposition"] = f'attachment; filename="{file_name(export, form, now)}"'
    response["Cache-Control"] = "no-store"
    return response
