"""One filter per model: the same parameters for page, export, report, alert scope and command line."""

from inventory.filters.base import (
    MOST_COUNTED,
    SIZES,
    Chip,
    Count,
    Filtered,
    count_up_to,
    error_sentences,
    few_of,
    in_words,
    page_links,
    query_with,
)
from inventory.filters.certificate import ANY, certificates
from inventory.filters.domain import domains, visible_domains
from inventory.filters.endpoint import endpoints, served_too_long_ago
from inventory.filters.fields import MOST_VALUES
from inventory.filters.issuer import issuers, visible_issuers
from inventory.filters.words import risk_codes, risk_words

__all__ = [
    "ANY",
    "MOST_COUNTED",
    "MOST_VALUES",
    "SIZES",
    "Chip",
    "Count",
    "Filtered",
    "certificates",
    "count_up_to",
    "domains",
    "endpoints",
    "error_sentences",
    "few_of",
    "in_words",
    "issuers",
    "page_links",
    "query_with",
    "risk_codes",
    "risk_words",
    "served_too_long_ago",
    "visible_domains",
    "visible_issuers",
]
