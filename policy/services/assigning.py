"""Whose a finding is to mend: a person who may see what it is about, with a note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Organisation, Role, User
from accounts.services import absolute, audit, can_send_mail, require_change
from certdash.lib.inert import shorten, visible
from policy.models import Finding, rule_of

NOTE_LENGTH = 500
SUBJECT_LENGTH = 80
# In a mail about many findings.
NAMED = 20


class AssignedMeanwhileError(Exception):
    """Somebody else assigned it after it was read, to ``person``."""

    def __init__(self, person: User | None) -> None:
        super().__init__(_("It was assigned meanwhile."))
        self.person = person


def people_for(finding: Finding, user: User, now: datetime) -> QuerySet[User]:
    """Whom ``user`` may name: people who see what the finding is about, and whom they know.

    Whoever it is assigned to already is known, too.
    """
    return people_known(user, now, finding.assigned_to_id).filter(_sees(finding))


def people_known(user: User, now: datetime, *named: int | None) -> QuerySet[User]:
    """Whom ``user`` knows: administrators and auditors everybody, others colleagues, themselves and who is named."""
    people = User.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), is_active=True)
    if not user.sees_everything:
        colleagues = User.objects.filter(memberships__team__in=user.memberships.values("team")).values("pk")
        people = people.filter(Q(pk__in=colleagues) | Q(pk__in=[user.pk, *filter(None, named)]))
    return people.order_by("name", "email")


def _sees(finding: Finding) -> Q:
    """The other side of ``visible_to``: those who see the one thing."""
    subject = finding.certificate or finding.endpoint
    team = subject.owner_team_id if subject else None
    everything = Q(role__in=[Role.ADMINISTRATOR, Role.AUDITOR])
    if team is not None:
        return everything | Q(pk__in=User.objects.filter(memberships__team=team).values("pk"))
    return everything if settings.HIDE_UNOWNED else Q()


@transaction.atomic
def assign_finding(
    finding: Finding, person: User | None, note: str, *, actor: User, now: datetime, was: int | None
) -> bool:
    """Make it somebody's to mend, or nobody's. False if nothing changed, or if it has closed.

    ``was``: the primary key of whose the actor saw that it is. If it is another's by now, nothing is written.
    """
    visible_ones = Finding.objects.visible_to(require_change(actor)).open()
    row = visible_ones.select_for_update(of=("self",), no_key=True).filter(pk=finding.pk).first()
    if row is None:
        return False
    if row.assigned_to_id != was:
        raise AssignedMeanwhileError(row.assigned_to)
    if person is not None and not people_for(row, actor, now).filter(pk=person.pk).exists():
        raise PermissionDenied(_("This person does not see what the finding is about."))
    before, after = _words(row.assigned_to, row.assignment_note), _words(person, note[:NOTE_LENGTH] if person else "")
    if before == after:
        return False
    row.assigned_to, row.assigned_at, row.assignment_note = person, now if person else None, after["note"]
    row.save(update_fields=["assigned_to", "assigned_at", "assignment_note"])
    audit(actor, "finding.assigned", row, before, {**after, "rule": row.rule}, now=now)
    return True


def _words(person: User | None, note: str) -> dict[str, str]:
    return {"person": person.email if person else "", "note": note}


def send_assignment(finding: Finding, actor: User) -> bool:
    """Mail the person whose it is now, outside any transaction. False if no mail server took it."""
    person = finding.assigned_to
    title = rule_of(finding.rule).title
    context = {
        "finding": finding,
        "title": title,
        "actor": actor,
        "subject": finding.certificate or finding.endpoint,
        "link": absolute(reverse("policy:finding_detail", args=[finding.pk])),
    }
    thing = shorten(visible(str(finding.certificate or finding.endpoint)), SUBJECT_LENGTH)
    subject = _("For you to mend: %(title)s, %(thing)s") % {"title": title, "thing": thing}
    return person is not None and _send(person, subject, "policy/email/assigned.txt", context)


def send_assignments(findings: Sequence[Finding], person: User, note: str, actor: User) -> bool:
    """One mail about all that were given to somebody at once, as ``send_assignment``. Of many, the first are named."""
    context = {
        "actor": actor,
        "note": note,
        "number": len(findings),
        "first": [(rule_of(row.rule).title, row.certificate or row.endpoint) for row in findings[:NAMED]],
        "more": max(0, len(findings) - NAMED),
        "link": absolute(f"{reverse('policy:finding_list')}?assigned=me"),
    }
    words = ngettext("For you to mend: %(n)s finding", "For you to mend: %(n)s findings", len(findings))
    return _send(person, words % {"n": len(findings)}, "policy/email/assigned_many.txt", context)


def _send(person: User, subject: str, template: str, context: Mapping[str, Any]) -> bool:
    if not can_send_mail():
        return False
    text = render_to_string(template, {**context, "organisation": Organisation.objects.filter(pk=1).first()})
    try:
        send_mail(subject, text, None, [person.email])
    except OSError:  # SMTPException is one
        return False
    return True
