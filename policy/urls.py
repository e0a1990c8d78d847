"""Addresses of findings and of their panels on other pages."""

from django.urls import path, re_path

from policy import views

app_name = "policy"
urlpatterns = [
    path("findings/", views.finding_list, name="finding_list"),
    re_path(r"^findings/export\.(?P<form>csv|json)$", views.finding_export, name="finding_export"),
    path("findings/change/", views.finding_change, name="finding_change"),
    path("findings/<int:pk>/", views.finding_detail, name="finding_detail"),
    path("findings/<int:pk>/acknowledge/", views.finding_acknowledge, name="finding_acknowledge"),
    path("findings/<int:pk>/assign/", views.finding_assign, name="finding_assign"),
    path("certificates/<int:pk>/findings/", views.certificate_findings, name="certificate_findings"),
    path("endpoints/<int:pk>/findings/", views.endpoint_findings, name="endpoint_findings"),
]
