"""People as a configuration file names them: by address alone, or with what is needed to invite them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import Role, User
from accounts.services.people import add_person
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
    """An e-mail address, and whether its person is to be invited."""

    invite = False
    role = Role.VIEWER.value
    line = 0

    def spelled(self) -> Any:
        return {"email": str(self), "invite": True, "role": self.role} if self.invite else str(self)


def member_of(user: User) -> Member:
    """As a dump needs it to make the account elsewhere. One that is closed is not invited anew."""
    told = Member(user.email)
    told.invite, told.role = user.is_active, user.role
    return told


_MEMBER = (
    Field("email", text, "the address of a person with an account", is_required=True),
    Field("invite", flag, "true: somebody who has no account is invited", default=False),
    Field("role", choice(Role.values), "the role of somebody who is invited", Role.VIEWER.value),
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
    found.invite, found.role, found.line = given.get("invite", False), given.get("role", found.role), node.line
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
        if not getattr(item, "invite", False)
    ]
    if problems:
        raise DeclareError(*problems)
    for item in strangers:
        by.invited[item] = add_person(item, item.role, actor=None, now=by.now)
    return list(User.objects.filter(email__in=members))
