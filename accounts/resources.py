"""Tables of teams and people for administrators: what a file must say, and what is refused of it, row by row.

An empty cell changes nothing. What a form would refuse is refused here in the same words. Passwords are in no column.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import tablib
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.utils.text import slugify
from django.utils.translation import gettext as _
from import_export import fields, resources
from import_export.results import Result

from accounts.models import Membership, Role, Team, User
from accounts.services import keep_email_address, require_lasting_administrator
from certdash.lib.forms import many_lines, one_line
from certdash.lib.inert import for_csv, shorten, visible

MOST_ROWS = 5_000
MOST_BYTES = 1_000_000
# What stands in a cell to empty it.
NONE = "-"


class TableError(ValueError):
    """The file as a whole cannot be read; the sentence says why."""


class Plain(resources.Diff):
    """A change in words, where the package would bring markup and inline styles; with what a table works out itself."""

    def __init__(self, resource: Table, instance: Any, new: bool) -> None:  # noqa: FBT001
        self.left = _cells(resource, instance)
        self.right: list[object] = []
        self.new = new

    def compare_with(self, resource: Table, instance: Any) -> None:
        self.right = _cells(resource, instance)

    def as_html(self) -> list[str]:
        return [visible(_words(old, new, is_new=self.new)) for old, new in zip(self.left, self.right, strict=True)]


def _cells(table: Table, instance: Any) -> list[object]:
    return [table.export_field(field, instance) for field in table.get_import_fields()]


def _words(old: object, new: object, *, is_new: bool) -> str:
    before, after = ("" if value is None else str(value) for value in (old, new))
    return after if is_new or before == after else f"{before or '∅'} → {after or '∅'}"


class Table(resources.ModelResource):
    """What all tables have: known columns alone, one row for each thing, and nothing hidden in a cell."""

    # Columns of several lines.
    several_lines: ClassVar[tuple[str, ...]] = ()
    key: ClassVar[str]

    class Meta:
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True
        use_transactions = True

    def __init__(self, form: type[ModelForm[Any]] | None = None) -> None:
        """Take ``form``, which judges each row as it would judge a person's typing."""
        super().__init__()
        self.form = form
        self.seen: set[str] = set()
        self.new_administrators: list[str] = []

    def get_diff_class(self) -> type[Plain]:
        return Plain

    def before_import(self, dataset: Any, **_more: Any) -> None:
        if len(dataset) > MOST_ROWS:
            raise TableError(_("The table has more than %(n)s rows.") % {"n": f"{MOST_ROWS:,}"})
        known = [field.column_name for field in self.get_import_fields()]
        for heading in dataset.headers or []:
            if heading not in known:
                told = {"name": shorten(visible(str(heading)), 40), "known": ", ".join(known)}
                raise TableError(_("There is no column “%(name)s”. Columns are: %(known)s.") % told)
        if len(set(dataset.headers or [])) != len(dataset.headers or []):
            raise TableError(_("A column stands twice."))

    def before_import_row(self, row: dict[str, Any], **_more: Any) -> None:
        problems: dict[str, list[str]] = {}
        for name, cell in list(row.items()):
            text = _unescaped(str(cell or "").strip())
            try:
                (many_lines if name in self.several_lines else one_line)(text)
            except ValidationError as error:
                problems[name] = error.messages
            row[name] = text
        if problems:
            raise ValidationError(problems)
        self.complete(row)
        for name in [name for name, text in row.items() if not text]:
            del row[name]
        self._require_once(row)

    def complete(self, row: dict[str, Any]) -> None:
        """Put a row into the form that the columns have."""

    def _require_once(self, row: Mapping[str, Any]) -> None:
        key = str(row.get(self.key, "")).casefold()
        if not key:
            raise ValidationError({self.key: _("It is missing.")})
        if key in self.seen:
            raise ValidationError({self.key: _("It stands in an earlier row, too.")})
        self.seen.add(key)

    def validate_instance(
        self,
        instance: Any,
        import_validation_errors: Any = None,
        validate_unique: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        super().validate_instance(instance, import_validation_errors, validate_unique)
        if self.form is not None:
            values = {name: getattr(instance, name) for name in self.form.base_fields if hasattr(instance, name)}
            judged = self.form(values, instance=instance)
            if not judged.is_valid():
                raise ValidationError({name or "": errors for name, errors in judged.errors.as_data().items()})


def _unescaped(text: str) -> str:
    """Take back the sign that exports put before what would be a formula."""
    return text[1:] if text.startswith("'") and for_csv(text[1:]) == text else text


class TeamTable(Table):
    key = "slug"
    several_lines = ("description",)

    class Meta(Table.Meta):
        model = Team
        import_id_fields = ["slug"]
        fields = ("slug", "name", "contact_email", "description")

    def before_import(self, dataset: Any, **more: Any) -> None:
        """A new list of names is a table of teams, too."""
        if "slug" not in (dataset.headers or []):
            dataset.append_col([""] * len(dataset), header="slug")
        super().before_import(dataset, **more)

    def complete(self, row: dict[str, Any]) -> None:
        row["slug"] = row.get("slug") or slugify(row.get("name", ""))


class PersonTable(Table):
    key = "email"
    teams = fields.Field(column_name="teams")

    class Meta(Table.Meta):
        model = User
        import_id_fields = ["email"]
        fields = ("email", "name", "role", "teams")

    def before_import(self, dataset: Any, **more: Any) -> None:
        headings = dataset.headers or []
        if "team" in headings and "teams" not in headings:
            dataset.headers = ["teams" if heading == "team" else heading for heading in headings]
        super().before_import(dataset, **more)

    def complete(self, row: dict[str, Any]) -> None:
        row["email"] = str(row.get("email", "")).lower()
        row["role"] = str(row.get("role", "")).lower()
        if row["role"] and row["role"] not in Role.values:
            raise ValidationError({"role": _("It is none of: %(roles)s.") % {"roles": ", ".join(Role.values)}})
        _teams_of(row)

    def after_init_instance(self, instance: User, new: bool, _row: Any, **_more: Any) -> None:  # noqa: FBT001
        if new:
            instance.set_unusable_password()

    def dehydrate_teams(self, user: User) -> str:
        return "; ".join(sorted(user.teams.values_list("slug", flat=True))) if user.pk else ""

    def skip_row(self, instance: User, original: User, row: Any, import_validation_errors: Any = None) -> bool:
        """The package compares columns alone; teams stand in a table of their own."""
        same = super().skip_row(instance, original, row, import_validation_errors)
        wanted = _teams_of(row)
        return bool(same and (wanted is None or {team.pk for team in wanted} == _team_ids(original)))

    def before_save_instance(self, instance: User, _row: Any, **_more: Any) -> None:
        was = User.objects.filter(pk=instance.pk).values_list("role", flat=True).first()
        if instance.role == Role.ADMINISTRATOR != was:
            self.new_administrators.append(instance.email)

    def after_save_instance(self, instance: User, row: Any, **_more: Any) -> None:
        wanted = _teams_of(row)
        if wanted is not None:
            Membership.objects.filter(user=instance).exclude(team__in=wanted).delete()
            for team in wanted:
                Membership.objects.get_or_create(user=instance, team=team)
        keep_email_address(instance)

    def after_import(self, _dataset: Any, _result: Result, **_more: Any) -> None:
        require_lasting_administrator()


def _teams_of(row: Mapping[str, Any]) -> list[Team] | None:
    """The teams that a row names by short name or name, "; " between them; None if it says nothing of teams."""
    text = str(row.get("teams") or "")
    if not text:
        return None
    named = [name.strip() for name in text.split(";") if name.strip()] if text != NONE else []
    teams = {key: team for team in Team.objects.all() for key in (team.name.casefold(), team.slug)}
    missing = [name for name in named if name.casefold() not in teams]
    if missing:
        raise ValidationError({"teams": _("There is no team “%(name)s”.") % {"name": missing[0]}})
    return [teams[name.casefold()] for name in named]


def _team_ids(user: User) -> set[int]:
    return set(user.memberships.values_list("team_id", flat=True)) if user.pk else set()


def read_table(text: str) -> Any:
    """The rows of a CSV file. Raises TableError."""
    try:
        dataset = tablib.Dataset().load(text.removeprefix("\ufeff"), format="csv")
    except (tablib.InvalidDimensions, csv.Error, ValueError) as error:
        raise TableError(
            _("The file is no table of cells with commas between them: %(why)s") % {"why": error}
        ) from error
    if not dataset.headers or not len(dataset):
        raise TableError(_("The file has no rows under its headings."))
    return dataset


def write_table(table: Table, rows: QuerySet[Any] | Iterable[Any]) -> str:
    """The rows as CSV in which no cell is a formula."""
    dataset = table.export(rows)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(dataset.headers)
    writer.writerows([for_csv(cell) for cell in row] for row in dataset)
    return out.getvalue()
