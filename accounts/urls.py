"""Addresses of this app."""

from django.urls import path, re_path

from accounts.views import audit, invitation, profile, saved, setup

app_name = "accounts"
urlpatterns = [
    path("setup/", setup.setup, name="setup"),
    path("setup/administrator/", setup.setup_administrator, name="setup_administrator"),
    path("setup/organisation/", setup.setup_organisation, name="setup_organisation"),
    # Exactly as long as a token, so that it takes no other page's address.
    re_path(r"^setup/(?P<token>[A-Za-z0-9_-]{43})/$", setup.setup_link, name="setup_link"),
    path("invitation/", invitation.invitation, name="invitation"),
    re_path(r"^invitation/(?P<token>[A-Za-z0-9_-]{43})/$", invitation.invitation_link, name="invitation_link"),
    path("profile/", profile.profile, name="profile"),
    path("audit/", audit.audit, name="audit"),
    path("audit/verify/", audit.verify, name="audit_verify"),
    path("audit/export.csv", audit.audit_export, name="audit_export"),
    path("views/", saved.view_list, name="view_list"),
    path("views/<int:pk>/", saved.view_open, name="view_open"),
    path("views/<int:pk>/edit/", saved.view_edit, name="view_edit"),
    path("views/<int:pk>/replace/", saved.view_replace, name="view_replace"),
    path("views/<int:pk>/delete/", saved.view_delete, name="view_delete"),
    # Before allauth's own page of that address.
    path("accounts/email/", profile.email_is_fixed, name="email_is_fixed"),
]
