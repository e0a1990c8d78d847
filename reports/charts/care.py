"""What the expiry horizon is made of: who takes care of a certificate, and from when which limit holds."""

from __future__ import annotations

from datetime import date

from reports.charts.horizon import RuleDate, Series

SERIES = (Series("hand", "somebody owns it"), Series("nobody", "nobody owns it"))
# CA/Browser Forum TLS Baseline Requirements, section 6.3.2 (ballot SC-081v3).
RULE_DATES = (
    RuleDate(date(2027, 3, 15), "new public certificates ≤ 100 days", "≤ 100 days"),
    RuleDate(date(2029, 3, 15), "new public certificates ≤ 47 days", "≤ 47 days"),
)
