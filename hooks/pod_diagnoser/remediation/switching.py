"""Since when a PodDiagnoser replaces Pods: crashes from before that are not acted on. Pure."""

from datetime import datetime

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import ActionSince, PodDiagnoser
from pod_diagnoser.api.time import whole_seconds
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.remediation.limits import SKEW
from pod_diagnoser.remediation.model import replaces

_FIRST_GENERATION = 1
"""That of an object whose spec was never changed."""


def action_since(diagnoser: PodDiagnoser, now: datetime) -> ActionSince | None:
    """Return which action a PodDiagnoser asks for, and since when; None where it replaces no Pods.

    The stored time stays while the action does, unless it is implausible, or the spec has changed
    more than once since it was seen: another one may have been asked for in between. Where none is
    stored, it counts from now on, but from the creation of a PodDiagnoser whose spec was never
    changed.

    Args:
        diagnoser: the PodDiagnoser with its stored status.
        now: the time by the API server's clock.
    """
    stored, generation = stored_action(diagnoser), diagnoser.metadata.generation
    if stored is not None and _is_plausible(stored, generation, now):
        return stored.model_copy(update={"generation": generation})
    if not replaces(diagnoser):
        return None
    return ActionSince(
        value=diagnoser.spec.remediationAction,
        since=whole_seconds((_since_creation(diagnoser) if stored is None else None) or now),
        generation=generation,
    )


def stored_action(diagnoser: PodDiagnoser) -> ActionSince | None:
    """Return what is stored of the action that a PodDiagnoser asks for; None where nothing is."""
    stored = diagnoser.status.action
    if stored is None or not replaces(diagnoser):
        return None
    return stored if stored.value == diagnoser.spec.remediationAction else None


def is_switched_on(diagnoser: PodDiagnoser) -> bool:
    """Return whether a PodDiagnoser replaces Pods since now, as far as is known."""
    unknown = stored_action(diagnoser) is None and _since_creation(diagnoser) is None
    return replaces(diagnoser) and unknown


def is_before(since: datetime | None, pod: OwnedPod, found: Diagnosis) -> bool:
    """Return whether a Pod crashed before a time, such as that when an action was switched on.

    The time of a crash is by the clock of its node; a Pod that was created since then, by the API
    server's clock, has crashed since then.
    """
    if since is None:
        return False
    created = pod.metadata.created
    if created is not None and created >= since:
        return False
    return found.ended_by is None or found.ended_by < since


def _is_plausible(stored: ActionSince, generation: int | None, now: datetime) -> bool:
    changes = (generation or 0) - (stored.generation or 0)
    return stored.since is not None and stored.since <= now + SKEW and changes <= 1


def _since_creation(diagnoser: PodDiagnoser) -> datetime | None:
    """Return when a PodDiagnoser was created whose spec was never changed."""
    meta = diagnoser.metadata
    return meta.created if meta.generation == _FIRST_GENERATION else None
