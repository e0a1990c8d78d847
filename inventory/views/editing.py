"""Blocks of a page that are edited in place: the whole page without htmx, the block with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import User
from accounts.services import require_change
from certdash.lib.htmx import page_or_fragment
from inventory.forms import DetailsForm, OwnerForm
from inventory.models import Certificate, Endpoint
from inventory.services import ChangedMeanwhileError, assign_endpoint_owner, assign_owner, describe
from inventory.snapshot.words import used_words
from inventory.views.listing import person

Item: TypeAlias = Certificate | Endpoint
Block: TypeAlias = OwnerForm | DetailsForm


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one thing. ``noun`` begins the names of its addresses; ``seen`` are the rows that a person sees."""

    noun: str
    template: str
    seen: Callable[[User], QuerySet[Any]]
    context: Callable[[Any, User, datetime], dict[str, Any]]

    def find(self, user: User, pk: int) -> Any:
        """The row, or 404: that it exists is not told to those who may not see it."""
        return get_object_or_404(self.seen(user), pk=pk)

    def url(self, what: str, *pk: int) -> str:
        return reverse(f"inventory:{self.noun}_{what}", args=pk)

    def links(self, pk: int) -> dict[str, str]:
        """Where the blocks lead to."""
        return {
            "owner": self.url("owner", pk),
            "details": self.url("details", pk),
            "retire": self.url("retire", pk),
            "restore": self.url("restore", pk),
            "back": self.url("detail", pk),
            "list": self.url("list"),
        }


@dataclass(frozen=True, slots=True)
class Edit:
    """One request to one block of one page."""

    request: HttpRequest
    page: Page
    block: str
    item: Any
    user: User
    now: datetime

    @classmethod
    def begin(cls, request: HttpRequest, page: Page, block: str, pk: int) -> Edit:
        user = require_change(person(request))
        return cls(request, page, block, page.find(user, pk), user, timezone.now())

    @property
    def data(self) -> Any:
        return self.request.POST if self.request.method == "POST" else None

    def show(self, form: Block | None, status: int = 200) -> HttpResponse:
        """The block with its form, or as it stands after it was saved."""
        template = page_or_fragment(self.request, self.page.template, self.block)
        context: dict[str, Any] = {
            self.page.noun: self.item,
            "links": self.page.links(self.item.pk),
            "may_change": True,
        }
        if template == self.page.template:
            context |= self.page.context(self.item, self.user, self.now)
        context |= {f"{self.block}_form": _focused(form)} if form else {"saved": self.block}
        return render(self.request, template, context, status=status)

    def saved(self, message: str) -> HttpResponse:
        fresh = self.page.seen(self.user).filter(pk=self.item.pk).first()
        if fresh is None:
            messages.success(self.request, f"{message} {_('You no longer see it.')}")
            return self._lead(self.page.url("list"))
        if page_or_fragment(self.request, self.page.template, self.block) == self.page.template:
            messages.success(self.request, message)
            return redirect(self.page.url("detail", self.item.pk))
        return Edit(self.request, self.page, self.block, fresh, self.user, self.now).show(None)

    def _lead(self, url: str) -> HttpResponse:
        """A redirect inside htmx would put the other page into the block."""
        htmx = getattr(self.request, "htmx", False)
        return HttpResponseClientRedirect(url) if htmx else redirect(url)


def _focused(form: Block) -> Block:
    """Lead the keyboard to what is wrong, or to the first field: the link that opened the form is gone."""
    first = next((name for name in form.fields if name in form.errors), next(iter(form.fields)))
    form.fields[first].widget.attrs["autofocus"] = True
    return form


def change_owner(request: HttpRequest, page: Page, pk: int) -> HttpResponse:
    edit = Edit.begin(request, page, "owner", pk)
    form = OwnerForm(edit.user, edit.item, edit.data)
    if not form.is_valid():
        return edit.show(form, 422 if form.is_bound else 200)
    chosen = form.cleaned_data
    assign = assign_owner if isinstance(edit.item, Certificate) else assign_endpoint_owner
    owner, version = (chosen["team"], chosen["person"], chosen["reason"]), chosen["version"]
    try:
        assign([pk], *owner, actor=edit.user, now=edit.now, version=version)
    except ChangedMeanwhileError as error:
        form.collide(error.details)
        return edit.show(form, 422)
    return edit.saved(_("The owner was changed."))


def change_details(request: HttpRequest, page: Page, pk: int) -> HttpResponse:
    edit = Edit.begin(request, page, "details", pk)
    form = DetailsForm(edit.item, edit.data, used_words(edit.user))
    if not form.is_valid():
        return edit.show(form, 422 if form.is_bound else 200)
    version = form.cleaned_data["version"]
    try:
        describe(edit.item, form.wanted, actor=edit.user, now=edit.now, version=version)
    except ChangedMeanwhileError as error:
        form.collide(error.details)
        return edit.show(form, 422)
    return edit.saved(_("The details were saved."))
