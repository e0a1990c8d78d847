"""Changing many at once: what, a preview of what that does, and the page of a change with its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Team, User
from accounts.services import require_change
from certdash.lib.htmx import page_or_fragment
from inventory import filters
from inventory.filters import Filtered, count_up_to, error_sentences, in_words
from inventory.forms.bulk import CHANGE_FORMS, KINDS, DetailsOfMany, ScopeForm
from inventory.models import BulkChange, Certificate, Endpoint
from inventory.services import ChangeError, begin_change, cancel_change, numbers, take_back_change
from inventory.services.bulk_preview import would_change
from inventory.services.taking_back import can_be_taken_back
from inventory.services.totals import CERTIFICATES, ENDPOINTS
from inventory.services.writing import among
from inventory.views.listing import count_of, person

TEMPLATE = "inventory/change.html"
DETAIL = "inventory/bulk_change.html"
FIRST = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """One of the two lists whose rows can be changed together."""

    name: str
    model: type[Certificate] | type[Endpoint]
    select: Callable[..., Filtered[Any]]
    kept: tuple[str, str]
    list_url: str
    change_url: str


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject(
            "certificates",
            Certificate,
            filters.certificates,
            (CERTIFICATES, Certificate.Kind.LEAF),
            "inventory:certificate_list",
            "inventory:certificate_change",
        ),
        Subject(
            "endpoints",
            Endpoint,
            filters.endpoints,
            (ENDPOINTS, "total"),
            "inventory:endpoint_list",
            "inventory:endpoint_change",
        ),
    )
}


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_change(request: HttpRequest) -> HttpResponse:
    return _change(request, SUBJECTS["certificates"])


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_change(request: HttpRequest) -> HttpResponse:
    return _change(request, SUBJECTS["endpoints"])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows in question, as far as the person sees them now."""

    rows: QuerySet[Any]
    words: str
    left_out: int
    chips: tuple[Any, ...] = ()
    errors: tuple[str, ...] = ()


def _change(request: HttpRequest, subject: Subject) -> HttpResponse:
    """Step by step; every step asks anew which rows are meant, and how many they are."""
    user, now = require_change(person(request)), timezone.now()
    given = request.POST if request.method == "POST" else _as_scope(request)
    scope = ScopeForm(given)
    if not scope.is_valid():
        errors = [message for each in scope.errors.values() for message in each]
        return _show(request, subject, {"errors": errors}, 422)
    asked = scope.cleaned_data
    chosen = _chosen(subject, asked, user, now)
    context = {"scope": asked, "chosen": chosen, "errors": chosen.errors, "moved": _moved(asked, chosen)}
    if chosen.errors or not asked["kind"]:
        return _show(request, subject, context, 422 if chosen.errors else 200)
    step = request.POST.get("step", "")
    form = CHANGE_FORMS[asked["kind"]](user, request.POST if step in {"preview", "edit", "go"} else None)
    context |= {"form": form, "kind_words": dict(KINDS)[asked["kind"]]}
    if step == "edit" or not form.is_valid():
        return _show(request, subject, context, 422 if form.errors else 200)
    if step == "go" and not context["moved"]:
        return _begin(request, subject, context, user, now)
    return _show(request, subject, {**context, "preview": _preview(chosen, asked["kind"], form)})


def _as_scope(request: HttpRequest) -> dict[str, Any]:
    """A link with the filter of a list means all that it finds; one with keys means just these rows."""
    if chosen := request.GET.getlist("pk"):
        return {"scope": "chosen", "pk": chosen, "kind": request.GET.get("kind", "")}
    asked = request.GET.copy()
    asked.pop("after", None)
    return {"scope": "all", "query": asked.urlencode()}


def _chosen(subject: Subject, asked: dict[str, Any], user: User, now: datetime) -> Chosen:
    if asked["scope"] != "all":
        visible: QuerySet[Any] = subject.model.objects.visible_to(user)
        rows = visible.filter(among("pk", asked["pk"]))
        seen = rows.count()
        return Chosen(rows, f"{seen:,}", len(asked["pk"]) - seen)
    result = subject.select(asked["query"], user, now)
    dimension, value = subject.kept
    count = count_of(result, numbers(user, dimension)[dimension].get(value))
    return Chosen(result.queryset, in_words(count), 0, result.chips, tuple(error_sentences(result.errors)))


def _moved(asked: dict[str, Any], chosen: Chosen) -> str:
    """The number that the person was shown, if it is another by now."""
    expected = str(asked["expected"]).strip()
    return expected if expected and asked["scope"] == "all" and expected != chosen.words else ""


