"""Mail the owners of what is filtered: a preview that binds, one letter for each owner with their things alone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Membership, Organisation, Role, Team, User
from alerts.models import Letter, Mailing
from alerts.services import mailings, resume_mailings, send_letters, sort_by_owner, write_letter, write_mailing
from certdash.lib.work import LEASE
from tests.conftest import MakeUser
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db

PAGE = "/certificates/mail/"


@pytest.fixture(autouse=True)
def _house(organisation: Organisation) -> None:
    Organisation.objects.update(base_url="https://certdash.example.org")


@pytest.fixture
def estate(web_team: Team, other_team: Team, make_user: MakeUser, operator: User) -> dict[str, Any]:
    """Five owners: a team with an address, a person, a team without one, a team of nobody, and none."""
    now = timezone.now()
    mute = Team.objects.create(name="Mute", slug="mute")
    empty = Team.objects.create(name="Empty", slug="empty")
    people = [make_user(f"m{n}@example.org", Role.VIEWER, mute) for n in range(2)]
    User.objects.filter(pk=people[1].pk).update(is_active=False)
    rows = {
        "web": make_certificate("web.example.org", now=now, owner_team=web_team),
        "olga": make_certificate("olga.example.org", now=now, owner_team=web_team, owner_person=operator),
        "closed": make_certificate("closed.example.org", now=now, owner_team=web_team, owner_person=people[1]),
        "pay": make_certificate("pay.example.org", now=now, owner_team=other_team),
        "mute": make_certificate("mute.example.org", now=now, owner_team=mute),
        "empty": make_certificate("empty.example.org", now=now, owner_team=empty),
        "nobody": make_certificate("nobody.example.org", now=now),
    }
    return {"now": now, **rows}


def send(client: Client, query: str = "", **changes: str) -> Any:
    page = client.get(f"{PAGE}?{query}").content.decode()
    digest = re.search(r'name="digest" value="(\w*)"', page)
    sent = {"filter": query, "subject": "Renew", "message": "Please renew.", "digest": digest[1] if digest else ""}
    return client.post(f"{PAGE}?{query}", {**sent, **changes})


def write() -> Mailing:
    mailing = Mailing.objects.get()
    write_mailing(mailing.pk, "test", timezone.now)
    mailing.refresh_from_db()
    return mailing


def test_each_owner_gets_their_own_things(client: Client, administrator: User, estate: dict[str, Any]) -> None:
    client.force_login(administrator)
    page = client.get(PAGE).content.decode()
    assert "1 certificate has no owner: nobody is told of it." in page
    assert "No mail reaches the team Empty (1)" in page
    assert send(client).status_code == 302
    assert write().status == "done"
    send_letters(timezone.now, 10)
    got = {message.to[0]: set(re.findall(r"- (\w+)\.example", str(message.body))) for message in mail.outbox}
    assert got == {
        "web@example.org": {"web", "closed"},
        "olga@example.org": {"olga"},
        "pay@example.org": {"pay"},
        "m0@example.org": {"mute"},
    }
    (letter,) = (message for message in mail.outbox if message.to == ["pay@example.org"])
    assert letter.subject == "Renew"
    assert str(letter.body).startswith("Please renew.\n\n- pay.example.org: 59 days left")
    assert f"https://certdash.example.org/certificates/{estate['pay'].pk}/" in letter.body
    assert "Written by ada@example.org to the owners" in letter.body
    told = client.get(f"/certificates/{estate['pay'].pk}/told/").content.decode()
    assert "pay@example.org" in told
    told_by = Letter.objects.get(recipient="pay@example.org")
    assert f'<a href="/alerts/letters/{told_by.pk}/">Renew</a>' in told
    assert "nobody can be told" not in told


def test_one_event_tells_of_it(client: Client, administrator: User, estate: dict[str, Any]) -> None:
    client.force_login(administrator)
    send(client, "q=example")
    event = AuditEvent.objects.get(verb="mailing.requested")
    assert event.after["letters"] == 4
    assert event.after["certificates"] == 5
    assert event.after["digest"] == Mailing.objects.get().digest
    assert event.after["filter"] == "q=example"


def test_operators_write_only_to_owners_of_what_they_see(
    client: Client, operator: User, estate: dict[str, Any]
) -> None:
    client.force_login(operator)
    page = client.get(PAGE).content.decode()
    for hidden in ("pay", "mute", "Empty", "m0@"):
        assert hidden not in page
    assert send(client).status_code == 302
    write()
    assert sorted(Letter.objects.values_list("recipient", flat=True)) == ["olga@example.org", "web@example.org"]
    # Another team asked for by name is called unknown.
    assert "not known" in client.get(f"{PAGE}?team=payments").content.decode()


def test_only_what_was_looked_at_is_mailed(client: Client, administrator: User, estate: dict[str, Any]) -> None:
    client.force_login(administrator)
    answer = send(client, digest="0" * 64)
    assert answer.status_code == 422
    assert "Meanwhile the filter finds something else" in answer.content.decode()
    assert send(client).status_code == 302
    estate["nobody"].owner_team = Team.objects.get(slug="web")
    estate["nobody"].save()
    assert write().status == "failed"
    assert not Letter.objects.exists()


@pytest.mark.parametrize(
    "loss", [{"role": Role.AUDITOR}, {"is_active": False}, {"ends_at": timezone.now() - timedelta(days=9)}]
)
def test_an_author_who_may_not_any_more_mails_nobody(
    client: Client, administrator: User, estate: dict[str, Any], loss: dict[str, Any]
) -> None:
    client.force_login(administrator)
    send(client)
    User.objects.filter(pk=administrator.pk).update(**loss)
    assert write().status == "failed"
    assert not Letter.objects.exists()


@pytest.mark.parametrize("field", ["subject", "message"])
def test_hidden_characters_and_headers_are_refused(
    client: Client, administrator: User, estate: dict[str, Any], field: str
) -> None:
    client.force_login(administrator)
    assert send(client, **{field: "a\u202eb"}).status_code == 422
    send(client, subject="a\r\nBcc: eve@example.org")
    assert not Mailing.objects.filter(subject__contains="\n").exists()


def test_somebody_who_writes_too_often_waits(client: Client, administrator: User, estate: dict[str, Any]) -> None:
    client.force_login(administrator)
    for _n in range(mailings.MOST_AN_HOUR):
        assert send(client).status_code == 302
    answer = send(client)
    assert answer.status_code == 422
    assert "5 times within an hour" in answer.content.decode()


def test_too_many_things_are_narrowed_first(
    client: Client, administrator: User, estate: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "MOST_THINGS", 3)
    client.force_login(administrator)
    assert "More than 3 certificates match. Narrow the filter first." in client.get(PAGE).content.decode()


def test_a_worker_that_died_is_gone_on_with_and_nobody_is_told_twice(
    client: Client, administrator: User, estate: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(administrator)
    send(client)
    mailing, real = Mailing.objects.get(), write_letter
    written: list[bool] = []

    def deadly(*given: Any, **more: Any) -> bool:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(real(*given, **more))
        return True

    monkeypatch.setattr(mailings, "write_letter", deadly)
    with pytest.raises(KeyboardInterrupt):
        write_mailing(mailing.pk, "dying", timezone.now)
    monkeypatch.setattr(mailings, "write_letter", real)
    assert Letter.objects.count() == 2
    assert resume_mailings(timezone.now()) == 0
    later = timezone.now() + LEASE + timedelta(seconds=1)
    assert resume_mailings(later) == 1
    write_mailing(mailing.pk, "next", lambda: later)
    assert Letter.objects.count() == 4
    assert Mailing.objects.get().status == "done"


def test_the_digest_names_addresses_and_things(administrator: User, estate: dict[str, Any]) -> None:
    first = sort_by_owner("", administrator, estate["now"]).digest
    assert sort_by_owner("", administrator, estate["now"]).digest == first
    Team.objects.filter(slug="web").update(contact_email="new@example.org")
    assert sort_by_owner("", administrator, estate["now"]).digest != first
    Membership.objects.all().delete()
    assert sort_by_owner("team=mute", administrator, estate["now"]).unreachable == {"Mute": 1}


def test_what_is_ticked_is_mailed_and_nothing_else(client: Client, estate: dict[str, Any], administrator: User) -> None:
    client.force_login(administrator)
    ticked = [estate["web"].pk, estate["nobody"].pk]
    page = client.post(PAGE, {"pk": ticked, "query": "status=expired", "kind": "x"})
    shown = page.content.decode()
    assert page.status_code == 200
    assert "2 certificates were ticked" in shown
    assert "web.example.org" in shown
    assert "pay.example.org" not in shown
    assert not Mailing.objects.exists()
    hidden = {name: page.context["form"][name].value() for name in ("filter", "chosen", "digest")}
    sent = {**hidden, "subject": "Renew", "message": "Please renew."}
    assert client.post(PAGE, {**sent, "chosen": str(estate["pay"].pk)}).status_code == 422
    assert client.post(PAGE, sent).status_code == 302
    assert write().chosen == sorted(ticked)
    assert [letter.subject for letter in Letter.objects.all()] == ["Renew"]
    assert "web.example.org" in Letter.objects.get().body
    assert AuditEvent.objects.get(verb="mailing.requested").after["chosen"] == 2


def test_ticks_of_others_none_and_nonsense_mail_nobody(
    client: Client, estate: dict[str, Any], operator: User, administrator: User
) -> None:
    client.force_login(operator)
    page = client.post(PAGE, {"pk": [estate["pay"].pk]})
    assert "pay.example.org" not in page.content.decode()
    assert "Nobody would get a mail" in page.content.decode()
    assert "Nothing was ticked" in client.post(PAGE, {"query": ""}).content.decode()
    assert "not understood" in client.post(PAGE, {"pk": ["1 2", "x"]}).content.decode()
    assert "7 certificates match" in all_of(client, administrator)


def all_of(client: Client, administrator: User) -> str:
    client.force_login(administrator)
    answer: str = client.post(PAGE, {"scope": "all", "query": "", "pk": ["1"]}).content.decode()
    return answer


def test_the_bar_below_the_list_leads_there(client: Client, estate: dict[str, Any], operator: User) -> None:
    client.force_login(operator)
    assert f'formaction="{PAGE}"' in client.get("/certificates/").content.decode()
    assert f'formaction="{PAGE}"' not in client.get("/endpoints/").content.decode()
