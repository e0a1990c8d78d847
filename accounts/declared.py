"""Sections of the configuration file: the organisation, teams with their members, and views that people share."""

from __future__ import annotations

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.text import slugify

from accounts.forms import OrganisationAdminForm
from accounts.models import Organisation, SavedView, Team
from accounts.services import change_organisation, delete_team, save_team
from accounts.services.invited_members import closed_people, member, member_of, people_of
from accounts.services.saved_views import change_view, delete_view, question_of, save_view
from certdash.lib.declare import (
    ALONE,
    By,
    Change,
    Field,
    Key,
    MissingError,
    Section,
    Values,
    choice,
    each,
    flag,
    number,
    text,
)
from certdash.lib.forms import many_lines, one_line

MOST_NAME = 100


class OrganisationSection(Section):
    name = "organisation"
    words = "Whose dashboard this is."
    fields = (
        Field("name", text, "the name of the organisation", "My organisation"),
        Field("timezone", text, "a zone such as Europe/Zurich; pages show times in it", "UTC"),
        Field("base_url", text, "the address that people use; links in mails begin with it"),
        Field("daily_mail_hour", number, "hour of the daily mail, 0 to 23, in the organisation’s time zone", 7),
    )

    def present(self) -> dict[Key, Values]:
        row = Organisation.objects.filter(pk=1).values(*(field.name for field in self.fields)).first()
        return {ALONE: dict(row)} if row else {}

    def write(self, change: Change, by: By) -> None:
        form = OrganisationAdminForm(change.values)
        if not form.is_valid():
            raise ValidationError(form.errors.as_data())
        change_organisation(None, {name: form.cleaned_data[name] for name in change.values}, by.now)


class TeamSection(Section):
    name = "teams"
    words = (
        "Who owns certificates together. Members are people with an account; `invite: true` invites others, "
        "`closed: true` makes a closed account."
    )
    key = ("name",)
    fields = (
        Field("name", text, "the name of the team", is_required=True),
        Field("short_name", text, "for addresses and filters: small letters, digits and hyphens"),
        Field("contact", text, "the e-mail address of the team"),
        Field("description", text, "what it does"),
        Field("members", each(member), "e-mail addresses: exactly these are in it", ()),
    )

    def present(self) -> dict[Key, Values]:
        closed = closed_people()
        return {(team.name,): _told(team, closed) for team in Team.objects.prefetch_related("members")}

    def settle(self, values: Values) -> Values:
        if "members" in values:
            values["members"] = tuple(sorted(dict.fromkeys(values["members"])))
        return values

    def write(self, change: Change, by: By) -> None:
        values = change.values
        team = Team.objects.filter(name=values["name"]).first() or Team(name=values["name"])
        team.slug = values["short_name"] or slugify(values["name"])
        team.contact_email, team.description = values["contact"], values["description"]
        for line in (team.name, team.contact_email):
            one_line(line)
        many_lines(team.description)
        team.full_clean()
        save_team(team, people_of(values["members"], by), actor=None, now=by.now)

    def remove(self, change: Change, by: By) -> None:
        delete_team(Team.objects.get(name=change.key[0]), actor=None, now=by.now)


def _told(team: Team, closed: Collection[int]) -> Values:
    return {
        "name": team.name,
        "short_name": team.slug,
        "contact": team.contact_email,
        "description": team.description.replace("\r\n", "\n"),
        "members": tuple(sorted(member_of(user, closed) for user in team.members.all())),
    }


class ViewSection(Section):
    name = "saved_views"
    words = "Lists under a name, for everyone or for a team; views that people keep for themselves are not here."
    key = ("page", "name", "team")
    fields = (
        Field("page", choice(SavedView.Page.values), "which list", is_required=True),
        Field("name", text, "what it is called", is_required=True),
        Field("team", text, "for this team alone; without it, for everyone"),
        Field("filter", text, "the part after “?” of the list’s address"),
        Field("columns", each(text), "the columns, in their order", ()),
        Field("opens_by_default", flag, "true: the list shows it when nothing was asked", default=False),
    )

    def present(self) -> dict[Key, Values]:
        rows = SavedView.objects.exclude(audience=SavedView.Audience.PRIVATE).select_related("team")
        told = [_view_told(row) for row in rows]
        return {self.key_of(values): values for values in told}

    def settle(self, values: Values) -> Values:
        if len(values["name"]) > MOST_NAME:
            raise ValueError(f"The name has more than {MOST_NAME} characters.")
        if "filter" in values:
            values["filter"], columns = question_of(values["filter"])
            values |= {"columns": tuple(columns)} if columns else {}
        return values

    def write(self, change: Change, by: By) -> None:
        values, row = change.values, _view_of(change)
        one_line(values["name"])
        asked = QueryDict(values["filter"], mutable=True)
        if values["columns"]:
            asked["columns"] = ",".join(values["columns"])
        said = {"query": asked.urlencode(), "is_default": values["opens_by_default"]}
        if row is not None:
            change_view(row, actor=None, now=by.now, **said)
            return
        audience = SavedView.Audience.TEAM if values["team"] else SavedView.Audience.EVERYONE
        team = team_of(values["team"])
        save_view(values["page"], values["name"], audience=audience, team=team, actor=None, now=by.now, **said)

    def remove(self, change: Change, by: By) -> None:
        if row := _view_of(change):
            delete_view(row, actor=None, now=by.now)


def _view_told(row: SavedView) -> Values:
    return {
        "page": row.page,
        "name": row.name,
        "team": row.team.name if row.team else "",
        "filter": row.query,
        "columns": tuple(map(str, row.columns)),
        "opens_by_default": row.is_default,
    }


def _view_of(change: Change) -> SavedView | None:
    page, name, team = change.key
    shared = SavedView.objects.exclude(audience=SavedView.Audience.PRIVATE).filter(page=page, name=name)
    return shared.filter(team__name=team).first() if team else shared.filter(team=None).first()


def team_of(name: str) -> Team | None:
    team = Team.objects.filter(name=name).first() if name else None
    if name and team is None:
        raise MissingError("teams", name, f"There is no team “{name}”: add it under “teams”.")
    return team


SECTIONS: tuple[Section, ...] = (OrganisationSection(), TeamSection(), ViewSection())
