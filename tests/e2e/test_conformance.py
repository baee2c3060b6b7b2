"""The real Metacontroller and the simulator's do the same, request by request and write by write.

The scenarios, and what is compared, are those of tests/conformance. With CONFORMANCE_RECORD, the
traces are recorded, with which the simulator is compared where no Metacontroller is at hand.
"""

import os
from collections.abc import Iterator

import pytest

from dev.envtest.build import Binaries
from tests.conformance import recordings
from tests.conformance.matching import Matcher
from tests.conformance.real import Real, read_crds
from tests.conformance.scenarios import SCENARIOS
from tests.conformance.script import Json, Scenario
from tests.conformance.traces import waits

_RECORD = "CONFORMANCE_RECORD"


@pytest.fixture(scope="module")
def crds() -> list[Json]:
    """Our kinds."""
    found = read_crds()
    if os.environ.get(_RECORD):
        recordings.save_kinds(found)
    return found


@pytest.fixture(scope="module")
def real(binaries: Binaries) -> Iterator[Real]:
    """A control plane with Metacontroller, and only the kinds of the operator."""
    with Real(binaries) as running:
        yield running


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one.name for one in SCENARIOS])
def test_the_simulator_does_the_same(real: Real, crds: list[Json], scenario: Scenario) -> None:
    """There is a way through the scenario in the simulator that is the real one in every field."""
    matcher = Matcher(scenario, crds)
    entries = real.play(
        scenario, lambda found, steps: matcher.find(matcher.course(found, steps)) is not None
    )
    course = matcher.course(entries, len(scenario.steps))
    if os.environ.get(_RECORD):
        recordings.save(scenario, course)
    found = matcher.explain(course)
    real.plane.keep = real.plane.keep or bool(found)  # the logs
    assert not found, "\n".join(found[:20])
    for requested, waited in waits(entries):
        assert waited >= requested, "Metacontroller came back before it was to"
