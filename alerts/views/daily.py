"""What today's mail would say to the person who asks."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Organisation, User
from accounts.services import can_send_mail
from alerts.models import Letter
from alerts.services import compose, last_told, today
from alerts.snapshot import Scope
from certdash.lib.htmx import HtmxRequest


@require_safe
@never_cache
def daily(request: HtmxRequest) -> HttpResponse:
    """Nothing is written or sent by looking."""
    now = timezone.now()
    user = User.objects.get(pk=request.user.pk)
    organisation = Organisation.objects.filter(pk=1).first() or Organisation()
    scope = Scope.of_person(user, now)
    is_addressed = user.is_administrator or bool(scope.teams)
    day = today(organisation, now)
    context = {
        "mail": compose(scope, day, last_told(day, now)) if is_addressed else None,
        "day": day,
        "is_addressed": is_addressed,
        "hour": organisation.daily_mail_hour,
        "zone": organisation.timezone,
        "can_send": can_send_mail(),
        "last": Letter.objects.filter(person=user, kind=Letter.Kind.DAILY).defer("body").first(),
    }
    return render(request, "alerts/daily.html", context)
