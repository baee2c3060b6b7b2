"""What the tests of the hook over HTTP share."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.http.inprocess import Hook


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Put the log back as it was before a hook set it up."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def hook() -> Hook:
    """The hook with all endpoints and the settings of production."""
    return Hook()
