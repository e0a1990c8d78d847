"""Addresses of scans, sources, networks, and of the panels on other pages."""

from django.urls import path

from discovery.views import candidates, coverage, first_run, imports, networks, panels, scans, sources

app_name = "discovery"
urlpatterns = [
    path("discovery/", scans.scan_list, name="scan_list"),
    path("discovery/coverage/", coverage.coverage, name="coverage"),
    path("discovery/open-ports/", candidates.candidate_list, name="candidate_list"),
    path("discovery/scans/new/", scans.scan_new, name="scan_new"),
    path("discovery/scans/<int:pk>/", scans.scan_detail, name="scan_detail"),
    path("discovery/scans/<int:pk>/cancel/", scans.scan_cancel, name="scan_cancel"),
    path("discovery/check/", scans.check_now, name="check_now"),
    path("discovery/sources/new/", sources.source_new, name="source_new"),
    path("discovery/sources/<int:pk>/", sources.source_edit, name="source_edit"),
    path("discovery/sources/<int:pk>/run/", sources.source_run, name="source_run"),
    path("discovery/sources/<int:pk>/delete/", sources.source_delete, name="source_delete"),
    path("discovery/networks/", networks.network_list, name="network_list"),
    path("discovery/networks/new/", networks.network_new, name="network_new"),
    path("discovery/networks/<int:pk>/delete/", networks.network_delete, name="network_delete"),
    path("certificates/import/<int:pk>/places/", imports.import_waiting, name="import_waiting"),
    path("certificates/<int:pk>/history/", panels.certificate_history, name="certificate_history"),
    path("endpoints/<int:pk>/history/", panels.endpoint_history, name="endpoint_history"),
    path("endpoints/<int:pk>/probe/", scans.endpoint_probe, name="endpoint_probe"),
    path("setup/networks/", first_run.setup_networks, name="setup_networks"),
    path("setup/first-scan/", first_run.setup_first_scan, name="setup_first_scan"),
]
