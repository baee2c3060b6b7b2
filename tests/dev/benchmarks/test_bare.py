"""The bare route, under the worker that the hook is served by."""

from datetime import UTC, datetime
from pathlib import Path

from dev.benchmarks import bare, samples
from dev.benchmarks.load_generator import drive
from dev.benchmarks.servers import BARE, Server


def test_the_bare_route_answers_under_the_hooks_worker(tmp_path: Path) -> None:
    """Else there is nothing to compare the hook with."""
    with Server("bare", BARE, tmp_path) as server:
        load = drive(server.port, bare.PATH, samples.healthy(datetime.now(UTC)), seconds=0.1)
    assert load.requests > 0
