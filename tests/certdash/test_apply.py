"""Applying configuration files: all or nothing, once, by the services, with everything in the audit."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import AuditEvent, Organisation, SavedView, Team, User
from accounts.services import verify_stored
from certdash.management.commands import apply as command
from discovery.models import Network, Source, Zone
from inventory.models import OwnershipRule, TrustStore
from reports.models import Schedule
from tests.certdash.declaring import apply, example, put_roots, told
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db

TEAM = "teams:\n  - name: Web\n"
NETWORK = "networks:\n  - cidr: 127.3.0.0/24\n    special: true\n    owner: Web\n"
RULES = """
teams:
  - name: Web
ownership_rules:
  - {name: first, if_name: "*.a.example.org", team: Web}
  - {name: second, if_name: "*", environment: test}
"""


def run(path: Path, *options: str) -> tuple[int, str, str]:
    """Exit status, output, complaints."""
    out, complaints = io.StringIO(), io.StringIO()
    try:
        call_command("apply", str(path), *options, stdout=out, stderr=complaints)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue(), complaints.getvalue()
    return 0, out.getvalue(), complaints.getvalue()


def test_the_example_of_the_documentation_is_applied_in_whole(tmp_path: Path, make_user: MakeUser) -> None:
    make_user("ada@example.org")
    put_roots(tmp_path)
    outcome = apply(example(), tmp_path)
    assert outcome.problems == []
    assert Organisation.objects.get().timezone == "Europe/Zurich"
    assert {team.name: sorted(user.email for user in team.members.all()) for team in Team.objects.all()} == {
        "Web": ["ada@example.org", "olga@example.org"],
        "Payments": [],
    }
    assert set(outcome.invited) == {"olga@example.org"}
    assert not User.objects.get(email="olga@example.org").has_usable_password()
    assert Network.objects.get(is_excluded=True).cidr == "127.20.99.0/24"
    assert Network.objects.get(zone__name="dmz").owner_team == Team.objects.get(name="Payments")
    source = Source.objects.get(name="Data centre")
    assert (source.every_seconds, source.targets, str(source.quiet_from)) == (
        86_400,
        "127.20.0.0/24\n127.20.1.0/24",
        "08:00:00",
    )
    assert list(OwnershipRule.objects.values_list("name", flat=True)) == ["payment names", "the data centre"]
    assert "BEGIN CERTIFICATE" in TrustStore.objects.get().pem
    view = SavedView.objects.get(team__name="Web")
    assert (view.columns, view.audience, SavedView.objects.count()) == (["name", "expires", "owner"], "team", 2)
    monday, monthly = Schedule.objects.order_by("name")
    assert (monday.view.name if monday.view else "", monday.person.email) == ("Expires soon", "ada@example.org")
    assert monthly.team == view.team
    assert monthly.next_run_at


def test_a_second_time_nothing_is_changed_and_nothing_is_noted(tmp_path: Path, make_user: MakeUser) -> None:
    make_user("ada@example.org")
    put_roots(tmp_path)
    apply(example(), tmp_path)
    events = AuditEvent.objects.count()
    outcome = apply(example(), tmp_path)
    assert (outcome.changes, outcome.problems, outcome.invited) == ([], [], {})
    assert AuditEvent.objects.count() == events


def test_each_change_names_the_command_line_and_the_digest_of_the_file() -> None:
    apply(TEAM)
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor) == ("team.created", None)
    assert event.actor_email.startswith("apply: command line (tester), file ")
    assert len(event.actor_email.rpartition(" ")[2]) == 64


def test_a_check_changes_nothing_and_the_chain_stays_whole(
    settings: Settings, tmp_path: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    settings.AUDIT_HEADS = tmp_path / "heads.jsonl"
    with django_capture_on_commit_callbacks(execute=True):
        apply(TEAM)
    outcome = apply(RULES.replace("Web", "Other"), check=True)
    assert told(outcome) == ["created teams Other", "created ownership_rules first", "created ownership_rules second"]
    assert (Team.objects.count(), OwnershipRule.objects.count(), AuditEvent.objects.count()) == (1, 0, 1)
    assert verify_stored()[0].faults == []


def test_one_refusal_undoes_the_whole_file_and_all_refusals_are_told() -> None:
    apply("teams: [{name: Old}]\n")
    file = f"""{TEAM}    members: [nobody@example.org]
  - name: Other
    contact: no address
