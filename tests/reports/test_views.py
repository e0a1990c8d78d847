"""Reports on the web: asked for, watched, downloaded, and only by those who may see them."""

from __future__ import annotations

import gzip
import hashlib
import html
import re

import pytest
from django.test import Client

from accounts.models import AuditEvent, Organisation, Team, User
from certdash.lib.work import WorkStatus
from reports.models import Report
from reports.services import canonical, freeze_inventory
from tests.conftest import NOW
from tests.reports.estate import make_estate, make_hostile

HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def estate(organisation: Organisation, web_team: Team) -> None:
    make_estate(web_team, None, number=3)


@pytest.fixture
def report(operator: User) -> Report:
    make_hostile()
    data = canonical(freeze_inventory(operator, "", NOW))
    return Report.objects.create(
        title="Certificate inventory and expiry", requested_by=operator, status=WorkStatus.DONE, created_at=NOW,
        finished_at=NOW, taken_at=NOW, data=gzip.compress(data, mtime=0), data_sha256=hashlib.sha256(data).hexdigest(),
        pdf=b"%PDF-1.7 made", pdf_sha256="a" * 64, pdf_size=13,
    )  # fmt: skip


PAGES = ["", "preview/", "report.pdf", "data.json"]


@pytest.mark.parametrize(
    ("person", "status"), [("operator", 200), ("auditor", 200), ("viewer", 404), ("stranger", 404)]
)
@pytest.mark.parametrize("path", PAGES)
def test_a_report_is_its_authors_and_of_those_who_see_everything(
    path: str, person: str, status: int, client: Client, report: Report, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(person))
    assert client.get(f"/reports/{report.pk}/{path}").status_code == status
    assert AuditEvent.objects.filter(verb="report.downloaded").exists() == (status == 200 and "." in path)


def test_others_do_not_see_it_in_the_list(client: Client, report: Report, operator: User, stranger: User) -> None:
    for user, count in ((operator, 1), (stranger, 0)):
        client.force_login(user)
        assert len(client.get("/reports/").context["reports"]) == count


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [("report.pdf", "application/pdf", "pdf"), ("data.json", "application/json", "json")],
)
def test_a_download_is_a_file_that_no_cache_keeps(
    path: str, kind: str, name: str, client: Client, report: Report, operator: User
) -> None:
    client.force_login(operator)
    answer = client.get(f"/reports/{report.pk}/{path}")
    assert answer["Content-Type"] == kind
    assert answer["Content-Disposition"] == f'attachment; filename="certdash-inventory-{report.pk}.{name}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"] or "private" in answer["Cache-Control"]
    event = AuditEvent.objects.get(verb="report.downloaded")
    assert (event.actor_email, event.subject_id, event.after) == (
        operator.email, str(report.pk), {"what": "pdf" if name == "pdf" else "data"},
    )  # fmt: skip


def test_the_downloaded_data_has_the_hash_of_the_cover(client: Client, report: Report, operator: User) -> None:
    client.force_login(operator)
    data = client.get(f"/reports/{report.pk}/data.json").content
    assert hashlib.sha256(data).hexdigest() == report.data_sha256
    preview = client.get(f"/reports/{report.pk}/preview/")
    assert preview.context["data_sha256"] == report.data_sha256


def test_the_preview_is_inert(client: Client, report: Report, operator: User) -> None:
    client.force_login(operator)
    page = client.get(f"/reports/{report.pk}/preview/").content.decode()
    for harm in ("<script>alert", "<img src=", "</style>", "\u202e", "\x00", "\x07"):
        assert harm not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "‹U+202E›" in page


def test_what_is_not_made_yet_cannot_be_downloaded(client: Client, report: Report, operator: User) -> None:
    client.force_login(operator)
    Report.objects.update(status=WorkStatus.RUNNING, data=None, pdf=None)
    assert client.get(f"/reports/{report.pk}/").status_code == 200
    for path in PAGES[1:]:
        assert client.get(f"/reports/{report.pk}/{path}").status_code == 404


@pytest.mark.parametrize("status", [WorkStatus.QUEUED, WorkStatus.RUNNING])
def test_an_open_report_asks_for_itself_again_and_a_finished_one_does_not(
    status: str, client: Client, report: Report, operator: User
) -> None:
    client.force_login(operator)
    url = f"/reports/{report.pk}/"
    assert f'hx-get="{url}"' not in client.get(url, headers=HTMX).content.decode()
    Report.objects.update(status=status, pdf_size=0)
    part = client.get(url, headers=HTMX).content.decode()
    assert f'hx-get="{url}"' in part
    assert "<html" not in part


def test_a_failed_report_says_why(client: Client, report: Report, operator: User) -> None:
    Report.objects.update(status=WorkStatus.FAILED, error="Its process was <b>ended</b>.", pdf=None, pdf_size=0)
    client.force_login(operator)
    assert "Its process was &lt;b&gt;ended&lt;/b&gt;." in client.get(f"/reports/{report.pk}/").content.decode()


def test_everybody_may_ask_for_a_report_of_what_they_see(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get("/reports/new/?status=expired&team=web").context["form"]["filter"].value() == (
        "status=expired&team=web"
    )
    answer = client.post("/reports/new/", {"kind": "inventory", "filter": "?status=expired&team=web"})
    report = Report.objects.get()
    assert answer.headers["Location"] == f"/reports/{report.pk}/"
    assert (report.requested_by, report.filter) == (viewer, "status=expired&team=web")


@pytest.mark.parametrize("query", ["status=lost", "unheard=1", "team=payments"])
def test_a_scope_that_is_not_understood_is_said_beside_the_field(query: str, client: Client, viewer: User) -> None:
    client.force_login(viewer)
    answer = client.post("/reports/new/", {"kind": "inventory", "filter": query})
    assert answer.status_code == 422
    assert "Filter “" in str(answer.context["form"].errors["filter"])
    assert not Report.objects.exists()


@pytest.mark.parametrize("path", ["/", "/?scope=mine", "/reports/", "/reports/new/"])
def test_pages_are_whole_without_htmx(path: str, client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert "</html>" in client.get(path).content.decode()


def test_the_overview_refreshes_only_itself(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    part = client.get("/?scope=mine", headers=HTMX).content.decode()
    assert part.lstrip().startswith('<div id="overview"')
    assert 'hx-get="/?scope=mine"' in part
    assert "<html" not in part


def hrefs(page: str, words: str) -> list[str]:
    """Where the links with these words lead."""
    return [html.unescape(url) for url in re.findall(rf'href="([^"]*)">\s*{words}\s*</a>', page)]


def test_every_way_on_from_the_overview_of_my_teams_keeps_to_them(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    mine, everyone = (client.get(path).content.decode() for path in ("/?scope=mine", "/"))
    assert hrefs(mine, "All by expiry") == ["/certificates/?in_use=yes&team=web"]
    assert hrefs(mine, "All of my teams") == ["/findings/?team=web"]
    assert hrefs(mine, "All issuers of everyone") == ["/issuers/"]
    assert hrefs(everyone, "All by expiry") == ["/certificates/?in_use=yes"]
    assert hrefs(everyone, "All findings") == ["/findings/"]
    lists = re.findall(r'href="/(?:certificates|endpoints|findings)/\?([^"]*)"', mine)
    assert lists
    assert [query for query in lists if "team=web" not in query] == []


@pytest.mark.parametrize(
    ("person", "words"), [("administrator", "No scan yet."), ("viewer", "No scan that you may see.")]
)
def test_the_overview_does_not_deny_scans_that_the_person_may_not_see(
    person: str, words: str, client: Client, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(person))
    assert words in client.get("/").content.decode()
