"""`manage.py doctor` calls good only what it has looked at, and says what to do about the rest."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.utils import OperationalError
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditHead, Organisation, TickRun, User
from alerts.models import Letter
from certdash.management import processes, serving
from certdash.management.examinations import EXAMINATIONS, State, data, machine, outside
from certdash.management.examinations.answers import Answer
from discovery.models import Scan, Zone
from tests.inventory.factories import make_endpoint


class Clock(BaseHTTPRequestHandler):
    ahead = timedelta(0)

    def do_HEAD(self) -> None:
        self.send_response_only(200)
        self.send_header("Date", format_datetime(timezone.now() + self.ahead, usegmt=True))
        self.end_headers()


@pytest.fixture
def clock_server(settings: Settings) -> Iterator[type[Clock]]:
    server = HTTPServer(("127.0.0.1", 0), Clock)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.CLOCK_URL = f"http://127.0.0.1:{server.server_address[1]}/"
    yield Clock
    Clock.ahead = timedelta(0)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def var(settings: Settings, tmp_path: Path) -> Path:
    settings.VAR = tmp_path
    settings.AUDIT_HEADS = str(tmp_path / "heads.jsonl")
    return tmp_path


@pytest.mark.django_db
def test_it_answers_everything_and_fails_on_what_is_bad(var: Path) -> None:
    printed = io.StringIO()
    with pytest.raises(CommandError, match="administrators"):
        call_command("doctor", "--json", stdout=printed)
    answers = {answer["name"]: answer for answer in json.loads(printed.getvalue())}
    assert len(answers) == len(EXAMINATIONS)
    assert answers["database"]["state"] == "good"
    assert answers["administrators"]["text"].endswith("manage.py setup --link")


@pytest.mark.django_db
def test_it_is_read_without_colours(var: Path) -> None:
    printed = io.StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", "--force-color", stdout=printed)
    assert "\x1b" not in printed.getvalue()
    assert "good        python" in printed.getvalue()


def test_the_packages_are_those_that_were_tested_together(now: datetime, settings: Settings, tmp_path: Path) -> None:
    assert machine.packages(now).state is State.GOOD
    settings.BASE_DIR = tmp_path
    (tmp_path / "requirements.txt").write_text("django==1.0 \\\n    --hash=sha256:0\nnot-there==2\n", encoding="ascii")
    answer = machine.packages(now)
    assert answer.state is State.BAD
    assert "django 5.2" in answer.text
    assert "not-there" not in answer.text


def test_a_page_is_drawn_to_know_that_pdfs_can_be_made(now: datetime) -> None:
    assert machine.pdf(now).state is State.GOOD


def test_missing_libraries_of_the_pdf_are_named(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DRAW", "raise OSError('cannot load library pango')")
    answer = machine.pdf(now)
    assert answer.state is State.BAD
    assert "cannot load library pango: apt install libpango" in answer.text


def test_nmap_is_not_judged_where_it_is_missing(now: datetime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.nmap(now).state is State.NOT_JUDGED


def test_a_full_disk_is_bad(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEAST_FREE", 2**62)
    assert machine.disk(now).state is State.BAD


def test_a_secret_that_everybody_can_read_is_bad(now: datetime, var: Path) -> None:
    (var / "secret_key").touch()
    (var / "secret_key").chmod(0o644)
    var.chmod(0o755)
    answer = machine.permissions(now)
    assert answer == Answer("permissions", State.BAD, answer.text)
    assert "secret_key" in answer.text


def test_what_a_killed_instance_left_behind_is_not_served(now: datetime, var: Path) -> None:
    assert machine.run_folder(now).state is State.NOT_JUDGED
    me = processes.of_process(os.getpid(), "")
    assert me is not None
    processes.save(replace(me, started=me.started + 1), var / "run" / "supervisor.json")
    assert machine.run_folder(now).state is State.NOT_JUDGED
    processes.save(me, var / "run" / "web-server.json")
    assert machine.run_folder(now) == Answer("serving", State.GOOD, "web-server")


@pytest.mark.django_db
def test_a_zone_whose_scans_no_worker_takes_is_bad(now: datetime) -> None:
    assert data.zones(now).state is State.NOT_JUDGED
    zone = Zone.objects.create(name="factory")
    assert data.zones(now).state is State.GOOD
    Scan.objects.create(title="sweep", zone=zone, created_at=now)
    assert data.zones(now + timedelta(minutes=4)).state is State.GOOD
    answer = data.zones(now + timedelta(minutes=6))
    assert answer == Answer("zones", State.BAD, "scans wait and no worker takes them in: factory. Does one run there?")


@pytest.mark.django_db
def test_a_tick_that_did_not_run_in_time_is_bad(now: datetime, settings: Settings) -> None:
    settings.TICKS = [("discovery", "", 1), ("recount", "", 1440)]
    assert data.ticks(now).state is State.NOT_JUDGED
    for name in ("discovery", "recount"):
        TickRun.objects.create(name=name, started_at=now, finished_at=now)
    assert data.ticks(now + timedelta(minutes=2)).state is State.GOOD
    late = data.ticks(now + timedelta(minutes=4))
    assert late.state is State.BAD
    assert "discovery has not finished since 2026-11-23 09:41 UTC" in late.text
    assert "recount" not in late.text


@pytest.mark.django_db
def test_a_tick_that_failed_is_bad_with_its_last_line(now: datetime, settings: Settings) -> None:
    settings.TICKS = [("policy", "", 1)]
    TickRun.objects.create(
        name="policy", started_at=now, finished_at=now, error="Traceback …\nValueError: no such rule"
    )
    answer = data.ticks(now)
    assert answer == Answer("ticks", State.BAD, "policy failed: ValueError: no such rule")


@pytest.mark.django_db
def test_an_audit_chain_that_was_cut_is_bad(now: datetime, var: Path) -> None:
    digests = ["a" * 64, "b" * 64]
    lines = [json.dumps({"number": n, "digest": digest, "at": ""}) for n, digest in enumerate(digests, 1)]
    (var / "heads.jsonl").write_text("\n".join(lines) + "\n", encoding="ascii")
    AuditHead.objects.update_or_create(pk=1, defaults={"number": 2, "digest": digests[1]})
    assert data.audit_head(now).state is State.GOOD
    AuditHead.objects.update(number=1, digest=digests[0])
    assert data.audit_head(now).state is State.BAD


@pytest.mark.django_db
def test_a_missing_copy_of_the_audit_head_is_bad(now: datetime, var: Path) -> None:
    AuditHead.objects.update_or_create(pk=1, defaults={"number": 1, "digest": "a" * 64})
    assert "is missing" in data.audit_head(now).text


@pytest.mark.django_db
def test_somebody_must_be_able_to_administer(now: datetime, administrator: User) -> None:
    assert data.administrators(now).state is State.GOOD


@pytest.mark.django_db
def test_links_that_lead_elsewhere_are_bad(now: datetime, settings: Settings, organisation: Organisation) -> None:
    settings.BASE_URL = "https://certs.example.org"
    assert data.addresses(now).text == "links in mails begin with https://certs.example.org/"
    Organisation.objects.update(base_url="https://old.example.org")
    answer = data.addresses(now)
    assert answer.state is State.BAD
    assert "certdash.W005: The organisation's address is https://old.example.org" in answer.text
    assert "Links in mails begin with the first." in answer.text


def test_a_database_that_cannot_be_read_leaves_the_rest_not_judged(now: datetime) -> None:
    def zones(now: datetime) -> Answer:
        raise OperationalError("no such table: discovery_zone\nLINE 1: …")

    answer = data.reading(zones)(now)
    assert answer == Answer("zones", State.NOT_JUDGED, "the database cannot be read: no such table: discovery_zone")


def test_a_mail_server_that_does_not_answer_is_bad(now: datetime, settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", closed.getsockname()[1]
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        assert outside.mail(now).state is State.BAD


def test_without_a_mail_server_nothing_is_judged(now: datetime, settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    assert outside.mail(now).state is State.NOT_JUDGED


def test_a_clock_that_agrees_with_an_outside_one_is_good(now: datetime, clock_server: type[Clock]) -> None:
    assert outside.clock(now).state is State.GOOD


@pytest.mark.parametrize("apart", [timedelta(seconds=90), timedelta(days=-400)])
def test_a_clock_that_is_wrong_is_bad(now: datetime, clock_server: type[Clock], apart: timedelta) -> None:
    clock_server.ahead = apart
    assert outside.clock(now).state is State.BAD


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/", "http://127.0.0.1:1/"])
def test_a_clock_that_cannot_be_compared_is_not_judged(now: datetime, settings: Settings, url: Any) -> None:
    settings.CLOCK_URL = url
    assert outside.clock(now).state is State.NOT_JUDGED


@pytest.mark.django_db
def test_the_address_is_that_of_the_instance_that_runs(
    var: Path, organisation: Organisation, settings: Settings
) -> None:
    Organisation.objects.update(base_url="http://127.0.0.1:8001")
    settings.BASE_URL = "http://127.0.0.1:8000"
    assert data.addresses(timezone.now()).state is State.BAD
    me = processes.of_process(os.getpid(), "")
    assert me is not None
    for name in ("supervisor", "web-server"):
        processes.save(me, var / "run" / f"{name}.json")
    with serving.kept_address(var / "run", "http://127.0.0.1:8001"):
        assert data.addresses(timezone.now()).state is State.GOOD
        processes.save(replace(me, started=me.started - 1), var / "run" / "supervisor.json")
        assert data.addresses(timezone.now()).state is State.BAD


@pytest.mark.django_db
def test_endpoints_seen_in_the_future_are_told_with_their_cause(now: datetime) -> None:
    assert data.moments(now).state is State.GOOD
    make_endpoint("192.0.2.1", last_seen_at=now + timedelta(days=400))
    answer = data.moments(now)
    assert answer.state is State.BAD
    assert answer.text.startswith("1 endpoint was seen in the future: the clock was ahead.")


def test_letters_that_nobody_got_are_bad(db: None, now: datetime) -> None:
    assert data.letters(now).state is State.NOT_JUDGED
    values: dict[str, Any] = {
        "kind": "daily",
        "recipient": "o@example.org",
        "subject": "s",
        "body": "b",
        "next_try_at": now,
    }
    Letter.objects.create(key="sent", state="sent", sent_at=now, created_at=now, **values)
    assert data.letters(now).state is State.GOOD
    Letter.objects.create(key="waits", created_at=now - timedelta(minutes=59), **values)
    assert data.letters(now).state is State.GOOD
    Letter.objects.filter(key="waits").update(created_at=now - timedelta(minutes=61))
    Letter.objects.create(key="failed", state="failed", created_at=now, **values)
    answer = data.letters(now)
    assert answer.state is State.BAD
    assert answer.text == "1 letters failed, 1 wait for over an hour: see /alerts/letters/"
