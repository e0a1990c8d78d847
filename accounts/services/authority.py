"""Who may do what: asked by every view and every service that changes something."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.models import Role, User


def require_role(user: User | AnonymousUser, *roles: Role) -> User:
    """Return the user if their one role is among ``roles``; raise PermissionDenied if not."""
    if not isinstance(user, User) or not user.is_active or user.role not in roles:
        names = ", ".join(str(role.label) for role in roles)
        raise PermissionDenied(_("This needs the role %(roles)s.") % {"roles": names})
    return user


def require_change(user: User | AnonymousUser) -> User:
    """Return the user if they may change what they see (Operator, Administrator); raise PermissionDenied if not."""
    return require_role(user, Role.OPERATOR, Role.ADMINISTRATOR)


def require_administrator(user: User | AnonymousUser) -> User:
    return require_role(user, Role.ADMINISTRATOR)


def open_accounts(now: datetime | Now) -> QuerySet[User]:
    """The people who may come in."""
    return User.objects.filter(is_active=True).exclude(ends_at__lte=now)


def still_here(person: int | None, now: datetime) -> User | None:
    """Who asked for something earlier, as they are now. None if they may not come in any more."""
    return open_accounts(now).filter(pk=person).first() if person else None


def still_acts(person: int | None, now: datetime) -> User | None:
    """Who asked for a change earlier, as they are now. None if they may make none any more."""
    found = still_here(person, now)
    return found if found and found.may_change else None
