"""The main job on real input: a scan of the lab finds every line of its manifest and names every planted fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import Q
from django.utils import timezone

from inventory.addresses import pack
from inventory.models import Endpoint, TrustStore
from lab import servers
from lab.manifest import Line, Manifest
from policy.models import Finding
from tests.judging import judge_all_due

# Nobody owns anything in an installation that was just made.
ALWAYS = {"ownerless"}


@pytest.fixture(scope="module")
def manifest() -> Iterator[Manifest]:
    with servers.running(endpoints=60, seed=7) as running:
        yield running


def _found(line: Line) -> Endpoint | None:
    return Endpoint.objects.filter(
        address=pack(line.address), port=line.port, server_name=line.server_name, protocol=line.protocol
    ).first()


def _faults(endpoint: Endpoint) -> set[str]:
    about = Q(endpoint=endpoint) | Q(certificate=endpoint.certificate_id, certificate__isnull=False)
    return set(Finding.objects.open().filter(about).values_list("rule", flat=True)) - ALWAYS


def _judge_a_scan(manifest: Manifest, places: Path) -> None:
    manifest.write(places)
    call_command("scan", places=str(places), allow=True, wait=True, rate=0)
    judge_all_due(timezone.now())


@pytest.mark.django_db(transaction=True)
def test_without_its_root_the_lab_is_untrusted_and_only_missing_intermediates_are_missing(
    manifest: Manifest, tmp_path: Path
) -> None:
    _judge_a_scan(manifest, tmp_path / "manifest.jsonl")
    wrong, trusted = [], []
    for line in manifest.lines:
        endpoint = _found(line)
        if endpoint is None or not line.leaf_sha256:
            continue
        found, planted = _faults(endpoint), set(line.faults)
        if found - {"untrusted_path"} != planted - {"untrusted_path"}:
            wrong.append(f"{line.kind} {line.address}:{line.port}: named {found}, planted {planted}")
        if not found & {"untrusted_path", "self_signed", "incomplete_chain"}:
            trusted.append(f"{line.kind} {line.address}:{line.port}")
    assert not wrong, "\n".join(wrong)
    assert not trusted, "\n".join(trusted)


@pytest.mark.django_db(transaction=True)
def test_a_scan_of_the_lab_finds_every_certificate_and_names_every_fault(manifest: Manifest, tmp_path: Path) -> None:
    TrustStore.objects.create(name="Lab", pem=manifest.root_pem, added_at=timezone.now())
    _judge_a_scan(manifest, tmp_path / "manifest.jsonl")
    wrong = []
    for line in manifest.lines:
        endpoint = _found(line)
        got = endpoint.certificate.sha256 if endpoint and endpoint.certificate else None
        served = {line.leaf_sha256, *line.variants.values()}
        if got not in served:
            wrong.append(f"{line.kind} {line.address}:{line.port}: found {got}, planted {line.leaf_sha256}")
        if endpoint is not None and line.leaf_sha256 and _faults(endpoint) != set(line.faults):
            wrong.append(f"{line.kind} {line.address}:{line.port}: named {_faults(endpoint)}, planted {line.faults}")
    assert not wrong, "\n".join(wrong)
