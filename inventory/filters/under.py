"""Everything whose path passes through an authority: by the names in the CA certificates that are known here."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext as _

from inventory.models import Certificate, Issuer

# Authorities are few. Where somebody's own make thousands, a refusal is better than part of an answer.
MOST_AUTHORITIES = 10_000


class TooManyAuthoritiesError(ValueError):
    """More authorities stand under one than a condition can name."""


def authorities_under(issuers: Collection[int]) -> set[int]:
    """These issuers and all under them: the subjects of CA certificates that one of them signed, and so on.

    Authorities that signed each other end it, because none is asked twice; one with two issuers is under both.
    """
    found, new = set(issuers), set(issuers)
    while new:
        new = set(_signed_by(new)) - found
        found |= new
        if len(found) > MOST_AUTHORITIES:
            raise TooManyAuthoritiesError(
                _("more than %(most)s authorities stand under it") % {"most": MOST_AUTHORITIES}
            )
    return found


def _signed_by(issuers: Collection[int]) -> list[int]:
    signed = Certificate.objects.filter(issuer__in=list(issuers), is_ca=True).exclude(subject_sha256="")
    subjects = signed.order_by().values("subject_sha256").distinct()
    return list(Issuer.objects.filter(name_sha256__in=subjects).order_by().values_list("pk", flat=True))
