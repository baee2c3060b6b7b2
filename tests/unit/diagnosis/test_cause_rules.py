"""Properties of the table of causes. Golden files show each row."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import ContainerKind, Pod
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES, explain
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.diagnosis.evidence import EventFinding, EventLookup, Evidence
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind
from tests.support.builders import T0, after, container, crashed, pod, terminated

TERMINATIONS = st.builds(
    Symptom,
    id=st.just("0" * 16),
    kind=st.just(SymptomKind.TERMINATED),
    container_kind=st.sampled_from(ContainerKind),
    namespace=st.just("shop"),
    pod=st.just("app-1"),
    container=st.just("app"),
    reason=st.sampled_from(
        ["", "Error", "Completed", "OOMKilled", "Unknown", "StartError", "ContainerStatusUnknown"]
    )
    | st.text(max_size=20),
    exit_code=st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(0, 260),
    node=st.sampled_from(["", "node1"]),
    memory_limit=st.sampled_from(["", "64Mi"]),
    message=st.text(max_size=40),
    probes=st.sampled_from([(), ("liveness",), ("liveness", "startup")]),
    has_post_start_hook=st.booleans(),
    resizable=st.booleans(),
    restart_rule=st.booleans(),
    final=st.booleans(),
    evidence=st.none()
    | st.builds(
        Evidence,
        st.sampled_from(EventLookup),
        st.none() | st.sampled_from(EventFinding),
        st.text(st.characters(categories=["L", "N"]), max_size=30),
    ),
)


def read(document: object) -> Pod:
    """Parse a Pod from the wire."""
    return Pod.model_validate_json(json.dumps(document))


@given(TERMINATIONS)
def test_every_termination_has_a_cause_and_one_sentence(termination: Symptom) -> None:
    """The table is total, and each sentence is short and complete."""
    cause, sentence = explain(termination)
    assert cause in Cause
    assert "; next: " in sentence
    assert sentence.endswith(".")
    assert len(sentence.encode()) <= 640


@given(TERMINATIONS)
def test_memory_is_the_cause_only_with_the_reason_oomkilled(termination: Symptom) -> None:
    """137 alone is not lack of memory, and the limit is named only with that reason."""
    cause, sentence = explain(termination)
    if termination.reason != "OOMKilled":
        assert cause not in {Cause.OUT_OF_MEMORY, Cause.CHILD_OUT_OF_MEMORY}
        assert "memory limit" not in sentence
        assert "OOMKilled" not in sentence
    elif termination.exit_code != 137:
        assert cause is Cause.CHILD_OUT_OF_MEMORY


@given(TERMINATIONS)
def test_probes_are_mentioned_only_where_there_are_any(termination: Symptom) -> None:
    """Without a liveness or startup probe, none can have failed."""
    if not termination.probes and termination.event_finding is None:
        assert "probe" not in explain(termination)[1]


def test_the_table_covers_every_cause_with_a_source() -> None:
    """Each cause has a row, and each row says where its fact comes from."""
    assert {row.cause for row in CAUSE_RULES} == set(Cause)
    assert all(row.source for row in CAUSE_RULES)


@pytest.mark.parametrize(
    ("restarts", "last"),
    [(None, None), (3, None)],
    ids=["nothing happened", "last state collected"],
)
def test_without_a_termination_there_is_no_crash(
    restarts: int | None, last: dict[str, object] | None
) -> None:
    """A restart count alone says nothing."""
    assert diagnose(read(pod(container(last=last, restarts=restarts)))) == ()


@pytest.mark.parametrize("restarts", [0, None, -1, 1])
def test_a_restart_needs_a_count_and_a_last_termination(restarts: int | None) -> None:
    """Both are needed; a termination is diagnosed before it is counted, too."""
    (found,) = diagnose(read(pod({**container(last=terminated()), "restartCount": restarts})))
    assert found.restarted is (restarts == 1)
    assert found.restart_reason == "Error (Exit Code: 1)"


def test_each_observation_of_a_termination_gives_the_same_crash() -> None:
    """Running again or in back-off, at this count or the next: one id, one sentence."""
    running = crashed()
    waiting = crashed()
    status = waiting["status"]["containerStatuses"][0]
    status["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    status["restartCount"] = 2
    first, second = diagnose(read(running))[0], diagnose(read(waiting))[0]
    assert (first.id, first.sentence, first.cause) == (second.id, second.sentence, second.cause)


def test_different_crashes_have_different_ids() -> None:
    """Another termination, container or Pod; a lost container by its restart count."""
    lost = terminated(None, 137, "ContainerStatusUnknown", containerID="")
    documents = [
        crashed(T0),
        crashed(after(10)),
        crashed(T0, number=2),
        pod(container("other", terminated())),
        pod(container(last=lost, restarts=1)),
        pod(container(last=lost, restarts=2)),
    ]
    ids = {diagnose(read(document))[0].id for document in documents}
    assert len(ids) == len(documents)


def test_an_unknown_end_is_bounded_by_the_restart() -> None:
    """A container without finishedAt had ended when it was started again."""
    document = pod(container(last=terminated(None), started=after(30)))
    found = diagnose(read(document))[0]
    assert (found.finished_at, found.ended_by) == (None, after(30))
