"""Certificates of whose findings people spoke are held; a finding alone holds nothing."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from inventory.models import Certificate
from policy.models import Finding
from policy.services import spoken_of
from tests.conftest import NOW
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db


def test_what_somebody_acknowledged_or_looks_after_is_held(operator: User) -> None:
    quiet, acknowledged, assigned = (make_certificate(f"{name}.example.org") for name in ("a", "b", "c"))
    said: dict[Certificate, dict[str, Any]] = {
        quiet: {},
        acknowledged: {"acknowledged_at": NOW},
        assigned: {"assigned_to": operator},
    }
    for certificate, words in said.items():
        Finding.objects.create(
            rule="weak_key", certificate=certificate, severity=2, opened_at=NOW, confirmed_at=NOW, **words
        )
    assert spoken_of([row.pk for row in said]) == {acknowledged.pk, assigned.pk}
