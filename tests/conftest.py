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

LONGEST = (
    "tests/simulation/test_simulation_runs.py",  # waits for runs that other processes execute
    "tests/dev/demo/test_simulated.py",  # waits
    "tests/http/test_auth.py",  # waits
    "tests/simulation/test_every_fault.py",
    "tests/conformance/test_recorded.py",
    "tests/manifests/test_token.py",
    "tests/simulation/test_convergence.py",
    "tests/simulation/test_mutants.py",
    "tests/simulation/test_hook.py",
)
"""What takes ten seconds and more, so that no process is left alone with it in the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    places = {file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what lives as long as the process: modules and tests."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that writes golden files again."""
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden's outputs again"
    )
