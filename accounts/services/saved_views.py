"""Views of lists that people keep under a name, for themselves, for a team, for everyone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import SavedView, Team, User
from accounts.services.audit import audit

# What an address says beside the question: the place in the list, and which view it came from.
PLACE = ("after", "before", "view")
ALL = "all"
MOST_QUERY = 2000


class ViewNameTakenError(Exception):
    """There is a view of this name for the same people."""


def save_view(
    page: str,
    name: str,
    query: str,
    audience: str,
    *,
    team: Team | None = None,
    is_default: bool = False,
    actor: User | None,
    now: datetime,
) -> SavedView:
    """Keep the question of an address under a name. Raises PermissionDenied, ViewNameTakenError, ValueError.

    ``actor`` None is somebody at the command line, who keeps views for teams and for everyone.
    """
    question, columns = question_of(query)
    view = SavedView(
        page=page,
        name=name,
        query=question,
        columns=columns,
        audience=audience,
        owner=actor,
        team=team if audience == SavedView.Audience.TEAM else None,
        is_default=is_default,
        created_at=now,
    )
    _require_keeper(view, actor)
    with transaction.atomic():
        _store(view)
        audit(actor, "view.saved", view, after=_words(view), now=now)
    return view


def change_view(view: SavedView, *, actor: User | None, now: datetime, **changes: Any) -> bool:
    """Rename it, have it open by default, or give it the question of another address (``query``)."""
    if "query" in changes:
        changes["query"], changes["columns"] = question_of(changes["query"])
    with transaction.atomic():
        seen = SavedView.objects.all() if actor is None else SavedView.objects.visible_to(actor)
        row = seen.select_for_update(of=("self",)).filter(pk=view.pk).first()
        _require_keeper(row, actor)
        assert row is not None  # noqa: S101 (for the type alone: who keeps nothing was refused)
        before = _words(row)
        for column, value in changes.items():
            setattr(row, column, value)
        if _words(row) == before:
            return False
        _store(row)
        audit(actor, "view.changed", row, before, _words(row), now=now)
    return True


@transaction.atomic
def delete_view(view: SavedView, *, actor: User | None, now: datetime) -> None:
    """Calendars that read it end with it."""
    _require_keeper(view, actor)
    audit(actor, "view.deleted", view, _words(view), now=now)
    view.delete()


def may_keep(view: SavedView, user: User) -> bool:
    """One's own; those of one's teams for who may change things; those for everyone for administrators."""
    if view.audience == SavedView.Audience.PRIVATE:
        return view.owner_id == user.pk
    if view.audience == SavedView.Audience.EVERYONE:
        return user.is_administrator
    return user.may_change and user.memberships.filter(team=view.team_id).exists()


def views_of(user: User, page: str) -> list[SavedView]:
    """What a person can open on this list: their own first, then those of teams, then those for everyone."""
    return list(_nearest_first(SavedView.objects.visible_to(user).filter(page=page)).select_related("team"))


def opening_view(user: User, page: str) -> SavedView | None:
    """What the list shows when nothing was asked."""
    return _nearest_first(SavedView.objects.visible_to(user).filter(page=page, is_default=True)).first()


def opening_address(user: User, page: str) -> str:
    """The query string of that view; "" if none opens by default."""
    view = opening_view(user, page)
    return address_of(view) if view else ""


def address_of(view: SavedView) -> str:
    """The query string that its list is opened with."""
    asked = QueryDict(view.query, mutable=True)
    if view.columns:
        asked["columns"] = ",".join(str(column) for column in view.columns)
    asked["view"] = str(view.pk)
    return asked.urlencode()


def question_of(query: str) -> tuple[str, list[str]]:
    """Filter and order of an address, and its columns. Raises ValueError if it is too long."""
    asked = QueryDict(query.removeprefix("?"), mutable=True)
    for name in PLACE:
        asked.pop(name, None)
    columns = [column for text in asked.pop("columns", []) for column in str(text).split(",") if column]
    question = asked.urlencode()
    if len(question) > MOST_QUERY:
        raise ValueError(_("The filter is too long to be saved."))
    return question, columns


def _nearest_first(views: QuerySet[SavedView]) -> QuerySet[SavedView]:
    order = [SavedView.Audience.PRIVATE, SavedView.Audience.TEAM, SavedView.Audience.EVERYONE]
    whens = [When(audience=audience, then=Value(at)) for at, audience in enumerate(order)]
    return views.annotate(distance=Case(*whens, output_field=IntegerField())).order_by("distance", "name", "pk")


def _require_keeper(view: SavedView | None, actor: User | None) -> None:
    if actor is None and view is not None and view.audience != SavedView.Audience.PRIVATE:
        return
    if view is None or actor is None or not may_keep(view, actor):
        raise PermissionDenied(_("You may not keep views for these people."))


def _store(view: SavedView) -> None:
    """One view opens by default for the same people; the last one that was chosen."""
    same = SavedView.objects.filter(page=view.page, audience=view.audience, team=view.team)
    if view.audience == SavedView.Audience.PRIVATE:
        same = same.filter(owner=view.owner)
    if view.is_default:
        same.exclude(pk=view.pk).update(is_default=False)
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise ViewNameTakenError(_("There is a view of this name already.")) from error


def _words(view: SavedView) -> dict[str, Any]:
    return {
        "page": view.page,
        "name": view.name,
        "filter": view.query,
        "columns": list(view.columns),
        "audience": view.audience,
        "team": view.team.slug if view.team else "",
        "default": view.is_default,
    }
