"""Teams and who is in them, written as one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from accounts.models import Membership, Role, Team, User
from accounts.services.audit import audit
from accounts.services.authority import require_role


@transaction.atomic
def save_team(team: Team, members: Collection[User], *, actor: User | None, now: datetime) -> bool:
    """Add or change a team, with all its members. False if nothing of it differs.

    ``actor`` None is somebody at the command line, who could write to the database anyway.
    """
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    stood = Team.objects.select_for_update().filter(pk=team.pk).first()
    before = _described(stood) if stood else {}
    team.save()
    wanted = {user.pk for user in members}
    Membership.objects.filter(team=team).exclude(user__in=wanted).delete()
    there = set(Membership.objects.filter(team=team).values_list("user", flat=True))
    Membership.objects.bulk_create(Membership(team=team, user_id=pk) for pk in sorted(wanted - there))
    after = _described(team)
    changed = {name for name in after if before.get(name) != after[name]}
    if changed:
        old = {name: before[name] for name in before.keys() & changed}
        verb = "team.changed" if stood else "team.created"
        audit(actor, verb, team, old, {name: after[name] for name in changed}, now=now)
    return bool(changed)


@transaction.atomic
def delete_team(team: Team, *, actor: User | None, now: datetime) -> None:
    """Raises ValueError with a sentence if it owns something: that would be shown to everybody as nobody's."""
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    if reason := why_team_is_kept(team):
        raise ValueError(reason)
    before, pk = _described(team), team.pk
    team.delete()
    team.pk = pk
    audit(actor, "team.deleted", team, before, now=now)


def why_team_is_kept(team: Team) -> str:
    """Say what would be left without an owner; empty if that is nothing."""
    owned = []
    for relation in Team._meta.related_objects:
        if relation.on_delete in {models.SET_NULL, models.PROTECT}:
            meta = relation.related_model._meta
            count = relation.related_model._base_manager.filter(**{relation.field.name: team}).count()
            noun = meta.verbose_name if count == 1 else meta.verbose_name_plural
            owned += [f"{count:,} {noun}"] if count else []
    if not owned:
        return ""
    sentence = _("The team %(team)s owns %(owned)s. Assign them to another team first.")
    return sentence % {"team": team, "owned": ", ".join(owned)}


def _described(team: Team) -> dict[str, Any]:
    members = Membership.objects.filter(team=team.pk).order_by("user__email").values_list("user__email", flat=True)
    names = ("name", "slug", "contact_email", "description")
    return {name: getattr(team, name) for name in names} | {"members": list(members)}
