"""What a report lists is held, and nothing else is."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest

from accounts.models import Organisation, User
from inventory.models import Certificate
from reports.models import Report
from reports.services import canonical, cited, freeze_inventory
from tests.conftest import NOW
from tests.inventory.factories import make_certificate
from tests.reports.estate import make_estate

pytestmark = pytest.mark.django_db


def test_certificates_in_a_kept_report_are_cited(organisation: Organisation, administrator: User) -> None:
    make_estate(None, number=3)
    listed = set(Certificate.objects.values_list("pk", flat=True))
    data = canonical(freeze_inventory(administrator, "", NOW))
    report = Report.objects.create(
        title="Report", data=gzip.compress(data), data_sha256="a" * 64, taken_at=NOW + timedelta(days=1), created_at=NOW
    )
    later = make_certificate("later.example.org").pk
    assert cited([*listed, later]) == listed
    assert cited([]) == set()
    report.delete()
    assert cited(listed) == set()
