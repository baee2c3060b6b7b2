"""What all tests share."""

import pytest
from hypothesis import settings

# How long an example takes is nobody's business here: machines have other things to do.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that writes golden files anew."""
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden's outputs anew"
    )
