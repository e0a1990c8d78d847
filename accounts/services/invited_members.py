"""People as a configuration file names them: by address alone, or with what is needed to invite them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models.functions import Now

from accounts.models import Role, User
from accounts.services.authority import open_accounts
from accounts.services.people import add_closed_person, add_person
from certdash.lib.declare import (
    By,
    DeclareError,
    Field,
    Node,
    Problem,
    Spelled,
    Table,
    choice,
    flag,
    of_fields,
    text,
    text_alone,
)
from certdash.lib.forms import one_line


class Member(Spelled):
    """An e-mail address, and how its person's account is made where there is none: by invitation, or closed."""

    invite = False
    closed = False
    role = Role.VIEWER.value
    line = 0

    def spelled(self) -> Any:
        how = "closed" if self.closed else "invite"
        return {"email": str(self), how: True, "role": self.role} if self.closed or self.invite else str(self)


def member_of(user: User, closed: Collection[int]) -> Member:
    """As a dump needs it to make the account elsewhere. One that is ``closed`` (by its key) is not invited anew."""
    told = Member(user.email)
    told.closed, told.role = user.pk in closed, user.role
    told.invite = not told.closed
    return told


def closed_people() -> set[int]:
    """The keys of those whose account was closed, or has ended."""
    return set(User.objects.exclude(pk__in=open_accounts(Now())).values_list("pk", flat=True))


_MEMBER = (
    Field("email", text, "the address of a person with an account", is_required=True),
    Field("invite", flag, "true: somebody who has no account is invited", default=False),
    Field("closed", flag, "true: somebody who has no account gets one that is closed", default=False),
    Field("role", choice(Role.values), "the role of somebody who has no account yet", Role.VIEWER.value),
)


def member(node: Node, folder: Path) -> Member:
    given: dict[str, Any] = {}
    given |= of_fields(node, _MEMBER, "member", folder) if isinstance(node, Table) else {"email": text_alone(node)}
    found = Member(given["email"].strip().lower())
    try:
        validate_email(found)
        one_line(found)
    except ValidationError as error:
        raise DeclareError(Problem(node.line, node.column, f"“{found}” is no e-mail address.")) from error
    found.invite, found.closed = given.get("invite", False), given.get("closed", False)
    if found.invite and found.closed:
        raise DeclareError(Problem(node.line, node.column, f"{found} is either invited or closed."))
    found.role, found.line = given.get("role", found.role), node.line
    return found


def people_of(members: Iterable[Any], by: By) -> list[User]:
    there = {user.email: user for user in User.objects.filter(email__in=members)}
    strangers = [item for item in members if item not in there]
    problems = [
        Problem(
            getattr(item, "line", 0),
            0,
            f"Nobody has an account with {item}. Invite them on the page of users first, or write "
            f"{{email: {item}, invite: true}}.",
        )
        for item in strangers
        if not getattr(item, "invite", False) and not getattr(item, "closed", False)
    ]
    if problems:
        raise DeclareError(*problems)
    for item in strangers:
        if item.closed:
            add_closed_person(item, item.role, actor=None, now=by.now)
        else:
            by.invited[item] = add_person(item, item.role, actor=None, now=by.now)
    return list(User.objects.filter(email__in=members))
