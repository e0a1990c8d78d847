"""Registers the app with Django, and the Django admin in the shape that it has here."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin import apps as admin_apps
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

OURS = ("accounts", "inventory", "discovery", "policy", "renewals", "alerts", "reports")


class Administration(admin.AdminSite):
    """The Django admin: for Administrators alone, and only with classes that leave audit events.

    What other packages register (accounts' e-mail addresses, client secrets, queue rows) is left out: changes there
    would leave no trace.
    """

    site_title = "certdash"
    site_header = _("Administration")
    index_title = _("Administration")

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[admin.ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        if getattr(admin_class, "is_audited", False):
            super().register(model_or_iterable, admin_class, **options)
        elif admin_class is not None and admin_class.__module__.partition(".")[0] in OURS:
            raise ImproperlyConfigured(f"{admin_class.__qualname__} must extend accounts.admin.AuditedAdmin.")

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and bool(getattr(request.user, "is_administrator", False))

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Lead to the one sign-in page, which knows about rate limits, second factors and ended accounts."""
        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        if request.user.is_authenticated:
            raise PermissionDenied(_("This needs the role Administrator."))
        target = request.GET.get("next") or reverse("admin:index")
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': target})}")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:  # noqa: ARG002
        """Lead to the one page for it, which asks who you are, records the change and tells it by mail."""
        return HttpResponseRedirect(reverse("account_change_password"))


class AdministrationConfig(admin_apps.AdminConfig):
    default = False
    default_site = "accounts.apps.Administration"


class AccountsConfig(AppConfig):
    default = True
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        # Connects the receivers of allauth's sign-in signals, which only exist once models are loaded.
        import_module("accounts.adapters")
