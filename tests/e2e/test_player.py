"""The kubelet that is played says what a real one said (no cluster needed)."""

import copy
from datetime import UTC, datetime

from dev.envtest import pods
from dev.envtest.client import Json
from dev.envtest.pods import container_status
from tests.e2e.workspace import recording

ONLY_REAL = {"allocatedResources", "resources", "user", "volumeMounts"}
"""What a kubelet reports of a container beside its state."""


def life(pod: Json) -> Json:
    """Return what a Pod's first container went through, without ids, times and images."""

    def plain(value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {name: plain(inner, name) for name, inner in value.items()}
        return "…" if key.endswith(("At", "ID", "image", "message")) else value

    status = {
        key: plain(value, key)
        for key, value in container_status(pod).items()
        if key not in ONLY_REAL
    }
    conditions = {one["type"]: one["status"] for one in pod["status"]["conditions"]}
    return {**status, "name": "app", "conditions": conditions}


def played(*steps: str) -> Json:
    """Return a Pod that the player took through some steps."""
    pod = pods.manifest("crash")
    pod["metadata"].update(namespace="shop", uid="11111111-2222-3333-4444-555555555555")
    for step in ("started", *steps):
        if step == "ended":
            pod["status"] = pods.ended(pod, pods.Termination(1, "Error"))
        else:
            pod["status"] = getattr(pods, step)(pod)
    return pod


def test_running() -> None:
    """A Pod that runs."""
    assert life(played()) == life(recording("00-healthy-running"))


def test_restarted() -> None:
    """A container that failed and runs again: restartCount and lastState show it."""
    assert life(played("ended", "restarted")) == life(recording("02-exit1-restarted"))


def test_backing_off() -> None:
    """A container that failed twice and waits: the count has not yet risen for the second time."""
    real, ours = recording("05-crashloop-1-waiting"), played("ended", "restarted", "ended")
    ours["status"] = pods.backing_off(ours)
    assert life(ours) == life(real)
    message = container_status(ours)["state"]["waiting"]["message"]
    assert message == (
        "back-off 10s restarting failed container=app "
        "pod=crash_shop(11111111-2222-3333-4444-555555555555)"
    )
    assert container_status(real)["state"]["waiting"]["message"].startswith(
        "back-off 10s restarting failed container=app pod="
    )


def test_recorded_times_move_together() -> None:
    """A recorded status is moved to the present as a whole; what stands for no time stays."""
    recorded = recording("06-command-not-found-crashloop")
    before = copy.deepcopy(recorded)
    latest = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    moved = pods.recorded_status(recorded, latest)
    assert recorded == before, "the recording is not changed"
    termination = container_status({"status": moved})["lastState"]["terminated"]
    assert termination["startedAt"] == "1970-01-01T00:00:00Z"
    text = str(moved)
    assert "2030-01-02T03:04:05Z" in text
    assert "2026-" not in text
