"""Frozen data for tests of documents: ordinary rows, and rows that were made to break a page."""

from __future__ import annotations

from typing import Any

from accounts.models import Organisation, Team, User
from inventory.services import recount
from reports.services import freeze_inventory
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

HOSTILE = {
    "control": "a\x00b\x07c.example.org",
    "bidi": "evil\u202egro.elpmaxe.example.org",
    "markup": "<script>alert(1)</script>.example.org",
    "image": '<img src="http://127.0.0.1:9/pixel.png">.example.org',
    "style": "</style><link rel=stylesheet href=file:///etc/passwd>",
    "formula": '=HYPERLINK("http://127.0.0.1:9/")',
    "long": "x" * 255,
    "cjk": "证书测试服务器.example.org",
    "hebrew": "שלום.example.org",
}


def make_estate(*teams: Team | None, number: int = 12) -> None:
    """``number`` certificates for each owner: expired, expiring, in date, weak, never served."""
    for at, team in enumerate(teams):
        for n in range(number):
            certificate = make_certificate(
                f"n{n}.owner{at}.example.org",
                days_left=(-4, 6, 50, 70)[n % 4],
                owner_team=team,
                risks=["weak_key"] if n % 3 == 0 else [],
                nodes_serving=int(n % 5 != 4),
                served_ever=n % 5 != 4,
                issuer=f"CA {n % 2}",
            )
            make_endpoint(f"10.0.{at}.{n}", certificate=certificate, owner_team=team)
    recount()


def make_hostile(team: Team | None = None) -> None:
    for name in HOSTILE.values():
        make_certificate(
            name,
            days_left=-1,
            nodes_serving=1,
            served_ever=True,
            owner_team=team,
            issuer=name[:200],
            key_label=name[:80],
        )
    many = [f"san-{n}.example.org" for n in range(99)]
    make_certificate("first.example.org", names=many, days_left=-1, nodes_serving=1, served_ever=True)


def frozen(user: User, query: str = "") -> dict[str, Any]:
    """What is frozen at NOW; the organisation is hostile too."""
    Organisation.objects.filter(pk=1).update(name="<b>Example</b> & \u202eSons")
    return freeze_inventory(user, query, NOW)
