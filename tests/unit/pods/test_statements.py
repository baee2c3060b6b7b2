"""The lines of a diagnosis with the history and with other broken containers."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, TargetDiagnoser
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from pod_diagnoser.pods.history_text import HistorySummary
from pod_diagnoser.pods.observation import observe_pod
from pod_diagnoser.pods.statements import add_context, statement_in_context
from tests.support import corpus
from tests.support.builders import T0, after, container, diagnosis, pod, terminated

CLAIM = DiagnosisTargetSpec(
    diagnoser=TargetDiagnoser(name="all", uid="0" * 36), since="2026-11-01T00:00:00Z"
)
PULL = {"name": "agent", "state": {"waiting": {"reason": "ImagePullBackOff"}}, "restartCount": 0}


def lines_of(*containers: Any) -> Any:
    """Return the lines of the latest crash of a Pod with these containers."""
    parsed = Pod.model_validate(pod(*containers))
    observation = observe_pod(parsed, CLAIM, after(60))
    assert observation.latest is not None
    return statement_in_context(observation.latest, observation)


def test_of_two_broken_containers_both_are_named() -> None:
    """One line says which other one does not run, and why."""
    lines = lines_of(container("web", last=terminated(after(61), 1)), PULL)
    assert "web" in lines.diagnosis + lines.next_step
    assert "; also broken: agent (ImagePullFailed)" in lines.evidence


def test_a_container_that_runs_again_is_not_broken() -> None:
    """Its former crash is history."""
    lines = lines_of(
        container("web", last=terminated(T0, 1)), container("agent", last=terminated(after(-9), 1))
    )
    assert "also broken" not in lines.evidence


def test_containers_that_wait_for_one_thing_are_not_named_twice() -> None:
    """A volume that is not mounted keeps all of them: the other one is not broken itself."""
    parsed = corpus.pod("hand-two-containers-wait-for-one-volume")
    fetched = corpus.fetched_for("hand-two-containers-wait-for-one-volume", parsed)
    now = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
    observation = observe_pod(parsed, CLAIM, now, fetched)
    assert observation.latest is not None
    assert len(observation.diagnoses) == 2
    assert "broken" not in statement_in_context(observation.latest, observation).evidence


CONTAINERS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


@given(
    st.lists(CONTAINERS.map("{} (ImagePullFailed)".format), max_size=6),
    st.integers(0, 2**31 - 1),
    st.booleans(),
)
def test_what_is_added_is_whole_and_in_bounds(others: list[str], times: int, often: bool) -> None:
    """No name is cut, and how many there are is said where there is no room for names."""
    summary = HistorySummary((f", for the {times}th time",), ("; it ran 5 s",))
    lines = add_context(diagnosis(), summary if often else HistorySummary(), tuple(others))
    for line in (lines.diagnosis, lines.evidence, lines.next_step):
        assert len(line.encode()) <= MAX_LINE_BYTES
    found = re.search(r"; also broken: ([^;]*)", lines.evidence)
    assert (found is None) == (not others)
    if found is not None:
        for name in re.sub(r"(^| and )\d+ more$", "", found[1]).split(", "):
            assert name == "" or name in others


@pytest.mark.parametrize(
    ("line", "details"),
    [
        ("Error, exit code 1 after 5 s", ("; CrashLoopBackOff delays its restart",)),
        ("Error, exit code 1 after 15 s", ("; it ran 5 s; CrashLoopBackOff delays its restart",)),
        ("Error, exit code 1", ("; it ran 5 s; CrashLoopBackOff delays its restart",)),
    ],
)
def test_how_long_it_ran_is_not_said_twice(line: str, details: tuple[str, ...]) -> None:
    """The line may have it already."""
    ran, delayed = "; it ran 5 s", "; CrashLoopBackOff delays its restart"
    assert HistorySummary((), (ran + delayed,), run=ran).details_beside(line) == details
    assert not HistorySummary((), (ran,), run=ran).details_beside("exit code 1 after 5 s")
