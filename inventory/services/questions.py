"""“Is this yours?”: questions about one certificate to one address, answered through a link that works once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from email.errors import MessageError
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Organisation, Team, User
from accounts.services import absolute, audit, can_send_mail, require_change, still_acts
from certdash.lib.inert import shorten, visible
from inventory.models import Certificate, OwnerQuestion
from inventory.services.details import version_of
from inventory.services.ownership import assign_answered, owner_of

LIFETIME = timedelta(days=14)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST_OF_ASKER = 30  # an hour
MOST_TO_ADDRESS = 10  # a day, whoever asks
SUBJECT_LENGTH = 80
Open = QuerySet[OwnerQuestion]


class TooManyError(Exception):
    """So many questions were asked that one more would be a nuisance, or a way to send mail to strangers."""


class MailError(Exception):
    """The question was not mailed. ``link`` may be passed on by other means."""

    def __init__(self, link: str) -> None:
        super().__init__(_("The mail could not be sent."))
        self.link = link


@transaction.atomic
def ask_owner(
    certificate: Certificate, email: str, team: Team, message: str, *, actor: User, now: datetime
) -> tuple[OwnerQuestion, str]:
    """Make a question, and the link that answers it, which ``send_question`` mails. An earlier one no longer works.

    Raises TooManyError if the asker, or the address, had their share.
    """
    # Two questions of one person are asked one after the other, or both would count too few.
    asker = User.objects.select_for_update().get(pk=require_change(actor).pk)
    row = Certificate.objects.visible_to(asker).filter(pk=certificate.pk).first()
    if row is None:
        raise PermissionDenied(_("You may not ask about this certificate."))
    email = email.lower()
    _require_few(asker, email, now)
    _open(now).filter(certificate=row, email=email).update(withdrawn_at=now)
    raw = secrets.token_urlsafe(32)
    question = OwnerQuestion.objects.create(
        certificate=row,
        email=email,
        team=team,
        message=message[:1000],
        digest=_digest(raw),
        owner_version=version_of(owner_of(row)),
        asked_by=asker,
        asked_at=now,
        expires_at=now + LIFETIME,
    )
    audit(asker, "question.asked", row, after={"email": email, "team": team.name, "sha256": row.sha256}, now=now)
    return question, absolute(reverse("inventory:yours", args=[raw]))


def _require_few(asker: User, email: str, now: datetime) -> None:
    asked = OwnerQuestion.objects.filter(asked_by=asker, asked_at__gt=now - HOUR).count()
    if asked >= MOST_OF_ASKER:
        raise TooManyError(_("You asked %(most)s questions within an hour. Go on later.") % {"most": MOST_OF_ASKER})
    told = OwnerQuestion.objects.filter(email=email, asked_at__gt=now - DAY).count()
    if told >= MOST_TO_ADDRESS:
        raise TooManyError(
            _("%(most)s questions went to this address within a day. Ask later, or ask in person.")
            % {"most": MOST_TO_ADDRESS}
        )


def send_question(question: OwnerQuestion, link: str) -> None:
    """Mail the link, outside any transaction. Raises MailError if no mail server takes it."""
    if not can_send_mail():
        raise MailError(link)
    certificate = question.certificate
    context: dict[str, Any] = {
        "question": question,
        "certificate": certificate,
        "names": certificate.names.all()[:10],
        "more": max(0, certificate.names_count - 10),
        "link": link,
        "organisation": Organisation.objects.filter(pk=1).first(),
    }
    name = shorten(visible(certificate.name), SUBJECT_LENGTH)
    subject = _("Is this certificate yours? %(name)s") % {"name": name}
    try:
        send_mail(subject, render_to_string("inventory/email/question.txt", context), None, [question.email])
    except (OSError, ValueError, MessageError) as error:  # SMTPException is an OSError; the others refuse headers
        raise MailError(link) from error


def find_question(raw: str, now: datetime) -> OwnerQuestion | None:
    """The open question of a link. What is unknown, answered, withdrawn or too old is None alike."""
    asked = _open(now).select_related("certificate__issuer", "team", "asked_by")
    return asked.filter(digest=_digest(raw)).first()


@transaction.atomic
def answer_question(question: OwnerQuestion, answer: str, name: str, note: str, *, now: datetime) -> bool | None:
    """Note an answer, once. None: somebody answered first, or the question was withdrawn.

    True: the certificate became the team's. False: it did not, because the answer was no, or because whose it is was
    decided otherwise since the question was asked.
    """
    taken = (
        _open(now)
        .filter(pk=question.pk)
        .update(answered_at=now, answer=answer, answered_by=name[:150], note=note[:1000])
    )
    if not taken:
        return None
    given = answer == OwnerQuestion.Answer.YES and _give(question, name, now)
    said = {"answer": answer, "name": name, "note": note, "email": question.email, "given": given}
    audit(None, "question.answered", question.certificate, after=said, now=now)
    return given


def _give(question: OwnerQuestion, name: str, now: datetime) -> bool:
    asker, team = still_acts(question.asked_by_id, now), question.team
    if asker is None or team is None:
        return False
    reason = _("%(name)s answered yes on %(day)s, with the link for %(email)s.") % {
        "name": shorten(visible(name), 80),
        "day": f"{now:%Y-%m-%d}",
        "email": question.email,
    }
    return assign_answered(question.certificate, team, reason, asker=asker, now=now, version=question.owner_version)


@transaction.atomic
def withdraw_question(question: OwnerQuestion, *, actor: User, now: datetime) -> bool:
    """Close the link of a question that nobody answered. False if there is nothing to close."""
    if not Certificate.objects.visible_to(require_change(actor)).filter(pk=question.certificate_id).exists():
        raise PermissionDenied(_("You may not withdraw this question."))
    if not _open(now).filter(pk=question.pk).update(withdrawn_at=now):
        return False
    audit(actor, "question.withdrawn", question.certificate, after={"email": question.email}, now=now)
    return True


def _open(now: datetime) -> Open:
    return OwnerQuestion.objects.filter(Q(answered_at=None, withdrawn_at=None), expires_at__gt=now)


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()
