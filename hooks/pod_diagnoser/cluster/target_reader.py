"""Reads DiagnosisTargets live: logs are read for these alone.

What a request holds of a DiagnosisTarget may be old, or made up by who may call the hook. With it
alone the hook could be made to read any log that it may, and to show it without its masks.
"""

from collections.abc import Callable
from typing import Final

from pydantic import ValidationError

from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTarget,
    DiagnosisTargetSpec,
    diagnosis_target_name,
)
from pod_diagnoser.cluster.shared_reads import SharedReads
from pod_diagnoser.diagnosis.evidence import EventLookup

KEPT_SECONDS: Final = 5.0
"""How long a DiagnosisTarget that was read is used: the crashes of a burst cost one read together.
One that differs from a request's is read again at once: either may be the newer one."""

MAX_TARGETS: Final = 500
"""How many are held at a time. Forgetting one costs a call."""

ReadTarget = Callable[[str, str, float], bytes | EventLookup]
"""Reads a DiagnosisTarget: namespace, name, and until when by the monotonic clock."""


class TargetReader:
    """Reads DiagnosisTargets.

    Safe to be shared by greenlets and by threads.

    Args:
        read: reads one.
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(self, read: ReadTarget, monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._targets: SharedReads[tuple[str, str], DiagnosisTargetSpec]
        self._targets = SharedReads(MAX_TARGETS, monotonic)

    def confirms(self, namespace: str, claimed: DiagnosisTargetSpec | None, until: float) -> bool:
        """Say whether a DiagnosisTarget is in the cluster as a request has it.

        Args:
            namespace: the namespace of the Pod.
            claimed: its spec by the request.
            until: until when it may take, by the monotonic clock.

        Returns:
            True where the same one is there, by a read of the last `KEPT_SECONDS`; False also where
            that is not known.
        """
        if claimed is None or not claimed.evidence.reads_logs:
            return False
        name = diagnosis_target_name(claimed)
        with self._targets.hold((namespace, name), until) as target:
            if target is None:
                return False
            now = self._monotonic()
            if now >= target.until or target.value != claimed:
                target.value = self._find(namespace, name, until)
                target.until = now + KEPT_SECONDS
            return target.value == claimed

    def _find(self, namespace: str, name: str, until: float) -> DiagnosisTargetSpec | None:
        content = self._read(namespace, name, until)
        if isinstance(content, EventLookup):
            return None
        try:
            found = DiagnosisTarget.model_validate_json(content)
        except ValidationError:
            return None
        meta = found.metadata
        is_named = (meta.namespace, meta.name) == (namespace, name)
        if not is_named or meta.terminating or not found.is_owned_by_its_diagnoser:
            return None
        return found.spec
