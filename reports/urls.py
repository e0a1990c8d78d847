"""Addresses of the overview and of reports."""

from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("reports/", views.report_list, name="report_list"),
    path("reports/new/", views.report_new, name="report_new"),
    path("reports/schedules/new/", views.schedule_new, name="schedule_new"),
    path("reports/schedules/<int:pk>/", views.schedule_edit, name="schedule_edit"),
    path("reports/schedules/<int:pk>/delete/", views.schedule_delete, name="schedule_delete"),
    path("reports/<int:pk>/", views.report_detail, name="report_detail"),
    path("reports/<int:pk>/preview/", views.report_preview, name="report_preview"),
    path("reports/<int:pk>/report.pdf", views.report_pdf, name="report_pdf"),
    path("reports/<int:pk>/data.json", views.report_data, name="report_data"),
]