def _preview(chosen: Chosen, kind: str, form: Any) -> dict[str, Any]:
    changed = would_change(chosen.rows, kind, form.change, form.cleaned_data.get("reason", ""))
    count = count_up_to(changed)
    first = changed.select_related("owner_team", "owner_person").prefetch_related("tags").order_by("pk")
    return {
        "words": in_words(count),
        "number": count.number,
        "rows": list(first[:FIRST]),
        "stay": max(0, count_up_to(chosen.rows).number - count.number) if count.exact else 0,
        "sentences": [(field.label, _value(field, form)) for field in form if form.cleaned_data.get(field.name)],
    }


def _value(field: Any, form: Any) -> str:
    """What was chosen, as people read it."""
    value = form.cleaned_data[field.name]
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={text or ''}" for key, text in value.items())
    return (
        str(dict(getattr(field.field, "choices", ()) or ()).get(value, value)) if isinstance(value, str) else str(value)
    )


def _begin(request: HttpRequest, subject: Subject, context: dict[str, Any], user: User, now: datetime) -> HttpResponse:
    asked, form = context["scope"], context["form"]
    wanted = asked["query"] if asked["scope"] == "all" else asked["pk"]
    reason = form.cleaned_data.get("reason", "")
    try:
        work = begin_change(subject.name, asked["kind"], wanted, form.change, reason, actor=user, now=now)
    except ChangeError as error:
        return _show(request, subject, {**context, "errors": [str(error)]}, 422)
    return redirect("inventory:change_detail", work.pk)


def _show(request: HttpRequest, subject: Subject, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, TEMPLATE, {"subject": subject, "kinds": KINDS, **context}, status=status)


@require_safe
def change_detail(request: HttpRequest, pk: int) -> HttpResponse:
    user = person(request)
    work = get_object_or_404(BulkChange.objects.visible_to(user).select_related("requested_by", "undoes"), pk=pk)
    subject = SUBJECTS[work.subject]
    context = {
        "work": work,
        "subject": subject,
        "sentences": _asked(work),
        "unchanged": 0 if work.is_open else work.done - work.changed,
        "may_cancel": user.may_change,
        "may_take_back": can_be_taken_back(work, user),
        "taken_back": BulkChange.objects.visible_to(user).filter(undoes=work).first(),
    }
    return render(request, page_or_fragment(request, DETAIL, "change"), context)


def _asked(work: BulkChange) -> list[tuple[str, str]]:
    """What was asked for, as people read it."""
    change = work.change
    found: list[tuple[str, str]] = []
    if work.kind == BulkChange.Kind.OWNER:
        team = Team.objects.filter(pk=change["team"]).first()
        someone = User.objects.filter(pk=change["person"]).first()
        found = [(_("Team"), str(team or _("Nobody"))), (_("Person"), str(someone or _("Nobody in particular")))]
    found += [_said(name, value) for name, value in change.get("set", {}).items()]
    found += [(key, text or _("Not set")) for key, text in change.get("fields", {}).items()]
    lists = {
        "add": _("Add tags"),
        "remove": _("Remove tags"),
        "under": _("Add regulations"),
        "not_under": _("Remove regulations"),
    }
    found += [(label, ", ".join(change[name])) for name, label in lists.items() if change.get(name)]
    if change.get("note"):
        found.append((_("Add to the notes"), change["note"]))
    return [*found, (_("Reason"), work.reason)] if work.reason else found


def _said(name: str, value: Any) -> tuple[str, str]:
    """A detail as the form calls it, and its value in the form's words."""
    field = DetailsOfMany.base_fields[name]
    words = dict(getattr(field, "choices", ())).get(value, value)
    return str(field.label), _("Not set") if value in {None, ""} else str(words)


@require_POST
def change_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    user = person(request)
    work = get_object_or_404(BulkChange.objects.visible_to(user), pk=pk)
    if cancel_change(work, actor=user, now=timezone.now()):
        messages.success(request, _("The change was cancelled. What was changed before stays."))
    else:
        messages.info(request, _("The change had ended already."))
    return redirect("inventory:change_detail", work.pk)


@require_POST
def change_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    user = person(request)
    work = get_object_or_404(BulkChange.objects.visible_to(user), pk=pk)
    try:
        undo = take_back_change(work, actor=user, now=timezone.now())
    except ChangeError as error:
        messages.info(request, str(error))
        return redirect("inventory:change_detail", work.pk)
    return redirect("inventory:change_detail", undo.pk)
