"""Mail the owners of what is filtered: one letter for each address, with that owner's things alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from accounts.models import Team, User
from accounts.services import absolute, audit, open_accounts, still_acts
from alerts.models import Letter, Mailing
from alerts.services.letters import About, Clock, write_letter
from alerts.snapshot import ends
from certdash.lib.inert import shorten, visible
from certdash.lib.work import LEASE, Heart, WorkStatus, resume
from inventory import filters
from inventory.models import Certificate

WRITE = "alerts.tasks.write_mailing"
MOST_THINGS = 10_000
MOST_LINES = 500
MOST_ATTEMPTS = 3
# Per person.
MOST_AN_HOUR = 5
LONGEST_NAME = 100
READ = (
    "name",
    "not_after",
    "owner_team__name",
    "owner_team__contact_email",
    "owner_person__email",
    "owner_person__is_active",
    "owner_person__ends_at",
)


class MailingRefusedError(ValueError):
    """The sentence says why, to the person who asked."""


@dataclass(slots=True)
class Share:
    """What one address gets."""

    address: str
    person: User | None = None
    team: Team | None = None
    owners: list[str] = field(default_factory=list)
    things: list[Certificate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a filter finds, by who would be told of it. ``digest`` names exactly this: things and addresses."""

    shares: tuple[Share, ...]
    things: int
    unowned: int
    # Names of teams that no mail can reach, and how many things they own.
    unreachable: dict[str, int]
    digest: str


def sort_by_owner(query: str, user: User, now: datetime, chosen: Sequence[int] = ()) -> Sorted:
    """Find who owns what of the things that this person sees: what a filter finds, or what was ticked.

    Raises MailingRefusedError.
    """
    things = _chosen(chosen, user) if chosen else _matching(query, user, now)
    rows = list(things.select_related("owner_team", "owner_person").only(*READ)[: MOST_THINGS + 1])
    if len(rows) > MOST_THINGS:
        raise MailingRefusedError(
            _("More than %(n)s certificates match. Narrow the filter first.") % {"n": f"{MOST_THINGS:,}"}
        )
    shares: dict[str, Share] = {}
    unreachable: dict[str, int] = {}
    members = _members(rows, now)
    owned = [row for row in rows if row.owner_team]
    for row in owned:
        to = _to(row, members, now)
        for address, person in to:
            _put(shares, address, person, row)
        if not to and row.owner_team:
            unreachable[row.owner_team.name] = unreachable.get(row.owner_team.name, 0) + 1
    ordered = tuple(shares[address] for address in sorted(shares))
    return Sorted(ordered, len(rows), len(rows) - len(owned), unreachable, _digest(ordered))


def _matching(query: str, user: User, now: datetime) -> QuerySet[Certificate]:
    found = filters.certificates(query, user, now)
    if found.errors:
        raise MailingRefusedError(" ".join(filters.error_sentences(found.errors)))
    return found.ordered()


def _chosen(chosen: Sequence[int], user: User) -> QuerySet[Certificate]:
    visible: QuerySet[Certificate] = Certificate.objects.visible_to(user)
    return visible.filter(pk__in=chosen).order_by("not_after", "pk")


def _members(rows: Iterable[Certificate], now: datetime) -> dict[int, list[User]]:
    """The people of teams that have no contact address."""
    teams = {row.owner_team_id for row in rows if row.owner_team and not row.owner_team.contact_email}
    people = open_accounts(now).filter(memberships__team__in=teams)
    found: dict[int, list[User]] = {}
    for person in people.distinct().prefetch_related("memberships").order_by("email"):
        for membership in person.memberships.all():
            found.setdefault(membership.team_id, []).append(person)
    return found


def _to(row: Certificate, members: dict[int, list[User]], now: datetime) -> list[tuple[str, User | None]]:
    """Its person; else the contact of its team; else the people of the team."""
    person, team = row.owner_person, row.owner_team
    if person is not None and person.is_active and not person.has_ended(now):
        return [(person.email.lower(), person)]
    if team is None:
        return []
    if team.contact_email:
        return [(team.contact_email.lower(), None)]
    return [(one.email.lower(), one) for one in members.get(team.pk, [])]


def _put(shares: dict[str, Share], address: str, person: User | None, row: Certificate) -> None:
    share = shares.setdefault(address, Share(address, person, row.owner_team))
    share.things.append(row)
    if row.owner_team and row.owner_team.name not in share.owners:
        share.owners.append(row.owner_team.name)


