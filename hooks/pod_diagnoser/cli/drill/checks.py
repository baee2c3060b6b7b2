"""What should have come of each crash, and whether it did. Pure.

A check that is None is not decided: what it waits for may still come.
"""

from collections.abc import Callable, Mapping
from typing import Final

from pod_diagnoser.api.diagnostics_v1 import EVENT_CONTROLLER
from pod_diagnoser.cli.drill.observed import Claim, Json, Observed, items, shown, text_at
from pod_diagnoser.cli.drill.operator_check import LOOK_AT_THE_HOOK, why_nothing_is_written
from pod_diagnoser.cli.drill.report import Check, State
from pod_diagnoser.cli.drill.workloads import Workload
from pod_diagnoser.pods.keys import CAUSE, RESTART_REASON

CRASH: Final = "crash"
ANNOTATION: Final = "annotation"
EVENT: Final = "event"
STATUS: Final = "status"
METRIC: Final = "metric"

_HALF_PROVED: Final = (
    "not why: the operator may not read Events (component evidence), which prove the probe's kill"
)


class Moment:
    """How a workload stands at one moment.

    Args:
        workload: the workload.
        observed: what was read.
        claim: who diagnoses; None where no operator is installed.
        late: whether nothing is waited for any more.
        settled: whether what the Events prove would be there by now.
    """

    def __init__(
        self,
        workload: Workload,
        observed: Observed,
        claim: Claim | None,
        *,
        late: bool,
        settled: bool,
    ) -> None:
        self.workload, self.observed, self.claim = workload, observed, claim
        self.late, self.settled = late, settled
        self.pod: Json = observed.pod_of(workload) or {}

    def check(self, name: str, state: State, message: str, next_step: str = "") -> Check:
        """Return a check of this workload."""
        return Check(self.workload.name, name, state, message, next_step)

    def passed(self, name: str, message: str) -> Check:
        """Return that it works."""
        return self.check(name, State.PASSED, message)

    def failed(self, name: str, message: str, next_step: str = "") -> Check | None:
        """Return that it does not work, where nothing is waited for any more."""
        return self.check(name, State.FAILED, message, next_step) if self.late else None

    def missing(self, name: str, what: str) -> Check | None:
        """Return that the operator did not write something, and why; as `failed`."""
        return self.failed(name, *why_nothing_is_written(self.observed, self.claim, what))

    def accepts(self, cause: str) -> bool:
        """Whether a cause is right; what is right as far as it goes is so where it stays."""
        best, *further = (each.value for each in self.workload.causes)
        return cause == best or (cause in further and (self.settled or self.late))

    def remark(self, cause: str) -> str:
        """Say what is missing of a cause that is right as far as it goes."""
        return "" if cause == self.workload.causes[0].value else f" ({_HALF_PROVED})"


def crash_check(now: Moment) -> Check | None:
    """Whether it crashes as it should, by what kubectl diagnose itself says."""
    findings = now.observed.findings_of(now.workload)
    for each in findings:
        cause = each.diagnosis.cause.value
        if now.accepts(cause):
            return now.passed(CRASH, f"{cause}: {each.statement.diagnosis}")
    wanted = now.workload.causes[0].value
    if not now.pod:
        return now.failed(
            CRASH,
            "no Pod was created",
            "see why: an admission policy or a quota may refuse it; --keep leaves the namespace",
        )
    if findings:
        found = findings[0]
        return now.failed(
            CRASH,
            f"{found.diagnosis.cause.value} in place of {wanted}: {found.statement.diagnosis}",
            found.statement.next_step,
        )
    phase = shown(text_at(now.pod, "status", "phase")) or "without a status"
    return now.failed(
        CRASH, f"the Pod did not crash in time (it is {phase})", "give it longer: --wait 3m"
    )


def annotation_check(now: Moment) -> Check | None:
    """Whether the operator wrote the cause on the Pod."""
    cause = text_at(now.pod, "metadata", "annotations", CAUSE)
    if now.accepts(cause):
        reason = text_at(now.pod, "metadata", "annotations", RESTART_REASON)
        said = f", {shown(reason)}" if reason else ""
        return now.passed(ANNOTATION, f"{cause}{said}{now.remark(cause)}")
    if cause:
        wanted = now.workload.causes[0].value
        return now.failed(ANNOTATION, f"the Pod shows {shown(cause)} in place of {wanted}")
    return now.missing(ANNOTATION, "the Pod has no annotation")


def event_check(now: Moment) -> Check | None:
    """Whether the operator created an Event about it."""
    claim = now.claim
    if now.observed.events is None:
        why = f"you may not read Events: {now.observed.events_refused}"
        return now.check(EVENT, State.NOT_CHECKED, why)
    uid = text_at(now.pod, "metadata", "uid")
    for each in now.observed.events:
        if text_at(each, "involvedObject", "uid") != uid or not uid or not _is_of_operator(each):
            continue
        cause = text_at(each, "metadata", "annotations", CAUSE)
        if now.accepts(cause):
            return now.passed(EVENT, f"{shown(text_at(each, 'reason'))}: {_note_of(each)}")
    if claim is not None and not claim.logs_events:
        asked = "is not known to ask for" if claim.logs_events is None else "does not ask for"
        why = f"{claim} {asked} Events (remediationAction: LogEvent)"
        return now.check(EVENT, State.NOT_CHECKED, why)
    why = now.observed.condition("Remediating")
    if why:
        return now.failed(
            EVENT,
            f"no Event was created; the condition Remediating says {why}",
            "give the operator the role of the manifests (pod-diagnoser-remediation): it may "
            "create Events then",
        )
    return now.missing(EVENT, "no Event was created")


def _is_of_operator(event: Json) -> bool:
    return EVENT_CONTROLLER in (
        text_at(event, "reportingComponent"),
        text_at(event, "source", "component"),
    )


def _note_of(event: Json) -> str:
    return shown(text_at(event, "message")).partition(". ")[0]


def status_check(now: Moment) -> Check | None:
    """Whether the status of who diagnoses names the crash."""
    if now.observed.diagnoser is None and now.observed.diagnoser_refused:
        why = f"you may not read {now.claim}: {now.observed.diagnoser_refused}"
        return now.check(STATUS, State.NOT_CHECKED, why)
    uid = text_at(now.pod, "metadata", "uid")
    for each in items(now.observed.status(), "recentDiagnoses"):
        cause = text_at(each, "cause")
        if uid and text_at(each, "podUID") == uid and now.accepts(cause):
            return now.passed(STATUS, f"recentDiagnoses of {now.claim} names it, {cause}")
    return now.missing(STATUS, f"the status of {now.claim} does not name it")


def metric_check(now: Moment) -> Check | None:
    """Whether the state metrics have the workload."""
    causes = (now.observed.series or {}).get(now.workload.name, frozenset())
    found = next((each for each in sorted(causes) if now.accepts(each)), None)
    if found is not None:
        return now.passed(METRIC, f'pod_diagnoser_workload_crashing_pods{{cause="{found}"}}')
    return now.failed(
        METRIC,
        "/metrics/state has no pod_diagnoser_workload_crashing_pods of it",
        LOOK_AT_THE_HOOK,
    )


CHECKS: Final[Mapping[str, Callable[[Moment], Check | None]]] = {
    CRASH: crash_check,
    ANNOTATION: annotation_check,
    EVENT: event_check,
    STATUS: status_check,
    METRIC: metric_check,
}
"""The checks of each workload, in order."""
