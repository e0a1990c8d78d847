"""What the codes of open risks are called; a code that is not listed here is shown as it is written."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

RISKS = {
    "expired": _("Expired"),
    "expiring": _("Expiring"),
    "not_yet_valid": _("Not yet valid"),
    "wrong_name": _("Wrong name"),
    "self_signed": _("Self-signed"),
    "incomplete_chain": _("Chain incomplete"),
    "misordered_chain": _("Chain out of order"),
    "superfluous_chain": _("Chain too long"),
    "untrusted_path": _("No trusted path"),
    "weak_key": _("Weak key"),
    "sha1_signature": _("SHA-1 signature"),
    "old_tls": _("Old TLS"),
    "key_reuse": _("Key reused"),
    "not_same_everywhere": _("Not the same everywhere"),
    "ownerless": _("No owner"),
}


def risk_words(code: str) -> str:
    return str(RISKS.get(code) or code.replace("_", " ").capitalize())
