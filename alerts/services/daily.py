"""The mail of every day: who gets it, when, and what stands in it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import DataError
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Organisation, Role, Team, User
from accounts.services import absolute, can_send_mail, open_accounts
from alerts.models import Day, Letter
from alerts.reasons import MOST_IN_A_SUBJECT, Say, day_to_write
from alerts.services.letters import About, forget_letters, write_letter
from alerts.snapshot import Daily, Scope, take
from certdash.lib.zones import zone_of

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

DAYS_LOOKED_BACK = 8
# What the data of one address can bring about. A database that is away is no such thing: it is the same for all.
UNWRITABLE = (ArithmeticError, AttributeError, DataError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Addressee:
    """One address, and who stands behind it: a person, or the teams whose contact it is."""

    address: str
    person: User | None
    teams: tuple[Team, ...] = ()

    @property
    def team(self) -> Team | None:
        return self.teams[0] if self.teams else None

    def scope(self, now: datetime) -> Scope:
        return Scope.of_person(self.person, now) if self.person else Scope.of_teams(self.teams, now)


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    body: str
    daily: Daily


def write_daily(clock: Clock, seconds: float) -> int:
    """Write the letters of the day that is due, for about so many seconds; the next call goes on. Safe to call twice.

    Returns how many addresses were looked at. Without a mail server nothing is written, so that nobody counts as told.
    """
    until, now = time.monotonic() + seconds, clock()
    organisation = Organisation.objects.filter(pk=1).first()
    day = due_day(organisation, now) if organisation and can_send_mail() else None
    if day is None:
        return 0
    row, _made = Day.objects.get_or_create(day=day, defaults={"started_at": now})
    since = last_told(day, now)
    looked_at = 0
    for addressee in addressees(now):
        if addressee.address <= row.last_address:
            continue
        if time.monotonic() > until:
            return looked_at
        written = _write_or_note(addressee, day, since, clock())
        Day.objects.filter(pk=row.pk).update(last_address=addressee.address, written=F("written") + written)
        looked_at += 1
    Day.objects.filter(pk=row.pk).update(finished_at=clock())
    forget_letters(now)
    return looked_at


def due_day(organisation: Organisation, now: datetime) -> date | None:
    """The day whose letters are not all written. What was begun is taken up again."""
    earliest = (now - timedelta(days=DAYS_LOOKED_BACK)).date()
    rows = Day.objects.filter(day__gte=earliest, finished_at__isnull=False)
    before = Day.objects.filter(day__lt=earliest).values_list("day", flat=True)[:1]
    written = {*rows.values_list("day", flat=True), *before}
    return day_to_write(now, zone_of(organisation.timezone), organisation.daily_mail_hour, written)


def today(organisation: Organisation, now: datetime) -> date:
    return now.astimezone(zone_of(organisation.timezone)).date()


def last_told(day: date, now: datetime) -> datetime:
    """Since when work that failed has not been told of: since the mails of the day before, or for a day."""
    before = Day.objects.filter(day__lt=day, started_at__gt=now - timedelta(days=DAYS_LOOKED_BACK)).first()
    return before.started_at if before else now - timedelta(days=1)


def addressees(now: datetime) -> Iterator[Addressee]:
    """Administrators and people of teams who want it, and contact addresses of teams; each address once, in order.

    Who has an account and switched the mail off gets none as the contact of a team either.
    """
    people = open_accounts(now)
    wanted = people.filter(Q(role=Role.ADMINISTRATOR) | Q(memberships__isnull=False), daily_mail=True).distinct()
    found = {user.email.lower(): Addressee(user.email.lower(), user) for user in wanted}
    known = set(people.annotate(address=Lower("email")).values_list("address", flat=True))
    teams: dict[str, list[Team]] = {}
    for team in Team.objects.exclude(contact_email="").order_by("slug"):
        teams.setdefault(team.contact_email.lower(), []).append(team)
    for address, of in teams.items():
        if address not in known:
            found[address] = Addressee(address, None, tuple(of))
    for address in sorted(found):
        yield found[address]


def _write_or_note(addressee: Addressee, day: date, since: datetime, now: datetime) -> int:
    """A mail that cannot be written stands among those that failed, and the next address gets its own."""
    try:
        return _write(addressee, day, since, now)
    except UNWRITABLE as error:
        logger.exception("the daily mail to %s was not written", addressee.address)
        why = f"{type(error).__name__}: {error}"
        body = _("The daily mail of %(day)s could not be written. Your administrators see why.") % {"day": day}
        subject = _("The daily mail of %(day)s could not be written") % {"day": day}
        about = About(Letter.Kind.DAILY, addressee.person, addressee.team)
        write_letter(addressee.address, subject, body, key=_key(addressee, day), now=now, about=about, fault=why)
        return 0


def _key(addressee: Addressee, day: date) -> str:
    return f"daily {day.isoformat()} {addressee.address}"


def _write(addressee: Addressee, day: date, since: datetime, now: datetime) -> int:
    mail = compose(addressee.scope(now), day, since)
    if mail is None:
        return 0
    about = About(Letter.Kind.DAILY, addressee.person, addressee.team, None, mail.daily.certificates)
    key = _key(addressee, day)
    return write_letter(addressee.address, mail.subject, mail.body, key=key, now=now, about=about)


def compose(scope: Scope, day: date, since: datetime) -> Mail | None:
    """What the mail of that day says; None if there is nothing to say."""
    daily = take(scope, day, since)
    if daily.say is Say.SILENCE:
        return None
    base = absolute("")
    context = {
        "daily": daily,
        "parts": [(part, [f"{base}{path}" for path in part.paths]) for part in daily.parts],
        "unjudged_urls": [f"{base}{path}" for path in daily.unjudged_paths],
        "profile_url": absolute(reverse("accounts:profile")) if scope.is_person else "",
        "teams": scope.teams,
        "organisation": Organisation.objects.filter(pk=1).first(),
        "at": f"{daily.at.astimezone(UTC):%Y-%m-%d %H:%M}",
        "is_well": daily.say is Say.NOTHING_TO_REPORT,
    }
    return Mail(subject_of(daily), render_to_string("alerts/email/daily.txt", context).strip() + "\n", daily)


def subject_of(daily: Daily) -> str:
    """One line that says it all: "3 expired in use, 5 expire within 7 days · certdash"."""
    told = {"judged": f"{daily.judged:,}", "all": f"{daily.population:,}", "not": f"{daily.not_judged:,}"}
    if daily.say is Say.NOTHING_TO_REPORT:
        words = _("Nothing to report, %(judged)s of %(all)s judged in time") % told
    elif daily.say is Say.UNKNOWN:
        words = _("%(not)s of %(all)s not judged in time") % told
    else:
        weighty = [part.short for part in daily.parts if not part.beside]
        words = ", ".join(weighty[:MOST_IN_A_SUBJECT])
    return f"{words} · certdash"
