from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from inventory.models import Certificate, Domain, DomainCertificate
from inventory.models.totals import DOMAIN, DOMAIN_IN_USE
from inventory.names import SINGLE
from inventory.services import assign_owner, numbers, recount, store_certificates
from inventory.services.domains import sort_into_domains
from lab.pki import Authority
from tests.conftest import NOW
from tests.inventory.factories import make_certificate
from tests.inventory.test_views_certificate import authority

__all__ = ["authority"]


def _store(authority: Authority, *names: Sequence[str]) -> None:
    store_certificates([authority.issue(list(each)).der for each in names], NOW)


def _counts(user: User | None = None, dimension: str = DOMAIN) -> dict[str, int]:
    names = {str(pk): name for pk, name in Domain.objects.values_list("pk", "name")}
    return {names[pk]: count for pk, count in numbers(user, dimension)[dimension].items()}


def test_a_stored_certificate_stands_under_the_domains_of_its_names(db: None, authority: Authority) -> None:
    _store(authority, ["a.example.org", "*.example.org", "b.example.com"], ["printer"], ["c.example.org"])
    assert _counts() == {"example.org": 2, "example.com": 1, SINGLE: 1}
    wild = DomainCertificate.objects.filter(has_wildcard=True).values_list("domain__name", "certificate__name")
    assert list(wild) == [("example.org", "a.example.org")]
    assert recount() == []


def test_the_number_of_queries_does_not_grow_with_the_batch(db: None, authority: Authority) -> None:
    counts = []
    for begin, size in ((0, 2), (10, 30)):
        ders = [authority.issue([f"www.example-{n}.org"]).der for n in range(begin, begin + size)]
        with CaptureQueriesContext(
            connection,
        ) as asked:
            store_certificates(ders, NOW)
        counts.append(len(asked))
    assert counts[1] <= counts[0]  # what is made for the first time may ask once more


def test_counts_of_domains_follow_the_owner(
    db: None, authority: Authority, administrator: User, web_team: Team, stranger: User
) -> None:
    _store(authority, ["a.example.org"], ["b.example.org"])
    first = Certificate.objects.order_by("pk")[0]
    assign_owner([first.pk], web_team, None, "theirs", actor=administrator, now=NOW)
    assert _counts() == {"example.org": 2}
    assert _counts(stranger) == {"example.org": 1}
    assert recount() == []


def test_what_an_earlier_version_stored_is_sorted_in_batches_and_once(db: None, web_team: Team) -> None:
    make_certificate("a.example.org", names=["*.example.org"], owner_team=web_team, nodes_serving=1)
    make_certificate("b.example.org", names=["x.local", "y.local"])
    make_certificate("Some CA", kind="ca")
    recount()
    assert sort_into_domains(lambda: NOW) == 3
    assert _counts() == {"example.org": 2, "local": 1}
    assert _counts(dimension=DOMAIN_IN_USE) == {"example.org": 1}
    assert recount() == []
    assert sort_into_domains(lambda: NOW) == 0
    assert not Certificate.objects.filter(domain_ids__isnull=True).exists()


def test_sorting_ends_when_its_time_is_over(db: None) -> None:
    make_certificate()
    clock = iter([NOW, NOW + timedelta(minutes=1)])

    def late() -> datetime:
        return next(clock)

    assert sort_into_domains(late) == 0
