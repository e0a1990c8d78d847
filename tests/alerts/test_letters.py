"""Letters reach a mail server that stalls, refuses or dies: each once, and none is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from accounts.models import AuditEvent, User
from alerts.models import LEASE, Letter
from alerts.services import GIVEN_UP_AFTER, forget_letters, send_letters, try_again, write_letter
from certdash.lib.retry import MOST, wait_after
from tests.alerts.post import BUSY, REFUSED, Post
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def write(recipient: str = "olga@example.org", subject: str = "3 expired", body: str = "a\nb\n", key: str = "") -> bool:
    return write_letter(recipient, subject, body, key=key or recipient, now=NOW)


def send(now: datetime = NOW) -> tuple[int, int]:
    return send_letters(lambda: now, 20)


def test_a_letter_is_written_once_and_sent_once(post: Post) -> None:
    assert write()
    assert not write(subject="again")
    assert send() == (1, 0)
    assert send() == (0, 0)
    ((recipient, message),) = post.taken
    assert (recipient, message["Subject"], message["To"]) == ("olga@example.org", "3 expired", "olga@example.org")
    assert message["Auto-Submitted"] == "auto-generated"
    letter = Letter.objects.get()
    assert (letter.state, letter.sent_at, letter.error) == ("sent", NOW, "")


@pytest.mark.parametrize("text", ["3 expired\r\nBcc: eve@example.org", "3 \u202edesire\u200b", "a\x00b", "x" * 999])
def test_no_header_and_nothing_hidden_gets_in(post: Post, text: str) -> None:
    write(subject=text, body=f"{text}\n.\nmore")
    assert send() == (1, 0)
    ((recipient, message),) = post.taken
    assert message.keys().count("Bcc") == 0
    assert recipient == "olga@example.org"
    body = message.get_content()
    assert "\u202e" not in f"{message['Subject']}{body}"
    assert "\u200b" not in f"{message['Subject']}{body}"
    assert "\x00" not in f"{message['Subject']}{body}"
    assert "more" in body


@pytest.mark.parametrize("address", ["olga@example.org\nBcc: eve@example.org", "no address", "ol\u200bga@example.org"])
def test_an_address_that_cannot_be_one_gets_nothing_and_is_told_of(post: Post, address: str) -> None:
    write(address, key="x")
    assert send() == (0, 0)
    letter = Letter.objects.get()
    assert letter.state == "failed"
    assert letter.error
    assert post.asked == 0


def test_who_is_refused_for_good_is_told_of_and_the_others_get_theirs(post: Post) -> None:
    for address in (REFUSED, BUSY, "olga@example.org"):
        write(address)
    assert send() == (1, 2)
    refused, busy = (Letter.objects.get(recipient=address) for address in (REFUSED, BUSY))
    assert refused.state == "failed"
    assert refused.error == "The mail server answered 550: 5.1.1 no such person ‹U+202E›here"
    assert (busy.state, busy.next_try_at) == ("waiting", NOW + wait_after(1))


@pytest.mark.parametrize("mood", ["stall", "busy"])
def test_a_server_that_stalls_or_turns_away_loses_nothing_and_is_asked_once_a_turn(post: Post, mood: str) -> None:
    post.mood = mood
    for number in range(3):
        write(f"olga{number}@example.org")
    assert send() == (0, 1)
    assert post.asked == 1
    assert not Letter.objects.exclude(state="waiting").exists()
    post.mood = "take"
    assert send() == (2, 0)
    assert send(NOW + wait_after(1)) == (1, 0)
    assert sorted(post.recipients) == [f"olga{number}@example.org" for number in range(3)]


def test_a_server_that_is_away_is_waited_for_longer_each_time_and_in_the_end_a_person_is_asked(
    administrator: User,
) -> None:
    write()
    now = NOW
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1
    ):
        waits, letter = [], Letter.objects.get()
        while Letter.objects.get().state == "waiting":
            assert send(now) == (0, 1)
            letter = Letter.objects.get()
            waits.append(letter.next_try_at - now)
            now = letter.next_try_at
    assert waits[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]
    assert max(waits) == MOST
    assert letter.error == "Nothing listens where the mail server should be."
    assert now - NOW >= GIVEN_UP_AFTER
    assert try_again(letter, administrator, now)
    assert not try_again(letter, administrator, now)
    assert AuditEvent.objects.get().verb == "letter.tried_again"
    assert send(now) == (1, 0)


def test_of_two_workers_one_sends(post: Post) -> None:
    """The second begins while the first one's letter is on its way."""
    write()
    second: list[tuple[int, int]] = []
    letter = Letter.objects.get()
    held = Letter.objects.due(NOW).filter(pk=letter.pk).update(attempts=1, next_try_at=NOW + LEASE)
    assert held
    second.append(send())
    assert second == [(0, 0)]
    assert send(NOW + LEASE) == (1, 0)
    assert len(post.taken) == 1


def test_what_was_put_off_while_a_clock_was_ahead_is_sent(post: Post) -> None:
    write_letter("olga@example.org", "s", "b", key="k", now=NOW + timedelta(days=400))
    assert send() == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_sending_and_noting_doubles_that_letter_alone(post: Post) -> None:
    for number in range(4):
        write(f"olga{number}@example.org")
    env = os.environ | {"CERTDASH_DATABASE_URL": _database()}
    command = [sys.executable, "-m", "tests.alerts.dying_sender", str(post.port), "2"]
    ended = subprocess.run(command, env=env, cwd=settings.BASE_DIR, timeout=60, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert len(post.taken) == 2
    assert send() == (2, 0)
    assert send(NOW + LEASE) == (1, 0)
    assert sorted(post.recipients) == sorted([*(f"olga{n}@example.org" for n in range(4)), post.recipients[1]])
    # Both copies bear the same number, so that mail programs show one.
    numbers = [message["Message-ID"] for recipient, message in post.taken if recipient == post.recipients[1]]
    assert len(set(numbers)) == 1


def _database() -> str:
    name = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{Path(name['NAME']).resolve()}"
    return f"postgres://{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}/{name['NAME']}"


def test_letters_are_forgotten_after_thirteen_months_unless_they_wait(post: Post) -> None:
    write()
    send()
    write("sam@example.org")
    assert forget_letters(NOW + timedelta(days=399)) == 0
    assert forget_letters(NOW + timedelta(days=401)) == 1
    assert Letter.objects.get().recipient == "sam@example.org"


def test_the_wait_doubles_up_to_an_hour() -> None:
    assert [wait_after(n) for n in (0, 1, 2, 3)] == [timedelta(minutes=m) for m in (0, 1, 2, 4)]
    assert wait_after(7) == wait_after(500) == MOST
