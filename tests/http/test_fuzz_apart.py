"""The same request gives the same answer, to the byte: in any process, after any other request."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.hostile import HostileApi, planned
from tests.fuzz.mutating import Mutator, seeded
from tests.fuzz.seeds import everything, seeds
from tests.http.inprocess import Hook
from tests.http.recorded import Json, Recorded

ROOT: Final = Path(__file__).parents[2]
REQUESTS: Final = 500
SYNC: Final = "/poddiagnosers/sync"


def answers(hash_seed: str, order: str) -> list[str]:
    """Return what a process of its own answers to mutated requests, by their numbers."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.answering", str(REQUESTS), order],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_two_processes_answer_alike() -> None:
    """With sets and dictionaries in another order, and requests in another order."""
    one, other = answers("1", "forwards"), answers("2", "backwards")
    assert one == other
    statuses = [line.split()[3] for line in one]
    assert len(statuses) == REQUESTS
    assert statuses.count("200") > REQUESTS / 3
    assert statuses.count("400") > REQUESTS / 20


@cache
def requests() -> tuple[Recorded, ...]:
    """Requests about PodDiagnosers, with and without plans."""
    return (*seeds(SYNC), planned("RestartPod"), planned("EvictPod"))


@cache
def donors() -> tuple[Json, ...]:
    """Return what parts are taken from."""
    return tuple(seed.json for seed in everything())


@settings(
    max_examples=settings().max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(number=st.integers(0, 2**32), before=st.integers(0, 2**32))
def test_caches_of_a_process_change_no_answer(number: int, before: int) -> None:
    """With an API server that does not change: the first, a repeated and a later request."""
    random = seeded(number)
    request = random.choice(requests()).json
    body = Mutator(random, donors()).body(request)
    api = HostileApi(random, Mutator(random), hostility=0, tick=0)
    api.store_objects(request)
    fresh, warm = Hook(parts=api.parts()), Hook(parts=api.parts())
    warm.post(SYNC, Mutator(seeded(before), donors()).body(request))
    first = fresh.post(SYNC, body)
    assert warm.post(SYNC, body) == first
    assert fresh.post(SYNC, body) == first
