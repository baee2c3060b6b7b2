"""What all tests share."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that writes golden files anew."""
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden's outputs anew"
    )
