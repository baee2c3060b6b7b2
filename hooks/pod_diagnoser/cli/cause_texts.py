"""What the table of causes says of a cause, with an example. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pod_diagnoser.api.causes import LASTING_CONDITIONS, REQUESTED_RESTARTS, TRANSIENT, Cause
from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.api.diagnostics_v1 import DEFAULT_CAUSES
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES, state
from pod_diagnoser.diagnosis.rules.row import CauseRule
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind

_OF_THE_POD: Final = frozenset(
    {
        Cause.UNSCHEDULABLE,
        Cause.SCHEDULING_GATED,
        Cause.NOT_SCHEDULED,
        Cause.NOT_PICKED_UP,
        Cause.READINESS_GATE_NOT_SET,
        Cause.NODE_NOT_READY,
        Cause.RESIZE_PENDING,
        Cause.RESIZE_FAILED,
        Cause.NOT_DELETED,
    }
)
"""Lasting conditions of the Pod as a whole."""

_OF_INIT_CONTAINERS: Final = frozenset({Cause.INIT_CONTAINER_RUN_AGAIN, Cause.NOT_INITIALIZED})

_TIME: Final = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
_NUMBER: Final = re.compile(r"-?[0-9]+")
_WORD: Final = re.compile(r"[a-z0-9]+")
_LACKS_A_FACT: Final = re.compile(
    r"  | [,;:]|; completed| (?:reason|gate|at|with) ?$| gate  |\bunknown\b"
)
"""How a sentence looks in which a fact of a real Pod would stand."""


@dataclass(frozen=True, slots=True)
class CauseText:
    """What a row of the table says.

    Attributes:
        cause: the cause.
        when: when it is named, where no row above holds.
        example: what is said then, for example; or an empty string.
        next_step: what is to be done next.
        source: where the fact comes from.
    """

    cause: Cause
    when: str
    example: str
    next_step: str
    source: str


def cause_texts() -> Iterator[CauseText]:
    """Yield what each row says, in the order in which they are tried."""
    for rule in CAUSE_RULES:
        lines = state(rule, _example(rule))
        said = "" if _LACKS_A_FACT.search(lines.diagnosis) else lines.diagnosis
        when = rule.predicate.description
        yield CauseText(rule.cause, when, said, lines.next_step, rule.source)


def find_cause_texts(text: str) -> list[CauseText]:
    """Return what the rows of a cause say; of a reason or an exit code those that name it."""
    texts, word = tuple(cause_texts()), text.lower()
    named = [each for each in texts if each.cause.value.lower() == word]
    return named or [each for each in texts if word in _WORD.findall(each.when.lower())]


def kind_of(cause: Cause) -> str:
    """Say what kind of thing a cause is, and whether a new Pod may help."""
    if cause in REQUESTED_RESTARTS:
        return "a restart that was requested: no crash"
    if cause in LASTING_CONDITIONS:
        return "a condition that lasts: nothing ended"
    if cause in TRANSIENT:
        return "a container that does not start"
    if cause.value in DEFAULT_CAUSES:
        return "an end; remediated by default, where a PodDiagnoser remediates"
    return "an end; remediated only where spec.remediation.causes names it"


def _example(rule: CauseRule) -> Symptom:
    """Make a symptom that the row could be about."""
    kind = rule.predicate.kind or SymptomKind.TERMINATED
    container: ContainerKind | None = ContainerKind.CONTAINER
    if kind is SymptomKind.POD or rule.cause in _OF_THE_POD:
        container = None
    elif rule.cause in _OF_INIT_CONTAINERS:
        container = ContainerKind.INIT
    symptom = Symptom(
        id="0" * 16,
        kind=kind,
        container_kind=container,
        namespace="shop",
        pod="app-1",
        container="app" if container else "",
        node="node1",
        started_at=_TIME - timedelta(seconds=95),
        finished_at=_TIME,
    )
    codes = [*map(int, _NUMBER.findall(rule.predicate.description)), 1]
    tried = (symptom._replace(exit_code=code) for code in codes)
    if "exit_code" not in rule.predicate.fields:
        return symptom
    return next((each for each in tried if rule.predicate.holds(each)), symptom)
