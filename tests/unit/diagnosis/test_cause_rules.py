"""Properties of the table of causes. Golden files show each row."""

import re
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.api.text import ELLIPSIS
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES, rule_for, state
from pod_diagnoser.diagnosis.evidence import EventFinding, EventLookup, Evidence
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind
from tests.support.builders import termination

REASONS = [
    *("", "Error", "Completed", "OOMKilled", "Unknown", "StartError", "ContainerStatusUnknown"),
    *("Evicted", "NodeLost", "Terminated", "ImagePullBackOff", "CreateContainerConfigError"),
    *("CrashLoopBackOff", "InvalidImageName", "Unschedulable", "NotCreated", "NotReady"),
]

LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
NAME = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True)
SAID = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=200)

SYMPTOMS = st.builds(
    termination,
    kind=st.sampled_from(SymptomKind),
    container_kind=st.none() | st.sampled_from(ContainerKind),
    namespace=st.just("shop") | LABEL,
    pod=st.just("app-1") | NAME,
    container=st.just("app") | LABEL,
    reason=st.sampled_from(REASONS) | SAID,
    exit_code=st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(0, 260),
    node=st.sampled_from(["", "node1"]) | NAME,
    image=st.sampled_from(["", "app:1"]) | NAME | SAID,
    memory_limit=st.sampled_from(["", "64Mi"]),
    message=SAID,
    probes=st.sampled_from([(), ("liveness",), ("liveness", "startup")]),
    has_post_start_hook=st.booleans(),
    resizable=st.booleans(),
    restart_rule=st.booleans(),
    final=st.booleans(),
    started_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    finished_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    evidence=st.none()
    | st.builds(
        Evidence, st.sampled_from(EventLookup), st.none() | st.sampled_from(EventFinding), SAID
    ),
)
TERMINATIONS = SYMPTOMS.map(
    lambda symptom: symptom._replace(
        kind=SymptomKind.TERMINATED,
        container_kind=symptom.container_kind or ContainerKind.CONTAINER,
    )
)


def lines_of(symptom: Symptom) -> tuple[str, str, str]:
    """Return the lines about a symptom."""
    lines = state(rule_for(symptom), symptom)
    return lines.diagnosis, lines.evidence, lines.next_step


@given(SYMPTOMS)
def test_every_symptom_has_three_whole_lines(symptom: Symptom) -> None:
    """Each is one line, short enough to be seen whole; quotations and groups are closed."""
    for line in lines_of(symptom):
        assert line
        assert line.isprintable()
        assert len(line.encode()) <= MAX_LINE_BYTES
        assert line.count('"') % 2 == 0
        assert "{" not in unquoted(line)


@given(SYMPTOMS)
def test_no_name_and_no_command_is_cut(symptom: Symptom) -> None:
    """Outside quotations a name stands whole or not at all; so does a command."""
    for line in lines_of(symptom):
        own = unquoted(line)
        assert ELLIPSIS not in own
        for command in re.findall("kubectl .*", own):
            assert any(command.startswith(whole) for whole in commands(symptom)), line


@given(SYMPTOMS, SAID)
def test_text_from_outside_changes_nothing_but_quotations(symptom: Symptom, said: str) -> None:
    """Our own words are the same whatever a message says, as far as there is room for both."""
    other = symptom._replace(message=said)
    if symptom.kind is SymptomKind.POD or not said or not symptom.message:
        return  # a message may name the cause of a Pod's end
    one, two = lines_of(symptom), lines_of(other)
    for first, second in zip(one, two, strict=True):
        assert unquoted(first) == unquoted(second)


def unquoted(line: str) -> str:
    """Return a line with its quotations emptied."""
    return re.sub('"[^"]*"', '""', line)


def commands(symptom: Symptom) -> list[str]:
    """Return the commands that may stand in the lines about a symptom."""
    where = f"-n {symptom.namespace} {symptom.pod}"
    return [
        f"kubectl logs {where} -c {symptom.container}",
        f"kubectl describe pod -n {symptom.namespace} {symptom.pod}",
        f"kubectl describe node {symptom.node}",
        "kubectl logs",
        "kubectl describe pod",
        "kubectl describe node",
    ]


@given(TERMINATIONS)
def test_memory_is_the_cause_only_with_the_reason_oomkilled(termination: Symptom) -> None:
    """137 alone is not lack of memory, and the limit is named only with that reason."""
    cause = rule_for(termination).cause
    sentence = unquoted(" ".join(lines_of(termination)))
    if termination.reason != "OOMKilled":
        assert cause not in {Cause.OUT_OF_MEMORY, Cause.CHILD_OUT_OF_MEMORY}
        assert "its limit" not in sentence
        assert "OOMKilled" not in sentence.replace("not OOMKilled", "")
    elif termination.exit_code != 137 and termination.event_finding is None:
        assert cause is Cause.CHILD_OUT_OF_MEMORY


@given(TERMINATIONS)
def test_probes_are_mentioned_only_where_there_are_any(termination: Symptom) -> None:
    """Without a liveness or startup probe, none can have failed."""
    if not termination.probes and termination.event_finding is None:
        assert "probe" not in unquoted(" ".join(lines_of(termination)))


def test_the_table_covers_every_cause_with_a_source() -> None:
    """Each cause has a row, and each row says where its fact comes from."""
    assert {rule.cause for rule in CAUSE_RULES} == set(Cause)
    assert all(rule.source for rule in CAUSE_RULES)
