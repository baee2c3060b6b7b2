"""What state metrics read of PodDiagnosers: a few fields of their statuses.

A status is written by Metacontroller alone, as the hook says; whoever else may write one could put
anything into it that its schema allows. So each word is one that could be ours, or empty.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from pod_diagnoser.api.diagnostics_v1 import StoredModel
from pod_diagnoser.api.fields import Int64, Many, Name, StoredTime, Text, WireModel, is_object_name

_WORD: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")


def _word(text: str) -> str:
    return text if _WORD.fullmatch(text) else ""


def _object_name(text: str) -> str:
    return text if is_object_name(text) else ""


def _namespace(text: str) -> str:
    if text and not is_object_name(text):
        message = "no namespace"
        raise ValueError(message)
    return text


_Word = Annotated[Text, AfterValidator(_word)]
"""A kind, cause, reason or phase in CamelCase; empty for anything else."""

_ObjectName = Annotated[Text, AfterValidator(_object_name)]
"""The name of an object; empty for what no object can be called."""


class ConditionState(StoredModel):
    """One of ``status.conditions``."""

    type: _Word = ""
    status: _Word = ""
    reason: _Word = ""


class WithheldState(StoredModel):
    """One of ``status.withheld``."""

    reason: _Word = ""
    crashes: Int64 = 0


class RemediationState(StoredModel):
    """One of ``status.remediations``."""

    namespace: _ObjectName = ""
    """Of a ClusterPodDiagnoser alone."""
    action: _Word = ""
    phase: _Word = ""
    reason: _Word = ""
    outcome: _Word = ""


class CauseState(StoredModel):
    """One of the causes of a workload."""

    cause: _Word = ""
    pods: Int64 = 0


class WorkloadState(StoredModel):
    """One of ``status.workloads``."""

    namespace: _ObjectName = ""
    """Of a ClusterPodDiagnoser alone."""
    kind: _Word = ""
    name: _ObjectName = ""
    crashingPods: Int64 = 0
    causes: Many[CauseState] = ()
    since: StoredTime = None
    lastTime: StoredTime = None


class StatusState(StoredModel):
    """``status``, as far as it is read here."""

    observedGeneration: Int64 | None = None
    diagnosedPods: Int64 = 0
    conditions: Many[ConditionState] = ()
    remediations: Many[RemediationState] = ()
    withheld: Many[WithheldState] = ()
    workloads: Many[WorkloadState] = ()


class StateMeta(StoredModel):
    """The metadata that is read here; a ClusterPodDiagnoser has no namespace."""

    namespace: Annotated[Text, AfterValidator(_namespace)] = ""
    name: Name
    generation: Int64 | None = None

    @property
    def has_namespace(self) -> bool:
        """Whether it has one."""
        return bool(self.namespace)


class DiagnoserState(WireModel):
    """A PodDiagnoser, as far as it is read here."""

    metadata: StateMeta
    status: StatusState | None = None


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> DiagnoserState | None:
    try:
        return read(value)  # type: ignore[no-any-return]  # pydantic's handler
    except ValidationError:
        return None


class _List(WireModel):
    """A ``PodDiagnoserList``; None for an item that cannot be read."""

    items: tuple[Annotated[DiagnoserState | None, WrapValidator(_or_none)], ...]


@dataclass(frozen=True, slots=True)
class DiagnoserStates:
    """The PodDiagnosers of a list.

    Attributes:
        readable: by namespace and name.
        unreadable: how many could not be read: their statuses are none that the CRD allows.
    """

    readable: Sequence[DiagnoserState]
    unreadable: int


NO_DIAGNOSERS: Final = DiagnoserStates((), 0)
"""Those of an empty list."""


def parse_diagnoser_list(content: bytes, *, of_cluster: bool = False) -> DiagnoserStates | None:
    """Read a list of PodDiagnosers, or of ClusterPodDiagnosers; None where it is none."""
    try:
        items = _List.model_validate_json(content).items
    except ValidationError:
        return None
    found = [
        item for item in items if item is not None and of_cluster is not item.metadata.has_namespace
    ]
    found.sort(key=lambda each: (each.metadata.namespace, each.metadata.name))
    return DiagnoserStates(found, len(items) - len(found))
