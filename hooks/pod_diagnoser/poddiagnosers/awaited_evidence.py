"""What waits for evidence before it is told or planned, and for how long.

A PodDiagnoser's sync often sees a crash a moment before the Pod's own sync has read the Events
that prove its cause. What it told then would contradict the Pod's annotations for ever, and what it
planned would rest on the wrong cause.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from cachetools import FIFOCache, TTLCache

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoserSpec
from pod_diagnoser.poddiagnosers.recorded_diagnoses import diagnose_again
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot
from pod_diagnoser.pods.filters import reportable
from pod_diagnoser.pods.observation import CrashedPod, awaits_evidence

if TYPE_CHECKING:
    from pod_diagnoser.diagnosis.symptoms import Symptom

EVIDENCE_WAIT_SECONDS: Final = 7.0
"""For how long what is told or planned of a crash waits for its evidence, from when this process
first saw the crash. The second lookup of its Events is 5 seconds after the first
(`pod_diagnoser.diagnosis.event_rules.SECOND_LOOKUP_AFTER`); the rest is for reading and writing."""

MAX_AWAITED: Final = 20_000
"""How many crashes are known to have waited. Forgetting one lets it wait once more."""

MAX_REMEMBERED: Final = 2_000
REMEMBERED_SECONDS: Final = 60.0
"""How many crashes are remembered that Pods may no longer show when their evidence is there, and
for how long: a container that crashes at once again shows the next crash within a second."""


_Snapshot = TypeVar("_Snapshot", bound=DiagnoserSnapshot)


class AwaitedEvidence:
    """The crashes that wait for evidence, as far as this process has seen them.

    Without its memory a crash waits for longer, and is not told if its Pod no longer shows it.

    Args:
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since: FIFOCache[str, float] = FIFOCache(MAX_AWAITED)
        self._shown: TTLCache[str, Symptom] = TTLCache(
            MAX_REMEMBERED, REMEMBERED_SECONDS, timer=monotonic
        )

    def update(self, snapshot: _Snapshot) -> tuple[_Snapshot, int]:
        """Remember the crashes of a request that wait, and recall those that it no longer shows.

        Returns:
            The request with those recalled; and how many crashes begin to wait.
        """
        spec = snapshot.diagnoser.spec
        if not _is_awaited(spec):
            return snapshot, 0
        begun = sum(self._remember(crashed, spec) for crashed in snapshot.crashed)
        recalled = [self.recall(each, spec) for each in snapshot.crashed]
        return replace(snapshot, crashed=recalled), begun

    def _remember(self, crashed: CrashedPod, spec: PodDiagnoserSpec) -> int:
        begun = 0
        for found in crashed.diagnoses:
            if found.id not in self._since:
                if not awaits_evidence(found, crashed.history, spec.evidence):
                    continue
                self._since[found.id] = self._monotonic()
                begun += 1
            elif found.id not in self._shown:
                continue
            # Its evidence, if any, is kept on the Pod with the crash.
            self._shown[found.id] = found.symptom._replace(evidence=None, output=None)
        return begun

    def recall(self, crashed: CrashedPod, spec: PodDiagnoserSpec) -> CrashedPod:
        """Add the crashes that a Pod showed a moment ago, and of which it still has the record.

        Args:
            crashed: the Pod.
            spec: the spec that says which crashes are reportable.
        """
        if not self._shown:
            return crashed
        shown = {found.id for found in crashed.diagnoses}
        former = [
            diagnose_again(symptom, record, spec.evidence)
            for record in crashed.history.history
            if record.id not in shown
            and not record.silent
            and (symptom := self._shown.get(record.id)) is not None
        ]
        if not former:
            return crashed
        meta = crashed.pod.metadata
        kept = reportable(meta.labels, meta.created, former, spec, crashed.history.history)
        return replace(crashed, former=kept)

    def waits(self, crashed: CrashedPod, spec: PodDiagnoserSpec) -> Mapping[str, float]:
        """Return for how many seconds yet each crash of a Pod waits that does, by crash id.

        In a Pod that is being deleted it waits for its first lookup alone: the Pod may be gone
        before the second.

        Args:
            crashed: the Pod.
            spec: the spec that says whether Events and output are read.
        """
        if not _is_awaited(spec):
            return {}
        now = self._monotonic()
        terminating = crashed.pod.metadata.terminating
        looked_up = {each.id for each in crashed.history.history} if terminating else ()
        waits = {
            found.id: self._since.get(found.id, now) + EVIDENCE_WAIT_SECONDS - now
            for found in (*crashed.diagnoses, *crashed.former)
            if found.id not in looked_up and awaits_evidence(found, crashed.history, spec.evidence)
        }
        return {crash: seconds for crash, seconds in waits.items() if seconds > 0}


def _is_awaited(spec: PodDiagnoserSpec) -> bool:
    """Say whether anything is read beyond the Pod's status."""
    return spec.evidence.events or spec.evidence.reason
