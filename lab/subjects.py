"""How names become X.509 names, also names that nobody should trust."""

import ipaddress
import warnings
from collections.abc import Iterable

import idna
from cryptography import x509
from cryptography.x509.oid import NameOID

_LONGEST_COMMON_NAME = 64  # RFC 5280, appendix A: ub-common-name


def general_names(names: Iterable[str | x509.GeneralName]) -> list[x509.GeneralName]:
    return [general_name(name) if isinstance(name, str) else name for name in names]


def general_name(name: str) -> x509.GeneralName:
    """An IP address where it is one, else a DNS name in its A-label form."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(a_label(name))


def a_label(name: str) -> str:
    """The name as it stands on the wire; ASCII stays as it is, however hostile."""
    return name if name.isascii() else idna.encode(name, uts46=True).decode()


def subject(wanted: str | x509.Name | None, names: list[x509.GeneralName]) -> x509.Name:
    """The wanted subject; without a wish the first name that fits into a common name."""
    if isinstance(wanted, x509.Name):
        return wanted
    if wanted is None:
        wanted = next((str(name.value) for name in names if _fits(str(name.value))), "")
    return common_name(wanted) if wanted else x509.Name([])


def common_name(text: str) -> x509.Name:
    return x509.Name([attribute(NameOID.COMMON_NAME, text)])


def attribute(oid: x509.ObjectIdentifier, text: str) -> x509.NameAttribute[str]:
    """An attribute of any length and content."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns about what it was told to accept
        return x509.NameAttribute(oid, text, _validate=False)


def _fits(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_COMMON_NAME