networks:
  - cidr: 127.3.0.0/24
    owner: Old
sources:
  - name: s
    targets: [127.4.0.1]
    owner: Nobody
"""
    outcome = apply(file)
    said = [str(problem) for problem in outcome.problems]
    assert [line.partition(":")[0] for line in said] == ["line 3", "line 4", "line 7", "line 10"]
    assert "Nobody has an account with nobody@example.org" in said[0]
    assert "contact_email" in said[1]
    assert "is a loopback network: confirm below that you mean it" in said[2]
    assert "There is no team “Nobody”" in said[3]
    assert (Team.objects.count(), AuditEvent.objects.count()) == (1, 1)


def test_what_only_follows_from_another_refusal_is_not_told() -> None:
    source = "sources: [{name: s, targets: [127.3.0.1], owner: Web}]\n"
    rule = "ownership_rules: [{name: r, if_name: x, team: Web}]\n"
    said = apply(f"{TEAM}    members: [nobody@example.org]\n{NETWORK}{source}{rule}").problems
    assert [problem.line for problem in said] == [3]


def test_what_a_page_would_refuse_is_refused_here() -> None:
    """A source needs networks that allow it, a rule needs something that it sets, a root must be one."""
    source = "sources: [{name: s, targets: [127.9.0.1], owner: Web}]\n"
    others = "ownership_rules: [{name: r, if_name: x}]\ntrust_stores: [{name: t, pem: no pem}]\n"
    said = " ".join(str(problem) for problem in apply(TEAM + NETWORK + source + others).problems)
    assert "is in no network that may be probed" in said
    assert "Choose at least one thing that the rule sets" in said
    assert "pem: " in said
    assert not Network.objects.exists()


def test_hidden_characters_are_refused() -> None:
    (problem,) = apply('teams:\n  - name: "We\\u202Eb"\n    short_name: web\n').problems
    assert "characters that nobody sees" in problem.sentence


def test_what_is_not_named_keeps_its_value(web_team: Team, make_user: MakeUser) -> None:
    make_user("ada@example.org", "viewer", web_team)
    outcome = apply("teams:\n  - name: Web\n    description: Sites\n")
    assert outcome.changes[0].after == {"description": "Sites"}
    web_team.refresh_from_db()
    assert (web_team.contact_email, web_team.description, web_team.members.count()) == ("web@example.org", "Sites", 1)


def test_members_are_exactly_those_of_the_file(web_team: Team, make_user: MakeUser) -> None:
    make_user("ada@example.org", "viewer", web_team)
    make_user("olga@example.org", "viewer")
    apply(TEAM + "    members: [Olga@Example.org]\n")
    assert [user.email for user in web_team.members.all()] == ["olga@example.org"]
    event = AuditEvent.objects.get(verb="team.changed")
    assert (event.before, event.after) == ({"members": ["ada@example.org"]}, {"members": ["olga@example.org"]})


def test_rules_follow_the_order_of_the_file() -> None:
    apply(RULES)
    lines = RULES.strip().split("\n")
    outcome = apply("\n".join([*lines[:3], lines[4], lines[3]]))
    assert told(outcome) == ["ordered ownership_rules"]
    assert [rule.name for rule in OwnershipRule.objects.all()] == ["second", "first"]
    assert AuditEvent.objects.latest("number").verb == "ownershiprules.ordered"


def test_prune_removes_what_is_not_named_and_what_names_it_first() -> None:
    apply(f"{RULES}{NETWORK}sources: [{{name: s, targets: [127.3.0.1], owner: Web}}]\nzones: [{{name: dmz}}]\n")
    sections = ("teams", "zones", "networks", "sources", "ownership_rules")
    outcome = apply("".join(f"{name}: {{prune: true, items: []}}\n" for name in sections))
    assert (len(outcome.changes), outcome.problems) == (6, [])
    rest = [model.objects.count() for model in (Team, Network, Source, OwnershipRule)]
    assert (rest, list(Zone.objects.values_list("name", flat=True))) == ([0, 0, 0, 0], ["default"])


def test_views_and_schedules_are_changed_and_removed(make_user: MakeUser) -> None:
    make_user("ada@example.org")
    view = "saved_views: [{page: certificates, name: Soon, filter: status=expired, columns: [name]}]\n"
    schedule = "report_schedules: [{name: r, for: Ada@example.org, view: Soon, every: day}]\n"
    assert apply(view + schedule).problems == []
    outcome = apply(view.replace("expired", "expiring") + schedule.replace("day", "month, day: 31"))
    assert [change.after for change in outcome.changes] == [
        {"filter": "status=expiring"},
        {"every": "month", "day": 31},
    ]
    assert SavedView.objects.get().columns == ["name"]
    refused = [str(problem) for problem in apply(schedule.replace("Soon", "Late").replace("r,", "s,")).problems]
    assert "ada@example.org has no saved view “Late” of certificates." in refused[0]
    sections = ("saved_views", "report_schedules")
    assert apply("".join(f"{name}: {{prune: true, items: []}}\n" for name in sections)).problems == []
    assert (SavedView.objects.count(), Schedule.objects.count()) == (0, 0)
    verbs = set(AuditEvent.objects.values_list("verb", flat=True))
    assert verbs == {f"{noun}.{done}" for noun in ("view", "schedule") for done in ("changed", "deleted")} | {
        "view.saved",
        "schedule.created",
    }


def test_a_team_that_owns_something_is_kept() -> None:
    apply(TEAM + NETWORK)
    (problem,) = apply("teams: {prune: true, items: []}\n").problems
    assert "The team Web owns 1 network" in problem.sentence
    assert Team.objects.exists()


def test_exit_status_and_words(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(TEAM)
    assert run(path, "--check")[:2] == (2, "teams:\n  + Web\n1 change: 1 created.\nThis would be changed.\n")
    assert run(path)[0] == 0
    assert run(path, "--check")[:2] == (0, "Nothing to change.\n")
    path.write_text(TEAM + "    contact: new@example.org\n")
    assert "~ Web: contact “” → “new@example.org”" in run(path)[1]
    path.write_text("teams:\n  - nam: Web\n")
    status, _out, complaints = run(path)
    assert status == 1
    assert f"{path}, line 2: teams[0] has no “nam”; did you mean “name”?" in complaints


def test_as_json(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(TEAM)
    status, out, _complaints = run(path, "--check", "--json")
    said = json.loads(out)
    assert (status, said["applied"], said["errors"]) == (2, False, [])
    assert said["changes"][0] == {
        "section": "teams", "item": "Web", "kind": "created", "line": 2, "before": {}, "after": {"name": "Web"},
    }  # fmt: skip
    path.write_text("x: 1\n")
    status, out, _complaints = run(path, "--json")
    assert (status, json.loads(out)["errors"][0]["line"]) == (1, 1)


def test_invitations_are_sent_once_everything_stands(
    tmp_path: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(TEAM + "    members: [{email: new@example.org, invite: true, role: operator}]\n")
    assert run(path, "--check")[0] == 2
    assert (mail.outbox, User.objects.count()) == ([], 0)
    assert run(path)[0] == 0
    assert [message.to for message in mail.outbox] == [["new@example.org"]]
    assert User.objects.get().role == "operator"
    assert run(path)[0] == 0
    assert len(mail.outbox) == 1


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run(tmp_path / "nothing.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"teams:\n  - name: \xff\n")
    assert "line 2: This is no UTF-8." in run(path)[2]
    path.write_bytes(b"#" * (command.MOST_BYTES + 1))
    with pytest.raises(CommandError, match="more than"):
        run(path)


def test_what_people_wrote_before_is_shown_without_hidden_characters(web_team: Team, tmp_path: Path) -> None:
    Team.objects.update(description="a\u202eb\x1b[31m")
    path = tmp_path / "file.yaml"
    path.write_text("teams: [{name: Web, description: plain}]\n")
    out = run(path)[1]
    assert "‹U+202E›" in out
    assert "\x1b" not in out
