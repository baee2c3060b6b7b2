"""What all tests share."""

import gc
import os

import pytest
from hypothesis import settings

# A sample of what is searched at random; EXAMPLES=100 is hypothesis' own number. No deadline for a
# single example: the machine may be busy with other work.
EXAMPLES = int(os.environ.get("EXAMPLES", "50"))
settings.register_profile("sample", settings.default, deadline=None, max_examples=EXAMPLES)
settings.load_profile("sample")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what lives as long as the process: modules and tests."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that writes golden files again."""
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden's outputs again"
    )
