"""Addresses of the inventory."""

from django.urls import path, re_path

from inventory.views import certificate, certificates, endpoints, exports, importing, issuers, ownership, questions, rules, search

app_name = "inventory"
urlpatterns = [
    path("certificates/", certificates.certificate_list, name="certificate_list"),
    re_path(r"^certificates/export\.(?P<form>csv|json)$", exports.certificate_export, name="certificate_export"),
    path("certificates/import/", importing.import_list, name="import_list"),
    path("certificates/import/<int:pk>/", importing.import_detail, name="import_detail"),
    path("certificates/import/<int:pk>/columns/", importing.import_columns, name="import_columns"),
    path("certificates/import/<int:pk>/store/", importing.import_store, name="import_store"),
    path("certificates/import/<int:pk>/undo/", importing.import_undo, name="import_undo"),
    path("certificates/import/<int:pk>/drop/", importing.import_drop, name="import_drop"),
    path("certificates/<int:pk>/", certificate.certificate_detail, name="certificate_detail"),
    path("certificates/<int:pk>/owner/", certificate.certificate_owner, name="certificate_owner"),
    path("certificates/<int:pk>/details/", certificate.certificate_details, name="certificate_details"),
    path("certificates/<int:pk>/retire/", certificate.certificate_retire, name="certificate_retire"),
    path("certificates/<int:pk>/restore/", certificate.certificate_restore, name="certificate_restore"),
    path("certificates/<int:pk>/certificate.pem", certificate.certificate_pem, name="certificate_pem"),
    path("certificates/<int:pk>/certificate.cer", certificate.certificate_der, name="certificate_der"),
    path("endpoints/", endpoints.endpoint_list, name="endpoint_list"),
    re_path(r"^endpoints/export\.(?P<form>csv|json)$", exports.endpoint_export, name="endpoint_export"),
    path("endpoints/<int:pk>/", endpoints.endpoint_detail, name="endpoint_detail"),
    path("endpoints/<int:pk>/owner/", endpoints.endpoint_owner, name="endpoint_owner"),
    path("endpoints/<int:pk>/details/", endpoints.endpoint_details, name="endpoint_details"),
    path("endpoints/<int:pk>/retire/", endpoints.endpoint_retire, name="endpoint_retire"),
    path("endpoints/<int:pk>/restore/", endpoints.endpoint_restore, name="endpoint_restore"),
    path("ownership/", ownership.queue, name="ownership"),
    path("ownership/certificates/<int:pk>/", ownership.assign_certificate, name="ownership_certificate"),
    path("ownership/endpoints/<int:pk>/", ownership.assign_endpoint, name="ownership_endpoint"),
    path("ownership/undo/", ownership.undo, name="ownership_undo"),
    path("ownership/ask/<int:pk>/", questions.ask, name="ownership_ask"),
    path("ownership/questions/<int:pk>/withdraw/", questions.withdraw, name="question_withdraw"),
    path("yours/<str:token>/", questions.yours, name="yours"),
    path("ownership/rules/", rules.rule_list, name="rule_list"),
    path("ownership/rules/new/", rules.rule_new, name="rule_new"),
    path("ownership/rules/preview/", rules.rule_preview, name="rule_preview"),
    path("ownership/rules/apply/", rules.rule_apply, name="rule_apply"),
    path("ownership/rules/<int:pk>/", rules.rule_edit, name="rule_edit"),
    path("ownership/rules/<int:pk>/move/", rules.rule_move, name="rule_move"),
    path("ownership/rules/<int:pk>/delete/", rules.rule_delete, name="rule_delete"),
    path("issuers/", issuers.issuer_list, name="issuer_list"),
    path("issuers/<int:pk>/", issuers.issuer_detail, name="issuer_detail"),
    path("search/", search.search, name="search"),
]
