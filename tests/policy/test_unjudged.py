"""What could not be judged is kept: why, since when, and only as long as nobody can say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from inventory.models import Certificate, Endpoint
from policy.models import EVERY_RULE, Finding, Unjudged
from policy.rules import CATALOGUE, ENDPOINT_RULES, Bad, Good, NotApplicable, NotJudged, Subject, Verdict
from policy.services import call_for_gone_rules
from policy.services.findings import keep
from policy.snapshot import panel_of_endpoint
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint
from tests.policy.looks import DAY, HOUR, finding, issue, judge, look, node, open_rules, row, trust_root

SILENT = NotJudged("Silent.")
pytestmark = pytest.mark.django_db


@pytest.fixture
def pk() -> int:
    return make_certificate().pk


def say(pk: int, verdict: Verdict, now: datetime, rule: str = "weak_key") -> None:
    keep(Subject.CERTIFICATE, {pk: {rule: verdict}}, now)


def test_a_rule_that_could_not_be_judged_is_kept_with_its_reason_and_its_first_day(pk: int) -> None:
    say(pk, SILENT, NOW)
    say(pk, SILENT, NOW + DAY)
    kept = Unjudged.objects.get()
    assert (kept.rule, kept.certificate_id, kept.endpoint_id) == ("weak_key", pk, None)
    assert (kept.reason, kept.since) == ("Silent.", NOW)
    assert not Finding.objects.exists()


def test_another_reason_is_written_and_the_first_day_stays(pk: int) -> None:
    say(pk, SILENT, NOW)
    before = Unjudged.objects.get()
    say(pk, NotJudged("Unheard of."), NOW + DAY)
    after = Unjudged.objects.get()
    assert (after.pk, after.reason, after.since) == (before.pk, "Unheard of.", NOW)


@pytest.mark.parametrize("verdict", [Good(), Bad("Bad."), NotApplicable("replaced")])
def test_it_goes_when_the_rule_is_judged_and_begins_anew_when_it_is_not_again(pk: int, verdict: Verdict) -> None:
    say(pk, SILENT, NOW, "sha1_signature")
    say(pk, SILENT, NOW)
    say(pk, verdict, NOW + DAY)
    assert Unjudged.objects.get().rule == "sha1_signature"
    say(pk, SILENT, NOW + 2 * DAY)
    assert Unjudged.objects.get(rule="weak_key").since == NOW + 2 * DAY


def test_the_same_verdicts_again_write_nothing() -> None:
    pks = [make_endpoint(f"192.0.2.{n}").pk for n in range(20)]
    verdicts = {pk: {"old_tls": SILENT, "wrong_name": NotJudged(f"Name {pk}.")} for pk in pks}
    keep(Subject.ENDPOINT, verdicts, NOW)
    assert Unjudged.objects.count() == 40
    with CaptureQueriesContext(connection) as captured:
        keep(Subject.ENDPOINT, verdicts, NOW + DAY)
    assert [query["sql"].split()[0] for query in captured] == ["SELECT", "SELECT"]


def test_a_long_and_hostile_reason_fits_into_the_row_and_is_visible(pk: int) -> None:
    say(pk, NotJudged("a\0b\u202e" + "x" * 2000), NOW)
    kept = Unjudged.objects.get()
    kept.full_clean()
    assert kept.reason.startswith("a‹U+0000›b‹U+202E›xxx")
    assert kept.reason.endswith("…")


def test_who_does_not_see_the_thing_does_not_see_what_of_it_was_not_judged(
    web_team: Team, other_team: Team, viewer: User, auditor: User
) -> None:
    for at, team in enumerate((web_team, other_team)):
        say(make_certificate(owner_team=team).pk, SILENT, NOW)
        keep(Subject.ENDPOINT, {make_endpoint(f"192.0.2.{at}", owner_team=team).pk: {"old_tls": SILENT}}, NOW)
    assert Unjudged.objects.visible_to(auditor).count() == 4
    seen = Unjudged.objects.visible_to(viewer)
    assert {(kept.certificate or kept.endpoint).owner_team for kept in seen} == {web_team}  # type: ignore[union-attr]
    assert seen.count() == 2


def test_silence_leaves_every_rule_of_the_node_unjudged_until_it_answers_again() -> None:
    trust_root()
    look(issued := issue(), NOW)
    judge(NOW)
    assert not Unjudged.objects.exists()
    look(None, NOW + HOUR)
    judge(NOW + HOUR)
    kept = Unjudged.objects.get()
    assert (kept.rule, kept.endpoint, kept.since) == (EVERY_RULE, node(), NOW + HOUR)
    look(issued, NOW + 2 * HOUR)
    judge(NOW + 2 * HOUR)
    assert not Unjudged.objects.exists()


def test_a_panel_names_every_rule_of_a_silent_node(auditor: User) -> None:
    look(None, NOW)
    judge(NOW)
    gap = panel_of_endpoint(node(), auditor, NOW).gaps[0]
    assert set(gap.titles) == {CATALOGUE[code].title for code in ENDPOINT_RULES}
    assert gap.since == NOW


def test_a_rule_that_was_not_judged_before_the_silence_keeps_its_first_day_through_it() -> None:
    trust_root()
    look(issued := issue(), NOW, name="")
    judge(NOW)
    assert set(node().unjudged.values_list("rule", "since")) == {("wrong_name", NOW)}
    look(None, NOW + HOUR, name="")
    judge(NOW + HOUR)
    assert set(node().unjudged.values_list("rule", "since")) == {
        (EVERY_RULE, NOW + HOUR),
        ("wrong_name", NOW),
    }
    assert len(set(node().unjudged.values_list("reason", flat=True))) == 1
    look(issued, NOW + 2 * HOUR, name="")
    judge(NOW + 2 * HOUR)
    assert set(node().unjudged.values_list("rule", "since")) == {("wrong_name", NOW)}


def test_what_is_still_not_judged_when_the_node_answers_again_is_so_since_the_silence() -> None:
    look(None, NOW)
    judge(NOW)
    look(issue(), NOW + HOUR, version="")
    judge(NOW + HOUR)
    assert dict(node().unjudged.values_list("rule", "since"))["old_tls"] == NOW
    assert not node().unjudged.filter(rule=EVERY_RULE).exists()


def test_each_rule_of_a_silent_node_is_counted_once_whatever_rows_it_has(pk: int) -> None:
    about = make_endpoint().pk
    keep(Subject.ENDPOINT, {about: {"old_tls": NotJudged("Unheard of.")}}, NOW)
    say(pk, SILENT, NOW)
    keep(Subject.ENDPOINT, {about: dict.fromkeys(ENDPOINT_RULES, SILENT)}, NOW + HOUR)
    told = Unjudged.objects.each_once()
    assert sorted(told.values_list("rule", "certificate", "endpoint")) == [
        (EVERY_RULE, None, about),
        ("weak_key", pk, None),
    ]


def test_rows_of_a_version_that_kept_one_for_each_rule_stay_as_they_are() -> None:
    about = make_endpoint().pk
    for rule in ENDPOINT_RULES:
        Unjudged.objects.create(rule=rule, endpoint_id=about, reason="Silent.", since=NOW)
    keep(Subject.ENDPOINT, {about: dict.fromkeys(ENDPOINT_RULES, SILENT)}, NOW + HOUR)
    assert set(Unjudged.objects.values_list("rule", "since")) == {(rule, NOW) for rule in ENDPOINT_RULES}


def test_evidence_that_became_too_old_is_not_judged_from_that_moment_on() -> None:
    trust_root()
    look(issue(), NOW)
    judge(NOW)
    judge(NOW + 2 * DAY)
    assert set(node().unjudged.values_list("since", flat=True)) == {NOW + 2 * DAY}


@pytest.mark.parametrize("model", [Certificate, Endpoint])
def test_findings_of_a_rule_that_does_not_exist_any_more_are_closed_with_a_word_of_their_own(
    model: type[Certificate | Endpoint],
) -> None:
    look(issued := issue(), NOW)
    judge(NOW)
    about = row(issued) if model is Certificate else node()
    column = "certificate" if model is Certificate else "endpoint"
    Finding.objects.create(
        rule="bygone", severity=4, sentence="So.", opened_at=NOW, confirmed_at=NOW, **{column: about}
    )
    call_for_gone_rules(NOW + HOUR)
    judge(NOW + HOUR)
    closed = finding("bygone", about)
    assert (closed.closed_at, closed.closing) == (NOW + HOUR, "rule_off")
    assert "bygone" not in open_rules(about)
    assert row(issued).worst_severity < 4
    call_for_gone_rules(NOW + 2 * HOUR)
    assert not model.objects.filter(judge_at=NOW + 2 * HOUR).exists()


def test_what_of_a_rule_that_does_not_exist_any_more_was_not_judged_is_forgotten(pk: int) -> None:
    Unjudged.objects.create(rule="bygone", certificate_id=pk, reason="So.", since=NOW - timedelta(days=9))
    say(pk, Good(), NOW)
    assert not Unjudged.objects.exists()
