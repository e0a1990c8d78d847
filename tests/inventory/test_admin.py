from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditEvent
from inventory.models import Tag, TrustStore
from lab.pki import Authority
from tests.inventory.factories import make_certificate, make_endpoint


def test_facts_can_be_read_and_not_changed(as_administrator: Client) -> None:
    certificate = make_certificate("<b>api</b>.example.org")
    endpoint = make_endpoint(certificate=certificate)
    rows = {"certificate": certificate.pk, "endpoint": endpoint.pk, "issuer": certificate.issuer_id}
    for model, pk in rows.items():
        base = f"/admin/inventory/{model}/"
        assert f"/{model}s/{pk}/" in as_administrator.get(f"{base}?q=ex").text
        assert as_administrator.get(f"{base}{pk}/change/").status_code == 200
        assert as_administrator.get(f"{base}add/").status_code == 403
        assert as_administrator.post(f"{base}{pk}/change/", {"name": "other"}).status_code == 403
        assert as_administrator.post(f"{base}{pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_tag_is_kept_with_an_audit_event(as_administrator: Client) -> None:
    as_administrator.post("/admin/inventory/tag/add/", {"name": "shop"})
    assert Tag.objects.filter(name="shop").exists()
    assert AuditEvent.objects.filter(subject="shop").exists()


def test_a_tag_is_written_as_on_the_pages(as_administrator: Client) -> None:
    refused = as_administrator.post("/admin/inventory/tag/add/", {"name": "back-office!"})
    assert "is no tag" in refused.text
    as_administrator.post("/admin/inventory/tag/add/", {"name": "Shop"})
    assert Tag.objects.get().name == "shop"


def test_a_tag_that_goes_is_counted_before(as_administrator: Client) -> None:
    tag = Tag.objects.create(name="shop")
    for number in range(2):
        make_certificate(f"{number}.example.org").tags.add(tag)
    make_endpoint().tags.add(tag)
    listed = as_administrator.get("/admin/inventory/tag/").text
    assert '<td class="field-certificate_count">2</td><td class="field-endpoint_count">1</td>' in listed
    asked = as_administrator.get(f"/admin/inventory/tag/{tag.pk}/delete/").text
    assert "0.example.org" not in asked
    assert "Certificates: 2" in " ".join(asked.split())
    as_administrator.post(f"/admin/inventory/tag/{tag.pk}/delete/", {"post": "yes"})
    event = AuditEvent.objects.get()
    assert (event.verb, event.before["certificates"], event.before["endpoints"]) == ("tag.deleted", 2, 1)


def test_a_trust_store_takes_only_certificates_and_makes_endpoints_due(as_administrator: Client, now: datetime) -> None:
    endpoint = make_endpoint(judge_at=None)
    url = "/admin/inventory/truststore/add/"
    refused = as_administrator.post(url, {"name": "Ours", "pem": "-----BEGIN CERTIFICATE-----\nx\n"})
    assert "the END line is missing" in refused.text
    assert "There is no certificate in it." in as_administrator.post(url, {"name": "Ours", "pem": "nothing"}).text
    as_administrator.post(url, {"name": "Ours", "pem": Authority.make("Test Root").pem})
    assert TrustStore.objects.get().name == "Ours"
    endpoint.refresh_from_db()
    assert endpoint.judge_at is not None


def test_a_trust_store_is_kept_renamed_and_removed_by_its_service(as_administrator: Client) -> None:
    pem = Authority.make("Test Root").pem
    base = "/admin/inventory/truststore/"
    as_administrator.post(f"{base}add/", {"name": "Ours", "pem": pem})
    store = TrustStore.objects.get()
    as_administrator.post(f"{base}{store.pk}/change/", {"name": "Ours, 2026", "pem": pem})
    assert TrustStore.objects.get() == store
    as_administrator.post(base, {"action": "delete_selected", "_selected_action": [store.pk], "post": "yes"})
    added, renamed, removed = AuditEvent.objects.order_by("number")
    assert [event.verb for event in (added, renamed, removed)] == ["truststore.kept"] * 2 + ["truststore.deleted"]
    assert (renamed.before["name"], renamed.after["name"]) == ("Ours", "Ours, 2026")
    assert "BEGIN" not in f"{added.after}{renamed.after}{removed.before}", "roots are named by their digest"


def test_the_command_keeps_private_roots_once(db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Authority.make("Test Root")
    file = tmp_path / "roots.pem"
    file.write_text(root.pem)
    for _ in range(2):
        call_command("trust", "Our roots", str(file))
    assert root.issued.sha256 in capsys.readouterr().out
    assert TrustStore.objects.get().pem.strip() == root.pem.strip()
    assert AuditEvent.objects.filter(verb="truststore.kept").count() == 1


def test_the_command_says_what_is_wrong_with_a_file(db: None, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with pytest.raises(CommandError, match="There is no certificate in it"):
        call_command("trust", "Our roots", str(bad))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("trust", "Our roots", str(tmp_path / "missing.pem"))
