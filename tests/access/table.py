"""The reviewed table: who gets which answer from which address.

Each line of answers names the six people in the order of ``PEOPLE``:

- ``200``, ``403``, ``404``, ``405``: that status;
- ``sign-in``: led to the sign-in page, whether the thing exists or not;
- ``done``: accepted, led on to another page, and an audit event stands in the chain if something was changed.

Olga (operator) and Victor (viewer) are in team Web, Sam (stranger) operates for team Payments. Where an address names
a thing, there is a line for each owner of it: the team Web, the team Payments, nobody.
"""

from __future__ import annotations

from tests.access.answers import (
    ADMINISTER,
    ADMINISTRATORS,
    ANYBODY,
    CANCEL,
    CHANGE,
    CHANGE_SEEN,
    CHANGERS,
    CHANGERS_OF_SEEN,
    LED_ON,
    MISSING,
    OF_ALL,
    READERS,
    READERS_ACT,
    REPORTS,
    SCANS,
    SEEN,
    SIGNED_IN,
    SOURCES,
    SOURCES_CHANGE,
    Route,
)
from tests.access.areas import AREA_ROUTES

ROUTES = {
    # Probes of the machine. Not ready is 503: no worker runs in this test, so the walk plants a heartbeat.
    "healthz": Route(ANYBODY, is_open=True),
    "readyz": Route(ANYBODY, is_open=True),
    # The first run is over: its pages lead away, and its links no longer open.
    "accounts:setup": Route(LED_ON, is_open=True),
    "accounts:setup_link": Route(MISSING, thing="token", is_open=True),
    "accounts:setup_administrator": Route(LED_ON, LED_ON, is_open=True),
    "accounts:setup_organisation": Route(ADMINISTRATORS, ADMINISTER),
    "discovery:setup_networks": Route(ADMINISTRATORS, ADMINISTER),
    "discovery:setup_first_scan": Route(ADMINISTRATORS, ADMINISTER),
    # An invitation opens by its token alone.
    "accounts:invitation": Route(MISSING, MISSING, is_open=True),
    "accounts:invitation_link": Route(MISSING, thing="token", is_open=True),
    # One's own account.
    "accounts:profile": Route(SIGNED_IN, OF_ALL),
    "accounts:email_is_fixed": Route(OF_ALL),
    # The record of what was done.
    "accounts:audit": Route(READERS, fragment=True),
    "accounts:audit_verify": Route(post=READERS_ACT),
    "accounts:audit_export": Route(READERS),
    # The overview and reports: everybody may ask for a report about what they see.
    "reports:overview": Route(SIGNED_IN, fragment=True),
    "reports:report_list": Route(SIGNED_IN),
    "reports:report_new": Route(SIGNED_IN, OF_ALL),
    "reports:report_detail": Route(REPORTS, thing="report", fragment=True),
    "reports:report_preview": Route(REPORTS, thing="report"),
    "reports:report_pdf": Route(REPORTS, thing="report"),
    "reports:report_data": Route(REPORTS, thing="report"),
    # The inventory.
    "inventory:certificate_list": Route(SIGNED_IN, fragment=True),
    "inventory:certificate_export": Route(SIGNED_IN, thing="form"),
    "inventory:certificate_detail": Route(SEEN, thing="certificate"),
    "inventory:certificate_owner": Route(CHANGERS_OF_SEEN, CHANGE_SEEN, thing="certificate", fragment=True),
    "inventory:certificate_details": Route(CHANGERS_OF_SEEN, CHANGE_SEEN, thing="certificate", fragment=True),
    "inventory:certificate_pem": Route(SEEN, thing="certificate"),
    "inventory:certificate_der": Route(SEEN, thing="certificate"),
    "inventory:endpoint_list": Route(SIGNED_IN, fragment=True),
    "inventory:endpoint_export": Route(SIGNED_IN, thing="form"),
    "inventory:endpoint_detail": Route(SEEN, thing="endpoint"),
    "inventory:endpoint_owner": Route(CHANGERS_OF_SEEN, CHANGE_SEEN, thing="endpoint", fragment=True),
    "inventory:endpoint_details": Route(CHANGERS_OF_SEEN, CHANGE_SEEN, thing="endpoint", fragment=True),
    "discovery:endpoint_probe": Route(post=CHANGE_SEEN, thing="endpoint"),
    "inventory:endpoint_retire": Route(post=CHANGE_SEEN, thing="endpoint"),
    "inventory:endpoint_restore": Route(post=CHANGE_SEEN, thing="endpoint"),
    "inventory:issuer_list": Route(SIGNED_IN, fragment=True),
    "inventory:issuer_detail": Route(SEEN, thing="issuer"),
    # What is pasted is too long for an address.
    "inventory:search": Route(SIGNED_IN, SIGNED_IN),
    # Discovery. Which networks may be scanned is known to everybody and decided by administrators.
    "discovery:scan_list": Route(SIGNED_IN),
    "discovery:coverage": Route(SIGNED_IN, fragment=True),
    "discovery:candidate_list": Route(SIGNED_IN),
    "discovery:scan_new": Route(CHANGERS, CHANGE),
    "discovery:scan_detail": Route(SCANS, thing="scan", fragment=True),
    "discovery:scan_cancel": Route(post=CANCEL, thing="scan"),
    "discovery:check_now": Route(SIGNED_IN, CHANGE),
    "discovery:source_new": Route(CHANGERS, CHANGE),
    "discovery:source_edit": Route(SOURCES, SOURCES_CHANGE, thing="source"),
    "discovery:source_run": Route(post=SOURCES_CHANGE, thing="source"),
    "discovery:source_delete": Route(post=SOURCES_CHANGE, thing="source"),
    "discovery:network_list": Route(SIGNED_IN),
    "discovery:network_new": Route(ADMINISTRATORS, ADMINISTER),
    "discovery:network_delete": Route(post=ADMINISTER, thing="network"),
    "discovery:certificate_history": Route(SEEN, thing="certificate", fragment=True),
    "discovery:endpoint_history": Route(SEEN, thing="endpoint", fragment=True),
    # Findings are seen by whoever sees the thing that they are about.
    "policy:finding_list": Route(SIGNED_IN, fragment=True),
    "policy:finding_detail": Route(SEEN, thing="finding", fragment=True),
    "policy:finding_acknowledge": Route(post=CHANGE_SEEN, thing="finding"),
    "policy:certificate_findings": Route(SEEN, thing="certificate", fragment=True),
    "policy:endpoint_findings": Route(SEEN, thing="endpoint", fragment=True),
    **AREA_ROUTES,
}

# Pages of django-allauth: open to anybody, or for the person who is signed in.
OPEN_ACCOUNT_ROUTES = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",  # closed by our adapter, and says so
    "account_email_verification_sent",
    "account_confirm_email",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_confirm_login_code",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "openid_connect_login",
    "openid_connect_callback",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
    "socialaccount_signup",
}
OWN_ACCOUNT_ROUTES = {
    "account_reauthenticate",
    "account_email",
    "account_change_password",
    "account_set_password",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn",
    "mfa_edit_webauthn",
    "socialaccount_connections",
    "usersessions_list",
    # Old addresses without a name that lead to the ones above.
    "social/login/cancelled/",
    "social/login/error/",
    "social/signup/",
    "social/connections/",
}
