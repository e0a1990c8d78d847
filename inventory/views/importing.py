"""Importing: the upload with the list of imports, one page for all steps of an import, and what is asked of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts.models import Team, User
from accounts.services import require_change
from certdash.lib.htmx import wants_fragment
from certdash.lib.work import WorkStatus
from inventory.forms.importing import ColumnsForm, ImportForm, PasswordForm
from inventory.models import Import
from inventory.services import importing
from inventory.services.importing import ImportRefusedError, PasswordNeededError
from inventory.services.importing.mappings import keep_mapping, mappings_for
from inventory.views.import_items import items_context
from inventory.views.listing import person

LISTED = 30
DETAIL = "inventory/import_detail.html"
Step = Import.Step
Ask = Callable[..., None]


@require_http_methods(["GET", "HEAD", "POST"])
def import_list(request: HttpRequest) -> HttpResponse:
    """Bring something in; below, what was brought in before."""
    user = require_change(person(request))
    posted = request.method == "POST"
    form = ImportForm(user, request.POST if posted else None, request.FILES if posted else None)
    if posted and form.is_valid() and (begun := _begin_all(form, user, timezone.now())):
        return (
            redirect("inventory:import_detail", begun[0].pk) if len(begun) == 1 else redirect("inventory:import_list")
        )
    rows = list(Import.objects.visible_to(user).select_related("requested_by", "team")[: LISTED + 1])
    context = {"form": form, "imports": rows[:LISTED], "are_more": len(rows) > LISTED}
    return render(request, "inventory/import_list.html", context, status=422 if form.errors else 200)


def _begin_all(form: ImportForm, user: User, now: datetime) -> list[Import]:
    """One import for each file. What is refused stands beside the form; the others were begun all the same."""
    chosen = form.cleaned_data
    streams = [(file.name, file) for file in chosen["uploads"]]
    if chosen["pasted"].strip():
        streams.append((str(_("pasted text")), io.BytesIO(chosen["pasted"].encode())))
    begun = []
    for name, stream in streams:
        try:
            begun.append(_begin(name, stream, chosen["password"], chosen["team"], user, now))
        except PasswordNeededError as error:
            form.add_error("password", f"{name}: {error}")
        except ImportRefusedError as error:
            form.add_error("uploads", f"{name}: {error}")
    return [] if form.errors else begun


def _begin(name: str, stream: Any, password: str, team: Team | None, user: User, now: datetime) -> Import:
    return importing.begin_import(name, stream, password=password, team=team, actor=user, now=now)


def _find(user: User, pk: int) -> Import:
    """Or 404: that it exists is not told to others."""
    return get_object_or_404(Import.objects.visible_to(user).select_related("requested_by", "team"), pk=pk)


@require_safe
def import_detail(request: HttpRequest, pk: int) -> HttpResponse:
    of = _find(require_change(person(request)), pk)
    if wants_fragment(request) and "outcome" in request.GET:
        return render(request, f"{DETAIL}#items", items_context(request, of))
    if wants_fragment(request):
        return _progress(request, of)
    return _page(request, of)


def _progress(request: HttpRequest, of: Import) -> HttpResponse:
    """While a worker is at it, how far; when the step is done, the page is another one."""
    if of.is_open:
        return render(request, f"{DETAIL}#progress", {"of": of})
    return HttpResponseClientRefresh()


def _page(request: HttpRequest, of: Import, form: ColumnsForm | None = None, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"of": of, "can_drop": of.step in {Step.READING, Step.MAPPING, Step.PREVIEW}}
    half = of.step == Step.STORING and of.status == WorkStatus.FAILED and of.done > 0
    context["can_undo"] = half or (of.step == Step.STORED and not of.is_open)
    if of.step == Step.MAPPING and not of.is_open:
        context |= _mapping(request, of, form)
    elif of.step != Step.READING:
        context |= items_context(request, of)
    if of.step == Step.PREVIEW and not of.is_open and (locked := importing.still_locked(of)):
        context |= {"locked": locked, "password_form": PasswordForm()}
    if of.step == Step.UNDONE:
        context["undone"] = importing.what_was_taken_back(of)
    context["new_words"] = _store_words(of)
    return render(request, DETAIL, context, status=status)


def _store_words(of: Import) -> str:
    if not of.new:
        return _("Apply the rows") if of.form != "certificates" else _("Store what was found")
    return ngettext("Store %(count)s certificate", "Store %(count)s certificates", of.new) % {"count": f"{of.new:,}"}


def _mapping(request: HttpRequest, of: Import, form: ColumnsForm | None) -> dict[str, Any]:
    kept = mappings_for([heading["name"] for heading in of.headings])
    asked = request.GET.get("mapping", "")
    chosen = next((mapping for mapping in kept if str(mapping.pk) == asked), None)
    # Who comes back from the preview finds what they chose.
    if chosen is None and asked != "none" and not of.items.exists():
        chosen = next((mapping for mapping in kept if mapping.created_by_id == of.requested_by_id), None)
    proposed = chosen.columns if chosen else of.columns
    form = form or ColumnsForm(person(request), of.headings, proposed)
    return {"columns_form": form, "kept_mappings": kept, "chosen_mapping": chosen}


@require_POST
def import_columns(request: HttpRequest, pk: int) -> HttpResponse:
    user = require_change(person(request))
    of = _find(user, pk)
    if of.step != Step.MAPPING or of.status != WorkStatus.DONE:
        messages.error(request, _("The columns of this import are named already."))
        return redirect("inventory:import_detail", pk)
    form = ColumnsForm(user, of.headings, of.columns, request.POST)
    if not form.is_valid():
        return _page(request, of, form, 422)
    try:
        if name := form.cleaned_data["keep_as"]:
            keep_mapping(name, form.mapping, actor=user, now=timezone.now())
        importing.map_columns(of, form.columns, actor=user, now=timezone.now())
    except ImportRefusedError as error:
        form.add_error("keep_as", str(error))
        return _page(request, of, form, 422)
    return redirect("inventory:import_detail", pk)


@require_POST
def import_again(request: HttpRequest, pk: int) -> HttpResponse:
    return _ask(request, pk, importing.choose_columns_again)


@require_POST
def import_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a password on the PKCS#12 files inside an archive."""
    user = require_change(person(request))
    of = _find(user, pk)
    form = PasswordForm(request.POST)
    # Never the form again: the tabs and pages of the preview hang on the address of the import.
    if not form.is_valid():
        messages.error(request, _("Write a password, of at most 200 letters."))
        return redirect("inventory:import_detail", pk)
    try:
        tried = importing.try_password(of, form.cleaned_data["password"], actor=user, now=timezone.now())
    except ImportRefusedError as error:
        messages.error(request, str(error))
    else:
        _tell_tried(request, tried)
    return redirect("inventory:import_detail", pk)


def _tell_tried(request: HttpRequest, tried: importing.Tried) -> None:
    if tried.opened:
        said = ngettext("%(count)s file was opened.", "%(count)s files were opened.", tried.opened)
        messages.success(request, said % {"count": tried.opened})
    else:
        messages.error(request, _("The password opens none of these files."))


@require_POST
def import_store(request: HttpRequest, pk: int) -> HttpResponse:
    return _ask(request, pk, importing.store_import)


@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    return _ask(request, pk, importing.undo_import)


@require_POST
def import_drop(request: HttpRequest, pk: int) -> HttpResponse:
    return _ask(request, pk, importing.drop_import)


def _ask(request: HttpRequest, pk: int, ask: Ask) -> HttpResponse:
    user = require_change(person(request))
    of = _find(user, pk)
    try:
        ask(of, actor=user, now=timezone.now())
    except ImportRefusedError as error:
        messages.error(request, str(error))
    return redirect("inventory:import_detail", pk)
