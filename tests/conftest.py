"""What all tests share."""

import pytest
from hypothesis import settings

# No deadline for a single example: the machine may be busy with other work.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that writes golden files again."""
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden's outputs again"
    )
