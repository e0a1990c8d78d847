"""Reading what people bring: any file becomes certificates and refusals, each with its place."""

from inventory.sources.der import is_alone
from inventory.sources.reader import is_pkcs12, is_text, read_file, read_upload
from inventory.sources.value import KEY_REASON, NEEDS_PASSWORD, WRONG_PASSWORD, Budget, Buffer, Found, Renewal

__all__ = [
    "KEY_REASON",
    "NEEDS_PASSWORD",
    "WRONG_PASSWORD",
    "Budget",
    "Buffer",
    "Found",
    "Renewal",
    "is_alone",
    "is_pkcs12",
    "is_text",
    "read_file",
    "read_upload",
]
