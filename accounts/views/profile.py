"""What a person sets about themselves."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import ProfileForm
from accounts.models import User
from accounts.services import change_profile


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Everybody, whatever their role, changes their own name, time zone, theme and keyboard shortcuts."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else None
    form = ProfileForm(given, instance=User.objects.get(pk=request.user.pk))
    if form.is_valid():
        change_profile(request.user, form.cleaned_data, timezone.now())
        messages.success(request, _("Your profile was saved."))
        return redirect("accounts:profile")
    context = {"form": form, "teams": request.user.teams.all()}
    return render(request, "accounts/profile.html", context, status=422 if form.is_bound else 200)


@require_safe
def email_is_fixed(request: HttpRequest) -> HttpResponse:
    """Stand where allauth would let people change the address that they sign in with: administrators do that."""
    messages.info(request, _("Your e-mail address is your login; an administrator can change it."))
    return redirect("accounts:profile")
