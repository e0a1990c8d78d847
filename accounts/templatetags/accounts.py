"""What pages about people ask of the installation."""

from __future__ import annotations

from typing import Any

from django import template

from accounts.forms import SavedViewForm
from accounts.models import User
from accounts.services import can_send_mail
from accounts.services.saved_views import may_keep, views_of

register = template.Library()


@register.simple_tag
def sends_mail() -> bool:
    """Whether a link can be mailed; without, only an administrator can hand one over."""
    return can_send_mail()


@register.simple_tag(takes_context=True)
def saved_views(context: dict[str, Any], page: str) -> dict[str, Any]:
    """What the menu of views of a list shows: all that can be opened, the one that is open, whom one may keep for."""
    request = context["request"]
    user: User = request.user
    views = views_of(user, page)
    current = next((view for view in views if str(view.pk) == request.GET.get("view")), None)
    return {
        "views": views,
        "current": current,
        "keeps": current is not None and may_keep(current, user),
        "form": SavedViewForm(user),
    }
