"""Optional packages are found, or named with the line that installs them."""

from __future__ import annotations

import json

import pytest

from certdash.lib.drivers import DriverError, extra


def test_a_package_that_is_there_is_returned() -> None:
    assert extra("json", "json") is json


def test_a_missing_package_is_named_with_the_line_that_installs_it() -> None:
    with pytest.raises(DriverError, match="pip install no-such-package") as error:
        extra("no_such_module", "no-such-package")
    assert error.value.permanent
