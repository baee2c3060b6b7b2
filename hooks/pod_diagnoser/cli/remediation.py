"""What the operator did for a Pod, or why not, as its PodDiagnoser's status says. Pure."""

from collections.abc import Iterator
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import CLUSTER_POD_DIAGNOSER, PodDiagnoser
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.claims import is_read
from pod_diagnoser.diagnosis.quoting import name, quote, word
from pod_diagnoser.remediation.model import explanation

_MAX_WORD_BYTES: Final = 60
_MAX_MESSAGE_BYTES: Final = 300


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
    if not is_read(claim):
        yield (
            f"{claim.KIND} {name(claim.metadata.name)} diagnoses; what it does about crashes could "
            "not be read"
        )
        return
    action = claim.spec.remediationAction
    what = (
        f"has remediationAction {status_word(action)}"
        if action
        else "diagnoses, and takes no action"
    )
    yield f"{claim.KIND} {name(claim.metadata.name)} {what}"
    for entry in claim.status.remediations:
        if entry.podUID == pod.metadata.uid:
            told = f"{status_word(entry.action)} {status_word(entry.phase)}"
            yield _line(told, entry.reason, entry.message)
    for withheld in claim.status.withheld:
        if any(example in _examples(pod, claim) for example in withheld.examples):
            yield _line("withheld", withheld.reason, withheld.message)


def _examples(pod: OwnedPod, claim: PodDiagnoser) -> tuple[str, ...]:
    """Return how a status names a Pod among the withheld ones."""
    meta = pod.metadata
    named = f"{meta.namespace}/{meta.name}"
    return (named,) if claim.KIND == CLUSTER_POD_DIAGNOSER else (named, meta.name)


def _line(told: str, reason: str, message: str) -> str:
    line = f"{told} ({status_word(reason)})"
    return f"{line}: {status_message(reason, message)}" if message else line


def status_word(text: str) -> str:
    """Return a word of a status as it may stand in a sentence; in quotes where it is none."""
    return word(sanitize(text, _MAX_WORD_BYTES))


def status_message(reason: str, message: str) -> str:
    """Return a message of a status: bare only if it is what this version says of its reason."""
    if message in ("", explanation(reason)):
        return message
    return quote(sanitize(message, _MAX_MESSAGE_BYTES), _MAX_MESSAGE_BYTES)
