"""Letters: written once, sent until a mail server has taken them, and seen by people if none does."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import MessageError
from email.utils import parseaddr
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException, SMTPSenderRefused
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import Team, User
from accounts.services import audit
from alerts.models import LEASE, Letter, Mailing, Told
from certdash.lib.inert import shorten, visible
from certdash.lib.retry import wait_after

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

SUBJECT_LENGTH = 200
ERROR_LENGTH = 500
# As long as mail servers themselves go on trying.
GIVEN_UP_AFTER = timedelta(days=5)
KEPT = timedelta(days=400)
FORGOTTEN_AT_ONCE = 1_000
SENT_AT_ONCE = 200
FIRST_PERMANENT = 500
GOING_AWAY = 421


class Sent(NamedTuple):
    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class About:
    """What a letter is, whose address it goes to, what asked for it, and which certificates it names."""

    kind: Letter.Kind = Letter.Kind.OTHER
    person: User | None = None
    team: Team | None = None
    mailing: Mailing | None = None
    certificates: Collection[int] = ()


NOTHING = About()


def write_letter(
    recipient: str, subject: str, body: str, *, key: str, now: datetime, about: About = NOTHING, fault: str = ""
) -> bool:
    """Keep a letter to be sent. False if there is one of this key already: then nothing is written.

    What nobody can see in it is made visible; an address that hides something gets nothing, and people are told.
    With a ``fault`` it counts as failed: nobody gets it unless an administrator tries it again.
    """
    error = _why_not(recipient) or shorten(visible(" ".join(fault.split())), ERROR_LENGTH)
    values = {
        "kind": about.kind,
        "recipient": visible(recipient)[:254],
        "subject": shorten(visible(" ".join(subject.split())), SUBJECT_LENGTH),
        "body": "\n".join(map(visible, body.replace("\r\n", "\n").split("\n"))),
        "state": Letter.State.FAILED if error else Letter.State.WAITING,
        "error": error,
        "person": about.person,
        "team": about.team,
        "mailing": about.mailing,
        "created_at": now,
        "next_try_at": now,
    }
    with transaction.atomic():
        letter, is_new = Letter.objects.get_or_create(key=key, defaults=values)
        if is_new:
            Told.objects.bulk_create(Told(letter=letter, certificate_id=pk) for pk in dict.fromkeys(about.certificates))
    return is_new


def _why_not(recipient: str) -> str:
    try:
        validate_email(recipient)
    except ValidationError:
        return _("This is no address that a mail can go to.")
    return _("The address has characters that nobody sees.") if visible(recipient) != recipient else ""


def send_letters(clock: Clock, seconds: float) -> Sent:
    """Send what is due, one letter after the other, outside of any transaction, for about so many seconds.

    A server that is away or stalls ends the turn: each letter that waits for it would cost another time-out.
    """
    until = time.monotonic() + seconds
    sent = failed = 0
    connection = get_connection()
    try:
        for letter in Letter.objects.due(clock()).order_by("next_try_at", "pk")[:SENT_AT_ONCE]:
            if time.monotonic() > until:
                break
            if not _claim(letter, clock()):
                continue
            fault = _send(connection, letter)
            _note(letter, fault, clock())
            sent, failed = sent + (fault is None), failed + (fault is not None)
            if fault is not None and _is_away(fault):
                break
    finally:
        _close(connection)
    return Sent(sent, failed)


def _claim(letter: Letter, now: datetime) -> bool:
    """Take the letter for as long as an attempt may last. False if another worker has it."""
    same = Letter.objects.due(now).filter(pk=letter.pk, attempts=letter.attempts)
    letter.attempts += 1
    return same.update(attempts=F("attempts") + 1, next_try_at=now + LEASE) == 1


def _send(connection: BaseEmailBackend, letter: Letter) -> OSError | ValueError | None:
    """Hand one letter to the mail server; return what was wrong. SMTPException is an OSError."""
    _name, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    # The same letter has the same number whenever it is sent, so that mail programs show a doubled one once.
    number = hashlib.sha256(letter.key.encode()).hexdigest()[:32]
    headers = {
        "Message-ID": f"<{number}@{sender.rpartition('@')[2] or 'certdash.invalid'}>",
        "Auto-Submitted": "auto-generated",
    }
    message = EmailMessage(letter.subject, letter.body, to=[letter.recipient], headers=headers, connection=connection)
    try:
        connection.open()
        message.send()
    except MessageError as error:  # an address or a subject of which no header can be made
        return ValueError(str(error))
    except (OSError, ValueError) as error:
        return error
    return None


def _note(letter: Letter, fault: OSError | ValueError | None, now: datetime) -> None:
    row = Letter.objects.filter(pk=letter.pk)
    if fault is None:
        row.update(state=Letter.State.SENT, sent_at=now, error="")
        return
    words = shorten(visible(in_words(fault)), ERROR_LENGTH)
    is_last = is_for_good(fault) or now - letter.created_at > GIVEN_UP_AFTER
    state = Letter.State.FAILED if is_last else Letter.State.WAITING
    logger.warning("letter %s was not sent (attempt %s): %s", letter.pk, letter.attempts, words)
    row.filter(attempts=letter.attempts).update(state=state, error=words, next_try_at=now + wait_after(letter.attempts))


def is_for_good(fault: OSError | ValueError) -> bool:
    """Whether another attempt would end the same way: the server knows no such address, or it cannot be written."""
    if isinstance(fault, SMTPRecipientsRefused):
        return all(code >= FIRST_PERMANENT for code, _words in fault.recipients.values())
    return isinstance(fault, ValueError)


def _is_away(fault: OSError | ValueError) -> bool:
    """Whether the server itself is at fault, rather than this one letter."""
    of_the_letter = isinstance(fault, SMTPRecipientsRefused | SMTPSenderRefused | SMTPDataError | ValueError)
    return not of_the_letter or getattr(fault, "smtp_code", 0) == GOING_AWAY


def in_words(fault: OSError | ValueError) -> str:
    """What a person reads of a failure."""
    if isinstance(fault, SMTPRecipientsRefused):
        return "; ".join(_said(code, words) for code, words in fault.recipients.values())
    if isinstance(fault, SMTPResponseException):
        return _said(fault.smtp_code, fault.smtp_error)
    if isinstance(fault, TimeoutError):
        return _("The mail server did not answer in time.")
    if isinstance(fault, ConnectionRefusedError):
        return _("Nothing listens where the mail server should be.")
    return _("The mail could not be sent: %(why)s") % {"why": str(fault) or type(fault).__name__}


def _said(code: int, words: bytes | str) -> str:
    said = words.decode(errors="replace") if isinstance(words, bytes) else words
    return _("The mail server answered %(code)s: %(words)s") % {"code": code, "words": " ".join(said.split())}


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except OSError as error:
        logger.info("the mail server did not take leave: %s", error)


def try_again(letter: Letter, actor: User, now: datetime) -> bool:
    """Have a failed letter sent again. False if it is none."""
    with transaction.atomic():
        failed = Letter.objects.filter(pk=letter.pk, state=Letter.State.FAILED)
        if not failed.update(state=Letter.State.WAITING, next_try_at=now):
            return False
        audit(actor, "letter.tried_again", letter, {}, {"to": letter.recipient}, now=now)
    return True


def forget_letters(now: datetime) -> int:
    """Forget what was told more than 13 months ago."""
    old = Letter.objects.filter(created_at__lt=now - KEPT).exclude(state=Letter.State.WAITING)
    pks = list(old.order_by("created_at").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    return Letter.objects.filter(pk__in=pks).delete()[0] if pks else 0
