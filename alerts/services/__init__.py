"""Writing and sending letters, and deciding what stands in them."""

from alerts.services.daily import Addressee, Mail, addressees, compose, due_day, last_told, today, write_daily
from alerts.services.letters import GIVEN_UP_AFTER, About, Sent, forget_letters, send_letters, try_again, write_letter
from alerts.services.mailings import (
    MailingRefusedError,
    request_mailing,
    resume_mailings,
    sort_by_owner,
    write_mailing,
)

__all__ = [
    "GIVEN_UP_AFTER",
    "About",
    "Addressee",
    "Mail",
    "MailingRefusedError",
    "Sent",
    "addressees",
    "compose",
    "due_day",
    "forget_letters",
    "last_told",
    "request_mailing",
    "resume_mailings",
    "send_letters",
    "sort_by_owner",
    "today",
    "try_again",
    "write_daily",
    "write_letter",
    "write_mailing",
]
