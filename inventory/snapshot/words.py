"""The words that people used already for what they say of things: only of things that one person sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import User
from inventory.models import Certificate, Tag

# Of so many certificates the words are taken, however many there are.
LOOKED_AT = 500
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Used:
    """The most frequent first."""

    applications: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


def used_words(user: User) -> Used:
    """In two queries: of the newest certificates, or of some of the person's teams."""
    if user.sees_everything:
        rows = Certificate.objects.order_by("-pk")
    else:
        rows = Certificate.objects.of_teams(user).order_by()
    read = list(rows.values_list("pk", "application", "custom_fields")[:LOOKED_AT])
    tagged = Tag.objects.filter(certificates__in=[pk for pk, _application, _fields in read]).order_by()
    return Used(
        applications=_frequent(application for _pk, application, _fields in read if application),
        tags=_frequent(tagged.values_list("name", flat=True)),
        fields=_frequent(name for _pk, _application, fields in read for name in fields),
    )


def _frequent(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word, _count in Counter(words).most_common(SHOWN))
