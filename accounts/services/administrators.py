"""Somebody must always be able to administer: the last who can may not be taken away."""

from __future__ import annotations

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Role, User


def lasting_administrators() -> QuerySet[User]:
    """Administrators who are active, have no end date, and have a way to sign in."""
    has_joined = Q(last_login__isnull=False) | ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return User.objects.filter(has_joined, role=Role.ADMINISTRATOR, is_active=True, ends_at=None)


def is_last_administrator(user: User) -> bool:
    """True if nobody but this person could administer for good."""
    others = lasting_administrators().exclude(pk=user.pk)
    return lasting_administrators().filter(pk=user.pk).exists() and not others.exists()


def require_lasting_administrator() -> None:
    """Refuse what was just done in this transaction if it left nobody to administer.

    Locks the remaining ones, so that two who demote each other at once do not both succeed.
    """
    if not list(lasting_administrators().select_for_update().values_list("pk", flat=True)):
        raise PermissionDenied(last_administrator_sentence())


def last_administrator_sentence() -> str:
    return _("At least one active administrator without an end date must remain, who has signed in or has a password.")
