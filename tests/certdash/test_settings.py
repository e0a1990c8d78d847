"""The settings as a whole: safe by default, and right behind a proxy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils.module_loading import import_string

ROOT = Path(__file__).resolve().parent.parent.parent
SHOW = """
import json, sys
from certdash import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}))
"""


def settings_with(tmp_path: Path, *names: str, **environment: str) -> dict[str, Any]:
    """Settings as another process with this environment reads them."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CERTDASH_")}
    clean |= {"CERTDASH_VAR": str(tmp_path), "CERTDASH_ENV_FILE": ""} | environment
    told = subprocess.run([sys.executable, "-c", SHOW, *names], env=clean, cwd=ROOT, capture_output=True, check=True)
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer


def test_the_defaults_serve_this_machine_alone(tmp_path: Path) -> None:
    found = settings_with(tmp_path, "DEBUG", "BIND", "BASE_URL", "HTTPS")
    assert found == {"DEBUG": False, "BIND": "127.0.0.1:8000", "BASE_URL": "http://127.0.0.1:8000", "HTTPS": False}


def test_an_https_address_makes_cookies_secure_and_is_answered_to(tmp_path: Path) -> None:
    names = (
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "ALLOWED_HOSTS",
    )
    found = settings_with(tmp_path, *names, CERTDASH_BASE_URL="https://certs.example.org")
    assert "certs.example.org" in found.pop("ALLOWED_HOSTS")
    assert all(found.values())


def test_the_scheme_that_a_stranger_claims_is_believed_only_from_a_proxy(tmp_path: Path) -> None:
    assert settings_with(tmp_path, "SECURE_PROXY_SSL_HEADER")["SECURE_PROXY_SSL_HEADER"] is None
    found = settings_with(tmp_path, "SECURE_PROXY_SSL_HEADER", CERTDASH_TRUSTED_PROXIES="1")
    assert found["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]


def test_the_content_policy_has_nothing_unsafe() -> None:
    sources = [source for values in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].values() for source in values]
    assert not [source for source in sources if "unsafe" in source or "nonce" in source or source == "*"]


@pytest.mark.parametrize("path", [task for _name, task, _minutes in settings.TICKS] + settings.AFTER_RECORDING)
def test_what_runs_by_the_clock_exists(path: str) -> None:
    assert callable(import_string(path))


def test_the_queue_delivers_once_and_takes_no_task_in_advance() -> None:
    queue: dict[str, Any] = settings.Q_CLUSTER
    assert (queue["bulk"], queue["queue_limit"], queue["max_attempts"], queue["ack_failures"]) == (1, 1, 1, True)
    assert queue["retry"] > queue["timeout"]


@pytest.mark.django_db
@pytest.mark.parametrize("asked", ["de", "ar", "zh-hans"])
def test_a_page_is_in_one_language_whatever_the_browser_prefers(client: Client, asked: str) -> None:
    """Django's own sentences exist in German; a page of ours would be half of each."""
    answer = client.post("/accounts/login/", {}, headers={"Accept-Language": asked})
    assert '<html lang="en" dir="ltr"' in " ".join(answer.text.split())
    assert "This field is required." in answer.text
