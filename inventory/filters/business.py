"""Conditions on what people and rules say of a certificate or endpoint: how critical, for what, whose and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from inventory.filters.base import EstateFilter, Named, few_of
from inventory.filters.fields import Choices, Ids, Texts
from inventory.models import (
    Criticality,
    Environment,
    Exposure,
    Import,
    ImportItem,
    ImportTouch,
    Origin,
    OwnershipRule,
    Purpose,
)
from inventory.models.among import among

if TYPE_CHECKING:
    _Lookup = models.Lookup[Any]
else:
    _Lookup = models.Lookup

NOBODY = "none"
ME = "me"
_NOT_KNOWN = (NOBODY, gettext_lazy("Not known"))
ENVIRONMENT_CHOICES = [*Environment.choices, _NOT_KNOWN]
CRITICALITY_CHOICES = [*Criticality.choices, _NOT_KNOWN]
PURPOSE_CHOICES = [*Purpose.choices, _NOT_KNOWN]
EXPOSURE_CHOICES = [*Exposure.choices, _NOT_KNOWN]
ORIGIN_CHOICES = [
    (Origin.MANUAL.value, gettext_lazy("Chosen by a person")),
    (Origin.RULE.value, gettext_lazy("By rule")),
    (Origin.INFERRED.value, gettext_lazy("Inferred")),
    (NOBODY, gettext_lazy("Nobody said")),
]


class BusinessFilter(EstateFilter):
    """What stands in the indexes of these columns is only what says something, so each condition says so, too."""

    # The column of a sighting, and of what an import touched, that points to the filtered model.
    sighted_as: ClassVar[str]

    environment = Choices(label=gettext_lazy("Environment"), method="says", choices=ENVIRONMENT_CHOICES)
    criticality = Choices(label=gettext_lazy("Criticality"), method="says", choices=CRITICALITY_CHOICES)
    application = Texts(label=gettext_lazy("Application"), method="for_application")
    purpose = Choices(label=gettext_lazy("Purpose"), method="says", choices=PURPOSE_CHOICES)
    exposure = Choices(label=gettext_lazy("Exposure"), method="says", choices=EXPOSURE_CHOICES)
    custom = Texts(label=gettext_lazy("Own field"), method="with_field")
    origin = Choices(label=gettext_lazy("Owner known"), method="of_origin", choices=ORIGIN_CHOICES)
    person = Texts(label=gettext_lazy("Person"), method="of_person")
    rule = Ids(label=gettext_lazy("Ownership rule"), method="by_rule")
    # A word of the language can name a parameter, but no attribute.
    vars()["import"] = Ids(label=gettext_lazy("Import"), method="imported")

    def says(self, queryset: QuerySet[Any], name: str, values: Sequence[str]) -> QuerySet[Any]:
        said = ["" if value == NOBODY else value for value in values]
        found = queryset.filter(**{f"{name}__in": said})
        return found if "" in said else found.exclude(**{name: ""})

    def for_application(self, queryset: QuerySet[Any], _name: str, names: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(application__in=names).exclude(application="")

    def with_field(self, queryset: QuerySet[Any], _name: str, pairs: Sequence[str]) -> QuerySet[Any]:
        """``name=value``; ``name`` alone asks for any value. All of the names, and of each one of its values."""
        wanted: dict[str, list[str] | None] = {}
        for pair in pairs:
            name, equals, value = (part.strip() for part in pair.partition("="))
            values = wanted.setdefault(name, [])
            wanted[name] = None if not equals or values is None else [*values, value]
        every: QuerySet[Any] = queryset.model.objects.exclude(custom_fields={})
        for name, values in wanted.items():
            every = every.filter(HasField(F("custom_fields"), (name, values)))
        # Those with fields of their own are in an index, and often few: they are looked into once.
        found = every.order_by().values_list("pk", flat=True)
        few = few_of(found)
        return queryset.filter(pk__in=found if few is None else few)

    def of_origin(self, queryset: QuerySet[Any], _name: str, words: Sequence[str]) -> QuerySet[Any]:
        origins = ["" if word == NOBODY else word for word in words]
        # What is rare would be looked for through all that the list could show.
        every = queryset.model._default_manager.order_by().values_list("pk", flat=True)
        few = few_of(every.filter(owner_origin__in=origins))
        return queryset.filter(owner_origin__in=origins) if few is None else queryset.filter(among("pk", few))

    def known_person(self, values: Sequence[str]) -> dict[str, Named]:
        """People of one's own teams, and those who were named on what one sees. "me" is whoever asks."""
        user = self.user
        if not isinstance(user, User):
            return {}
        people = User.objects.filter(pk__in=[int(value) for value in values if value.isascii() and value.isdigit()])
        if not user.sees_everything:
            named = self.queryset.order_by().filter(owner_person__in=people).values("owner_person")
            people = people.filter(Q(memberships__team__in=user.memberships.values("team")) | Q(pk__in=named))
        return {ME: Named(user.pk, _("me")), **{str(each.pk): Named(each.pk, str(each)) for each in people.distinct()}}

    def of_person(self, queryset: QuerySet[Any], _name: str, values: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(owner_person__in=[self.known["person"][value].pk for value in values])

    def known_rule(self, pks: Sequence[int]) -> dict[str, Named]:
        """Only rules that gave an owner to something that the person sees."""
        rules = OwnershipRule.objects.filter(pk__in=pks)
        if not getattr(self.user, "sees_everything", False):
            rules = rules.filter(pk__in=self.queryset.order_by().filter(owner_rule__in=pks).values("owner_rule"))
        return {str(rule.pk): Named(rule.pk, rule.name) for rule in rules}

    def by_rule(self, queryset: QuerySet[Any], _name: str, pks: Sequence[int]) -> QuerySet[Any]:
        return queryset.filter(owner_rule__in=pks)

    def known_import(self, pks: Sequence[int]) -> dict[str, Named]:
        return {
            str(each.pk): Named(each.pk, each.name) for each in Import.objects.visible_to(self.user).filter(pk__in=pks)
        }

    def imported(self, queryset: QuerySet[Any], _name: str, pks: Sequence[int]) -> QuerySet[Any]:
        """What stood in these files, or was changed by a row of them."""
        column = self.sighted_as
        touched = ImportTouch.objects.filter(item__of__in=pks, **{f"{column}__isnull": False})
        found = touched.order_by().values_list(column, flat=True)
        if column == "certificate":
            items = ImportItem.objects.filter(of__in=pks, certificate__isnull=False)
            found = found.union(items.order_by().values_list("certificate", flat=True))
        few = few_of(found)
        return queryset.filter(pk__in=found if few is None else few)


class HasItem(_Lookup):
    """Whether a JSON list of texts has this one."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        column, parameters = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{column} @> %s::jsonb", (*parameters, json.dumps([self.rhs]))
        # The name of a column of ours.
        found = f"EXISTS (SELECT 1 FROM json_each({column}) AS item WHERE item.value = %s)"  # noqa: S608
        return found, (*parameters, self.rhs)


class HasField(_Lookup):
    """Whether a JSON object has this key (any text), with one of these values (None: any value)."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        column, parameters = self.process_lhs(compiler, connection)
        key, values = self.rhs
        if connection.vendor == "postgresql":
            test, asked = ("IS NOT NULL", ()) if values is None else ("= ANY(%s)", (values,))
            return f"{column} ->> %s {test}", (*parameters, key, *asked)
        test = "" if values is None else " AND own.value IN (SELECT value FROM json_each(%s))"
        asked = () if values is None else (json.dumps(values),)
        # The name of a column of ours.
        found = f"EXISTS (SELECT 1 FROM json_each({column}) AS own WHERE own.key = %s{test})"  # noqa: S608
        return found, (*parameters, key, *asked)
