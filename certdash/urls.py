"""Which app answers which address."""

from django.contrib import admin
from django.urls import include, path

from certdash import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("reports.urls")),
    path("", include("accounts.urls")),
    path("", include("inventory.urls")),
    path("", include("discovery.urls")),
    path("", include("policy.urls")),
    path("", include("alerts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "certdash.health.bad_request"
handler500 = "certdash.health.server_error"
# Ours and allauth's: what its limits refuse.
handler429 = "certdash.health.too_many"
