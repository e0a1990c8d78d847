"""The audit chain: what was done, by whom, in an order that cannot be changed unseen."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User

# What was done, where the code alone reads badly; of all others the words are the code's own.
_VERBS: dict[str, str | Promise] = {
    "audit.exported": _("Audit log exported"),
    "certificate.revived": _("Retired certificate seen served, and counted again"),
    "certificate.unretired": _("Certificate taken back into service"),
    "certificate.owner_changed": _("Owner of a certificate changed"),
    "certificates.owner_changed": _("Owner of certificates changed"),
    "certificates.owner_inferred": _("Owner of certificates inferred"),
    "endpoint.owner_changed": _("Owner of an endpoint changed"),
    "endpoint.unretired": _("Endpoint taken back into service"),
    "endpoints.owner_changed": _("Owner of endpoints changed"),
    "endpoints.owner_inferred": _("Owner of endpoints inferred"),
    "question.answered": _("Question about an owner answered"),
    "question.asked": _("Question about an owner asked"),
    "question.withdrawn": _("Question about an owner withdrawn"),
    "ownershiprules.ordered": _("Order of ownership rules changed"),
    "schedule.changed": _("Report schedule changed"),
    "schedule.created": _("Report schedule created"),
    "schedule.deleted": _("Report schedule removed"),
    "schedule.stopped": _("Report schedule stopped"),
    "session.others_ended": _("Other sessions ended"),
    "session.refused": _("Sign-in refused"),
    "session.signed_in": _("Signed in"),
    "session.signed_out": _("Signed out"),
    "setup.administrator_created": _("First administrator created"),
    "setup.administrator_ensured": _("Administrator set up on the server"),
    "user.closed": _("Account closed"),
    "user.factors_changed": _("Second factors changed"),
    "user.joined": _("Invitation accepted"),
    "user.joined_by_sso": _("Joined by single sign-on"),
    "user.password_changed": _("Password changed"),
    "user.profile_changed": _("Profile changed"),
    "user.sso_linked": _("Single sign-on linked"),
    "user.sso_unlinked": _("Single sign-on unlinked"),
}


def verb_words(verb: str) -> str:
    """What a verb says to people: "Scan started" for ``scan.started``."""
    if verb in _VERBS:
        return str(_VERBS[verb])
    noun, _point, done = verb.partition(".")
    thing = next((model._meta.verbose_name for model in apps.get_models() if model._meta.model_name == noun), noun)
    return capfirst(f"{thing} {done}".replace("_", " ").strip())


class AuditEvent(models.Model):
    """One thing that somebody did. Never edited, never deleted.

    ``digest`` is the SHA-256 over the canonical JSON of the row and of ``previous_digest``; ``number`` counts from 1
    without gaps. The actor's e-mail is kept as text so that the event survives the account.
    """

    number = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    actor_email = models.CharField(max_length=254, blank=True)
    verb = models.CharField(max_length=60, db_index=True)
    subject_type = models.CharField(max_length=60, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    request_id = models.CharField(max_length=36, blank=True)
    address = models.CharField(max_length=45, blank=True)
    previous_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-number"]
        indexes = [models.Index(fields=["subject_type", "subject_id"], name="audit_by_subject")]

    def __str__(self) -> str:
        return f"{self.number} {self.verb}"

    @property
    def words(self) -> str:
        return verb_words(self.verb)

    @property
    def kind(self) -> str:
        """What the subject is, in words; the code of what this release does not know."""
        try:
            return str(apps.get_model(self.subject_type)._meta.verbose_name)
        except (LookupError, ValueError):
            return self.subject_type

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """Name, value before and value after of each field that the event tells of, as people read them."""
        before, after = (state if isinstance(state, dict) else {"?": state} for state in (self.before, self.after))
        return [(name, _shown(before.get(name)), _shown(after.get(name))) for name in dict.fromkeys([*before, *after])]


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, dict) else str(value)


class AuditHead(models.Model):
    """The end of the chain (always row 1): locking it puts all writers in one order."""

    number = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_audit_head")]

    def __str__(self) -> str:
        return f"head at {self.number}"
