"""The table of ownership rules for administrators."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from import_export import fields
from import_export.widgets import ForeignKeyWidget

from accounts.models import Team
from accounts.resources import Table
from inventory.models import OwnershipRule
from inventory.services.rules.keeping import next_position


class TeamWidget(ForeignKeyWidget):
    """A team by its short name."""

    def clean(self, value: Any, row: Any = None, **more: Any) -> Team | None:
        try:
            found: Team | None = super().clean(value, row, **more)
        except Team.DoesNotExist as error:
            raise ValueError(_("There is no team “%(name)s”.") % {"name": value}) from error
        return found


class RuleTable(Table):
    """What a row sets counts; a new rule is asked last, and all wait until somebody applies them."""

    key = "name"
    team = fields.Field(column_name="team", attribute="team", widget=TeamWidget(Team, field="slug"))

    class Meta(Table.Meta):
        model = OwnershipRule
        import_id_fields = ["name"]
        fields = (
            "name", "enabled", "name_pattern", "network", "issuer_pattern", "tag", "source_pattern", "custom_field",
            "custom_value", "team", "environment", "criticality", "application",
        )  # fmt: skip

    def after_init_instance(self, instance: OwnershipRule, new: bool, _row: Any, **_more: Any) -> None:  # noqa: FBT001
        if new:
            instance.position = next_position()

    def before_save_instance(self, instance: OwnershipRule, _row: Any, **_more: Any) -> None:
        instance.applied_at = None
