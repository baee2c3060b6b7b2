"""What runs Argo CD's health script: each interpreter in turn."""

import pytest

from tests.contrib.interpreters import Interpreter, gopher_lua, plain_lua


@pytest.fixture(scope="module", params=[gopher_lua, plain_lua], ids=["gopher-lua", "lua"])
def interpreter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Interpreter:
    """An interpreter; the test is skipped where it is not at hand, and says so."""
    found: Interpreter = request.param(tmp_path_factory.mktemp("lua"))
    return found
