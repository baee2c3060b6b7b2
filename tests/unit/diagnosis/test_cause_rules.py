"""Properties of the table of causes. Golden files show each row."""

from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES, explain
from pod_diagnoser.diagnosis.evidence import EventFinding, EventLookup, Evidence
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind

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
    assert {rule.cause for rule in CAUSE_RULES} == set(Cause)
    assert all(rule.source for rule in CAUSE_RULES)
