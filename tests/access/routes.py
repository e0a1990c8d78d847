"""All addresses of the product, read from Django's resolver."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

ADMIN = "admin"
OURS = ("certdash", "accounts", "inventory", "discovery", "policy", "renewals", "alerts", "reports")


def _walk(resolver: URLResolver, space: str = "") -> Iterator[tuple[str, str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _walk(entry, space or (entry.namespace or ""))
        else:
            name = f"{space}:{entry.name}" if space else str(entry.name or entry.pattern)
            yield space, name, entry


def _owner(entry: URLPattern) -> str:
    callback = entry.callback
    view = getattr(callback, "view_class", callback)
    return str(view.__module__).partition(".")[0]


def _names(*, ours: bool) -> set[str]:
    found = ((space, name, entry) for space, name, entry in _walk(get_resolver()) if space != ADMIN)
    return {name for _space, name, entry in found if (_owner(entry) in OURS) is ours}


def product_routes() -> set[str]:
    """Names of all addresses that our own views answer, the administration left out."""
    return _names(ours=True)


def account_routes() -> set[str]:
    """Names of the addresses that come with django-allauth; a pattern without a name stands for itself."""
    return _names(ours=False)


def admin_routes() -> set[str]:
    return {name for space, name, _entry in _walk(get_resolver()) if space == ADMIN}
