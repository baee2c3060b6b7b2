"""What the operator did for a Pod, or why not, as its PodDiagnoser's status says. Pure."""

from collections.abc import Iterator
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.api.text import sanitize

_MAX_BYTES: Final = 300


def remediation_of(pod: OwnedPod, claim: PodDiagnoser | None) -> tuple[str, ...]:
    """Say what a PodDiagnoser does about a Pod.

    Args:
        pod: the Pod.
        claim: the PodDiagnoser that claims it, or None.

    Returns:
        Lines that are safe to show; none where no PodDiagnoser claims it.
    """
    return tuple(_lines(pod, claim)) if claim is not None else ()


def _lines(pod: OwnedPod, claim: PodDiagnoser) -> Iterator[str]:
    action = sanitize(claim.spec.remediationAction, _MAX_BYTES)
    what = f"has remediationAction {action}" if action else "diagnoses, and takes no action"
    yield f"PodDiagnoser {claim.metadata.name} {what}"
    for entry in claim.status.remediations:
        if entry.podUID == pod.metadata.uid:
            told = f"{entry.action} {entry.phase} ({entry.reason})"
            yield sanitize(f"{told}: {entry.message}" if entry.message else told, _MAX_BYTES)
    for withheld in claim.status.withheld:
        if any(pod.metadata.name in example.split("/") for example in withheld.examples):
            yield sanitize(f"withheld: {withheld.reason}: {withheld.message}", _MAX_BYTES)