def _digest(shares: Iterable[Share]) -> str:
    told = (f"{share.address} {' '.join(str(row.pk) for row in share.things)}" for share in shares)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def request_mailing(
    query: str,
    subject: str,
    message: str,
    *,
    digest: str,
    actor: User,
    now: datetime,
    chosen: Sequence[int] = (),
) -> Mailing:
    """Keep what was agreed to and hand it to a worker, as one event. Raises MailingRefusedError."""
    sorted_now = sort_by_owner(query, actor, now, chosen)
    if not sorted_now.shares:
        raise MailingRefusedError(_("Nobody would get a mail: no owner of these certificates has an address."))
    if sorted_now.digest != digest:
        raise MailingRefusedError(
            _("Meanwhile the filter finds something else, or owners changed. Look at the preview again and repeat it.")
        )
    with transaction.atomic():
        User.objects.select_for_update().get(pk=actor.pk)
        if Mailing.objects.filter(requested_by=actor, created_at__gt=now - timedelta(hours=1)).count() >= MOST_AN_HOUR:
            raise MailingRefusedError(
                _("You have mailed owners %(n)s times within an hour. Wait a while.") % {"n": MOST_AN_HOUR}
            )
        mailing = Mailing.objects.create(
            query="" if chosen else query,
            chosen=list(chosen) or None,
            subject=subject,
            message=message,
            certificates=sum(len(share.things) for share in sorted_now.shares),
            digest=digest,
            requested_by=actor,
            created_at=now,
            claim_until=now + LEASE,
            total=len(sorted_now.shares),
        )
        async_task(WRITE, mailing.pk)
        after = {
            "letters": mailing.total,
            "certificates": mailing.certificates,
            "digest": digest,
            "filter": mailing.query,
            "chosen": len(chosen),
        }
        audit(actor, "mailing.requested", mailing, {}, after, now=now)
    return mailing


def write_mailing(pk: int, worker: str, clock: Clock) -> None:
    """Write the letters, unless another worker does or they are written. Safe to call twice: keys are unique.

    Who gets what is read again and must be what was agreed to, or else nothing more is written.
    """
    mailing = Mailing.objects.filter(pk=pk).first()
    if mailing is None or not mailing.is_open or not mailing.claim(worker, clock()):
        return
    try:
        author = _author(mailing, clock())
        with Heart(mailing, clock) as heart:
            _write_all(mailing, author, clock, heart)
    except MailingRefusedError as error:
        mailing.end(WorkStatus.FAILED, clock(), error=str(error))
        return
    mailing.end(WorkStatus.DONE, clock(), done=mailing.total)


def _author(mailing: Mailing, now: datetime) -> User:
    """Whose eyes decide what is found, if they still may do this."""
    if mailing.attempts > MOST_ATTEMPTS:
        raise MailingRefusedError(_("Given up: each time, the worker that wrote the mails was ended."))
    author = still_acts(mailing.requested_by_id, now)
    if author is None:
        raise MailingRefusedError(_("Given up: its author may not do this any more."))
    return author


def _write_all(mailing: Mailing, author: User, clock: Clock, heart: Heart) -> None:
    now = clock()
    found = sort_by_owner(mailing.query, author, now, mailing.chosen or ())
    if found.digest != mailing.digest:
        raise MailingRefusedError(
            _("Meanwhile the filter finds something else, or owners changed: not all was mailed.")
        )
    for number, share in enumerate(found.shares, start=1):
        if heart.stopped():
            return
        named = [row.pk for row in share.things[:MOST_LINES]]
        about = About(Letter.Kind.OWNERS, share.person, share.team, mailing, named)
        body, key = letter_body(mailing.message, share, author, now), f"owners {mailing.pk} {share.address}"
        write_letter(share.address, mailing.subject, body, key=key, now=now, about=about)
        Mailing.objects.filter(pk=mailing.pk).update(done=number)


def letter_body(message: str, share: Share, author: User, now: datetime) -> str:
    """What one owner reads: the message, their things, who wrote it."""
    base = absolute("")
    lines = [
        (
            f"{shorten(visible(row.name), LONGEST_NAME)}: {ends(row.not_after, now)}",
            f"{base}{reverse('inventory:certificate_detail', args=[row.pk])}",
        )
        for row in share.things[:MOST_LINES]
    ]
    context = {
        "message": message,
        "lines": lines,
        "left": max(len(share.things) - MOST_LINES, 0),
        "count": len(share.things),
        "owners": share.owners,
        "author": author,
        "at": f"{now.astimezone(UTC):%Y-%m-%d %H:%M}",
    }
    return render_to_string("alerts/email/owners.txt", context).strip() + "\n"


def resume_mailings(now: datetime) -> int:
    """Hand over again what nobody works on. Safe to call twice."""
    return resume(Mailing.objects.stranded(now), WRITE, now)
