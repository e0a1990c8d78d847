"""What people said of findings, which would be lost with the certificate that a finding is about."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from inventory.services.writing import among
from policy.models import Finding


def spoken_of(certificates: Collection[int]) -> set[int]:
    """Those of these (primary keys) of whose findings somebody acknowledged one, or has one to look after."""
    said = ~Q(acknowledged_at=None) | ~Q(assigned_to=None)
    found = Finding.objects.filter(said, among("certificate_id", certificates))
    return {pk for pk in found.values_list("certificate_id", flat=True) if pk}
