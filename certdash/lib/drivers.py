"""What drivers of every family share: the one exception they raise, and packages that need not be installed."""

from __future__ import annotations

import importlib
from types import ModuleType


class DriverError(Exception):
    """A driver could not do its work; the message is a sentence for people.

    ``permanent`` says that trying again cannot help before somebody changes something.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


def extra(module: str, package: str) -> ModuleType:
    """Import ``module`` of an optional ``package``; what is missing is named with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise DriverError(f"{package} is not installed: pip install {package}", permanent=True) from error
