"""Ownership rules: the list in its order, one rule with what it would change, and applying all of them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Role, User
from accounts.services import require_administrator, require_role
from certdash.lib.htmx import HtmxRequest, page_or_fragment, wants_fragment
from inventory import services
from inventory.forms import RuleForm
from inventory.models import BulkChange, Certificate, Endpoint, OwnershipRule
from inventory.services import ChangedMeanwhileError

# More than this of one rule is "1,000+": there may be hundreds of rules on the page.
COUNTED_AT_MOST = 1001
SUBJECTS = (BulkChange.Subject.CERTIFICATES, BulkChange.Subject.ENDPOINTS)


class CountSome(Subquery):
    """How many rows a query has, as far as its limit."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"


def reader(request: HtmxRequest) -> User:
    """Rules say of everybody what is whose: those who see everything read them."""
    return require_role(request.user, Role.ADMINISTRATOR, Role.AUDITOR)


@require_safe
def rule_list(request: HtmxRequest) -> HttpResponse:
    reader(request)
    given = {
        f"{model._meta.model_name}_count": CountSome(
            model._default_manager.filter(owner_rule=OuterRef("pk")).order_by().values("pk")[:COUNTED_AT_MOST]
        )
        for model in (Certificate, Endpoint)
    }
    rules = list(OwnershipRule.objects.select_related("team").annotate(**given))
    waiting = [rule for rule in rules if rule.enabled and rule.applied_at is None]
    runs = BulkChange.objects.filter(kind=BulkChange.Kind.RULES).select_related("requested_by")[:2]
    context = {
        "rules": rules,
        "waiting": waiting,
        "removed": services.left_by_removed(),
        "runs": runs,
        "limit": COUNTED_AT_MOST - 1,
    }
    template = page_or_fragment(request, "inventory/rule_list.html", "runs")
    return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
def rule_new(request: HtmxRequest) -> HttpResponse:
    user = require_administrator(request.user)
    initial = {name: request.GET[name] for name in RuleForm.base_fields if name in request.GET}
    return _edit(request, user, OwnershipRule(), initial | {"enabled": True})


@require_http_methods(["GET", "HEAD", "POST"])
def rule_edit(request: HtmxRequest, pk: int) -> HttpResponse:
    """Those who may not change it read it here."""
    user = reader(request) if request.method != "POST" else require_administrator(request.user)
    return _edit(request, user, get_object_or_404(OwnershipRule.objects.select_related("team"), pk=pk))


def _edit(request: HtmxRequest, user: User, rule: OwnershipRule, initial: dict[str, Any] | None = None) -> HttpResponse:
    form = RuleForm(request.POST if request.method == "POST" else None, instance=rule, initial=initial)
    if not user.is_administrator:
        for field in form.fields.values():
            field.disabled = True
    context: dict[str, Any] = {"form": form, "rule": rule, "given": services.owners_given(rule) if rule.pk else None}
    if request.method == "POST" and form.is_valid():
        if "preview" in request.POST:
            return _show(request, context | {"preview": services.preview_rules(form.instance, user)})
        try:
            is_other = services.save_rule(
                form.instance, actor=user, now=timezone.now(), version=form.cleaned_data["version"]
            )
        except ChangedMeanwhileError as error:
            form.collide(error.details)
        else:
            messages.success(request, _saved(form.instance, is_other=is_other))
            return redirect("inventory:rule_list")
    return _show(request, context, 422 if form.errors else 200)


def _show(request: HtmxRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The preview alone for htmx, unless the form must say what is wrong with it."""
    is_part = "preview" in request.POST and wants_fragment(request)
    template = "inventory/rule_form.html#preview" if is_part else "inventory/rule_form.html"
    return render(request, template, context, status=status)


def _saved(rule: OwnershipRule, *, is_other: bool) -> str:
    if not is_other:
        return _("“%(name)s” says what it said before.") % {"name": rule.name}
    return _("“%(name)s” is saved. It is asked of new finds; apply the rules to have it asked of what is known.") % {
        "name": rule.name
    }


@require_POST
def rule_move(request: HtmxRequest, pk: int) -> HttpResponse:
    user = require_administrator(request.user)
    rule = get_object_or_404(OwnershipRule, pk=pk)
    services.move_rule(rule, up=request.POST.get("to") == "up", actor=user, now=timezone.now())
    return redirect(f"{reverse('inventory:rule_list')}#rule-{rule.pk}")


@require_POST
def rule_delete(request: HtmxRequest, pk: int) -> HttpResponse:
    user = require_administrator(request.user)
    rule = get_object_or_404(OwnershipRule.objects.select_related("team"), pk=pk)
    services.delete_rule(rule, actor=user, now=timezone.now())
    sentence = _("“%(name)s” is removed. What it gave stays until you apply the rules again.")
    messages.success(request, sentence % {"name": rule.name})
    return redirect("inventory:rule_list")


@require_safe
def rule_preview(request: HtmxRequest) -> HttpResponse:
    """What all rules as they are would change."""
    user = reader(request)
    return render(request, "inventory/rule_preview.html", {"preview": services.preview_rules(None, user)})


@require_POST
def rule_apply(request: HtmxRequest) -> HttpResponse:
    user = require_administrator(request.user)
    now = timezone.now()
    with transaction.atomic():
        for subject in SUBJECTS:
            services.begin_change(subject, BulkChange.Kind.RULES, "", {}, actor=user, now=now)
        services.note_applied(now)
    messages.success(request, _("The rules are applied to everything that is known; below is how far they are."))
    return redirect("inventory:rule_list")
