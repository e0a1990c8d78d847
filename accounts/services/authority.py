"""Who may do what: asked by every view and every service that changes something."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
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
