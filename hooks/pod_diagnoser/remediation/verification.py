"""Check, on what was read live, whether a Pod may be replaced now. Pure."""

from datetime import datetime

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.remediation.limits import budget_limit, owner_limit
from pod_diagnoser.remediation.model import Phase, Reason
from pod_diagnoser.remediation.safeguards import violated_safeguard


def reason_to_withhold(
    live: PodDiagnoser, pod: OwnedPod, found: Diagnosis, now: datetime
) -> Reason | None:
    """Say what forbids to replace a Pod now.

    Args:
        live: the PodDiagnoser.
        pod: the Pod.
        found: what crashed in it.
        now: the time by the API server's clock.

    Returns:
        What of the Pod itself forbids it, else of its owner, else the budget; None if nothing does.
        What is planned does not count: it is asked the same when it is its turn.
    """
    policy, status = live.spec.remediation, live.status
    reason = violated_safeguard(pod, found, live.spec, now)
    if reason is not None:
        return reason
    settled = [entry for entry in status.remediations if entry.phase != Phase.PLANNED]
    limit = owner_limit(policy, status.owners, pod.owner_uid, pod.template_hash, now)
    limit = limit or budget_limit(policy, settled, now)
    return limit.reason if limit is not None else None
