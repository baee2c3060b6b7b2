"""Whether the operator is at work at all, and what to say where it is not. Pure."""

from typing import Final

from pod_diagnoser.cli.drill.observed import Claim, Observed
from pod_diagnoser.cli.drill.report import Check, State

OPERATOR: Final = "operator"

LOOK_AT_THE_HOOK: Final = (
    "see whether the operator's Pods are ready, and what they log: "
    "kubectl get pods -A -l app.kubernetes.io/name=pod-diagnoser"
)
_LOOK_AT_METACONTROLLER: Final = (
    "see whether Metacontroller runs, and what it logs: "
    "kubectl get pods -A -l app.kubernetes.io/name=metacontroller"
)

NOT_INSTALLED: Final = Check(
    "",
    OPERATOR,
    State.FAILED,
    "it is not installed (the cluster has no kind PodDiagnoser): annotations, Events, status, "
    "metrics and alerts are not checked, only what kubectl diagnose says",
    "install it: README.md",
)


def operator_check(observed: Observed, claim: Claim, *, late: bool) -> Check | None:
    """Whether the operator answers: who diagnoses has a status.

    Args:
        observed: what was read.
        claim: who diagnoses.
        late: whether nothing is waited for any more.
    """
    if observed.diagnoser_refused or "observedGeneration" in observed.status():
        return Check("", OPERATOR, State.PASSED, f"{claim} diagnoses these Pods")
    if not late:
        return None
    what = f"its kinds are installed, but {claim} gets no status"
    return Check("", OPERATOR, State.FAILED, *why_nothing_is_written(observed, claim, what))


def why_nothing_is_written(observed: Observed, claim: Claim | None, what: str) -> tuple[str, str]:
    """Say why the operator did not write something, and what to do.

    Args:
        observed: what was read.
        claim: who diagnoses.
        what: what is missing.
    """
    error = observed.sync_error()
    if error:
        return f"{what}; Metacontroller says: {error}", LOOK_AT_THE_HOOK
    if not observed.status() and claim is not None and not claim.is_of_cluster:
        return what, _LOOK_AT_METACONTROLLER
    return what, LOOK_AT_THE_HOOK
