"""“Is this yours?”: asking, withdrawing, and the page behind the link, which needs no account."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Organisation
from accounts.services import can_send_mail, require_change
from inventory.forms.questions import AnswerForm, AskForm
from inventory.models import Certificate, OwnerQuestion
from inventory.services.questions import (
    MailError,
    TooManyError,
    answer_question,
    ask_owner,
    find_question,
    send_question,
    withdraw_question,
)
from inventory.snapshot.questions import recognised_by
from inventory.views.listing import person

ASK, YOURS = "inventory/ask.html", "inventory/yours.html"


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    user, now = require_change(person(request)), timezone.now()
    certificate = get_object_or_404(Certificate.objects.visible_to(user).select_related("issuer"), pk=pk)
    posted = request.POST if request.method == "POST" else None
    form = AskForm(certificate, posted, request.GET.get("team", ""))
    if form.is_valid():
        try:
            question, link = ask_owner(certificate, **form.cleaned_data, actor=user, now=now)
        except TooManyError as error:
            form.add_error(None, str(error))
        else:
            _send(request, question, link)
            return redirect("inventory:certificate_detail", pk)
    context = {
        "certificate": certificate,
        "form": form,
        "recognised": recognised_by(certificate, user),
        "can_send": can_send_mail(),
    }
    return render(request, ASK, context, status=422 if form.is_bound else 200)


def _send(request: HttpRequest, question: OwnerQuestion, link: str) -> None:
    """A question without a mail is still one: whoever asks can pass the link on."""
    try:
        send_question(question, link)
        messages.success(request, _("%(email)s was asked. The link works for 14 days.") % {"email": question.email})
    except MailError as error:
        said = _("No mail could be sent. Pass this link on to %(email)s yourself; it is shown only now:")
        messages.warning(request, said % {"email": question.email}, extra_tags=error.link)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    user, now = require_change(person(request)), timezone.now()
    seen = Certificate.objects.visible_to(user)
    question = get_object_or_404(OwnerQuestion.objects.filter(certificate__in=seen), pk=pk)
    if withdraw_question(question, actor=user, now=now):
        messages.success(request, _("The question was withdrawn; its link no longer works."))
    else:
        messages.info(request, _("There was nothing to withdraw: it was answered, withdrawn, or too old."))
    return redirect("inventory:certificate_detail", question.certificate_id)


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
@never_cache
def yours(request: HttpRequest, token: str) -> HttpResponse:
    """Looking changes nothing, because mail scanners look, too: only sending the form answers."""
    return _quiet(_yours(request, token))


def _yours(request: HttpRequest, token: str) -> HttpResponse:
    now = timezone.now()
    question = find_question(token, now)
    if question is None:
        return render(request, YOURS, {"state": "closed"}, status=404)
    form = AnswerForm(request.POST if request.method == "POST" else None, label_suffix="")
    context: dict[str, Any] = {
        "question": question,
        "certificate": question.certificate,
        "recognised": recognised_by(question.certificate, question.asked_by),
        "organisation": Organisation.objects.filter(pk=1).first(),
        "form": form,
    }
    if not form.is_valid():
        return render(request, YOURS, {**context, "state": "open"}, status=422 if form.is_bound else 200)
    given = answer_question(question, **form.cleaned_data, now=now)
    if given is None:
        return render(request, YOURS, {"state": "closed"}, status=404)
    return render(request, YOURS, {"state": "answered", "given": given, "answer": form.cleaned_data["answer"]})


def _quiet(response: HttpResponse) -> HttpResponse:
    """The address is the secret: it goes to no other site and into no index.

    With "no-referrer" a browser sends "Origin: null" with the form, which the check against forgery refuses.
    """
    response["Referrer-Policy"] = "strict-origin"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response
