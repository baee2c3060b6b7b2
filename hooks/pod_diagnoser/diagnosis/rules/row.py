"""A row of the table of causes, and predicates that several rows use."""

from collections.abc import Callable
from dataclasses import dataclass

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis.evidence import EventFinding
from pod_diagnoser.diagnosis.phrases import Template
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind


@dataclass(frozen=True, slots=True)
class Predicate:
    """Which symptoms a row of the table of causes is about.

    Attributes:
        description: the predicate in words, for people.
        holds: whether it holds for a symptom.
        fields: the fields of a symptom that it rests on. Without one of them it does not hold.
        kind: the kind of symptom for which it may hold; None for any.
    """

    description: str
    holds: Callable[[Symptom], bool]
    fields: tuple[str, ...] = ()
    kind: SymptomKind | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CauseRule:
    """A row of the table of causes; each is itself and no other, whatever it says.

    The lines are templates (`statement`, `phrases.PLACEHOLDERS`), or functions that pick one where
    that depends on more than one fact.

    Attributes:
        cause: the cause.
        predicate: which symptoms the row is about, where no row above holds.
        diagnosis: what happened: only what is proved.
        evidence: what proves it, and what is not proved.
        next_step: one thing to do.
        source: where the fact comes from.
    """

    cause: Cause
    predicate: Predicate
    diagnosis: str | Template
    evidence: str | Template
    next_step: str | Template
    source: str

    def __deepcopy__(self, memo: object) -> "CauseRule":
        """Return the row itself: a copy would be another row."""
        del memo
        return self


KUBELET_STATUS = "pkg/kubelet/kubelet_pods.go (convertStatusToAPIStatus)"


KUBELET_MANAGER = "pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodActions)"


KUBELET_IMAGES = "pkg/kubelet/images/types.go"


KUBELET_CONTAINER = "pkg/kubelet/kuberuntime/kuberuntime_container.go"


CONTAINERD_CRI = "containerd internal/cri/server/events.go, container_status.go"


LOGS_STEP = "[see its last output: ]{logs}"


def reason_in(kind: SymptomKind, words: str, names: tuple[str, ...]) -> Predicate:
    """Hold for symptoms of a kind with one of these reasons."""
    return Predicate(
        f"{words} {' or '.join(names)}",
        lambda symptom: symptom.reason in names,
        ("reason",),
        kind,
    )


def has_reason(*names: str) -> Predicate:
    """Hold for containers that terminated with one of these reasons."""
    return reason_in(SymptomKind.TERMINATED, "reason", names)


def has_exit_code(code: int) -> Predicate:
    """Hold for containers that terminated with an exit code."""
    return Predicate(
        f"exit code {code}",
        lambda symptom: symptom.exit_code == code,
        ("exit_code",),
        SymptomKind.TERMINATED,
    )


def has_finding(
    finding: EventFinding, description: str, kind: SymptomKind = SymptomKind.TERMINATED
) -> Predicate:
    """Hold where the evidence has this finding."""
    return Predicate(
        description, lambda symptom: symptom.event_finding is finding, ("evidence",), kind
    )


def all_of(one: Predicate, other: Predicate) -> Predicate:
    """Hold where both hold."""
    return Predicate(
        f"{one.description} and {other.description}",
        lambda symptom: one.holds(symptom) and other.holds(symptom),
        (*one.fields, *other.fields),
        one.kind,
    )
