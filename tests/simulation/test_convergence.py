"""Random histories with faults: in the end the cluster is as a plain specification says, and quiet.

The specification reads the Pods and PodDiagnosers that are there, and nothing of the hook.
"""

import random
from datetime import timedelta

import pytest

from simulator.objects import Object
from simulator.resources import POD
from simulator.writes import Call
from tests.simulation.world import DIAGNOSER, LABEL, PREFIX, TARGET, World

APPS = ("web", "db")
TARGETS: tuple[dict[str, str], ...] = ({}, {"app": "web"}, {"app": "db"})


class Faults:
    """Requests of Metacontroller that fail, before or after their effect, while it is on."""

    def __init__(self, rng: random.Random) -> None:
        self.share = 0.0
        self._rng = rng

    def before(self, call: Call) -> Exception | None:
        """Fail some before their effect."""
        return self._fault(call)

    def after(self, call: Call) -> Exception | None:
        """Fail some after it."""
        return self._fault(call)

    def _fault(self, call: Call) -> Exception | None:
        if call.manager != "metacontroller" or call.verb in {"get", "list"}:
            return None
        return OSError("connection reset") if self._rng.random() < self.share else None


class History:
    """A random history of one cluster, all of it from one seed."""

    could_count: dict[str, set[str]]

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 (a simulation's randomness, no secret)
        self.faults = Faults(self.rng)
        self.world = World(seed, self.faults)
        self.log: list[str] = []
        self.could_count = {}

    def run(self, steps: int) -> None:
        """Do random things; then let all faults end, and time pass."""
        actions = [
            (6, self.create_pod),
            (12, self.crash),
            (2, self.delete_pod),
            (2, self.relabel),
            (3, self.create_diagnoser),
            (1, self.delete_diagnoser),
            (2, self.change_diagnoser),
            (1, self.restart_hook),
            (1, self.toggle_hook),
            (1, self.restart_metacontroller),
            (2, self.lose_watches),
            (1, self.toggle_faults),
            (1, self.skew),
        ]
        choices = [action for weight, action in actions for _ in range(weight)]
        for _ in range(steps):
            action = self.rng.choice(choices)
            self.log.append(action.__name__)
            action()
            self._note()
            self.world.run(self.rng.choice([0, 0.002, 0.01, 0.05, 1, 10]))
            self._note()
        self.faults.share = 0
        self.world.hook.down = False
        self.world.hook.clock.skew = timedelta(0)
        self.world.run(25 * 60)  # longer than any cached answer, and two resyncs
        self._note()
        self.world.settle(60)

    # What happens

    def create_pod(self) -> None:
        """Create a Pod, perhaps under a name that was used before."""
        name = f"p{self.rng.randrange(12)}"
        if self.world.store.peek(POD, ("default", name)) is None:
            self.world.pod(name, app=self.rng.choice(APPS))

    def crash(self) -> None:
        """Let one Pod crash, or several at once."""
        for pod in self._some(self._pods(), 3):
            self.world.crash(pod["metadata"]["name"], self.rng.randrange(3))

    def delete_pod(self) -> None:
        """Delete a Pod."""
        for pod in self._some(self._pods(), 1):
            self.world.remove(pod["metadata"]["name"])

    def relabel(self) -> None:
        """Change the labels that diagnosers look at."""
        for pod in self._some(self._pods(), 1):
            labels = {"metadata": {"labels": {"app": self.rng.choice(APPS)}}}
            self.world.store.patch(POD, ("default", pod["metadata"]["name"]), labels)

    def create_diagnoser(self) -> None:
        """Create a PodDiagnoser, perhaps under a name that was used before."""
        name = f"d{self.rng.randrange(3)}"
        if self.world.store.peek(DIAGNOSER, ("default", name)) is None:
            self.world.diagnoser(name, targetLabels=self.rng.choice(TARGETS))

    def delete_diagnoser(self) -> None:
        """Delete a PodDiagnoser."""
        for diagnoser in self._some(self._live_diagnosers(), 1):
            self.world.remove_diagnoser(diagnoser["metadata"]["name"])

    def change_diagnoser(self) -> None:
        """Switch a PodDiagnoser off or on, or give it other labels."""
        for diagnoser in self._some(self._live_diagnosers(), 1):
            name = diagnoser["metadata"]["name"]
            if self.rng.random() < 0.5:
                self.world.change(name, enableAnnotations=self.rng.random() < 0.5)
            else:
                # A merge patch: null takes the label away that is not wanted.
                self.world.change(name, targetLabels={"app": self.rng.choice([*APPS, None])})

    def restart_hook(self) -> None:
        """Restart the hook."""
        self.world.hook.restart()

    def toggle_hook(self) -> None:
        """Let the hook go down, or come back."""
        self.world.hook.down = not self.world.hook.down

    def restart_metacontroller(self) -> None:
        """Restart Metacontroller."""
        self.world.restart_metacontroller()

    def lose_watches(self) -> None:
        """Lose all watches, and what was under way on them."""
        assert self.world.cluster.metacontroller
        for informer in self.world.cluster.metacontroller.informers.all:
            informer.relist()

    def toggle_faults(self) -> None:
        """Let requests fail, or no longer."""
        self.faults.share = 0.0 if self.faults.share else 0.3

    def skew(self) -> None:
        """Set the hook's clock wrong, or right."""
        self.world.hook.clock.skew = timedelta(seconds=self.rng.choice([-120, 0, 120]))

    def _some(self, objects: list[Object], most: int) -> list[Object]:
        return self.rng.sample(objects, min(len(objects), self.rng.randint(1, most)))

    # What is there

    def _pods(self) -> list[Object]:
        return self.world.store.select(POD)

    def _live_diagnosers(self) -> list[Object]:
        return self.world.store.select(DIAGNOSER)

    def _note(self) -> None:
        """Remember which Pods each PodDiagnoser might have counted: those it ever claimed."""
        for diagnoser in self._live_diagnosers():
            counted = self.could_count.setdefault(diagnoser["metadata"]["uid"], set())
            counted.update(
                pod["metadata"]["uid"]
                for pod in self._pods()
                if ended(pod) and matches(diagnoser, pod)
            )


def ended(pod: Object) -> Object | None:
    """Return the latest termination of a Pod that restarted."""
    for status in pod["status"].get("containerStatuses", []):
        if status["restartCount"] and "terminated" in status["lastState"]:
            termination: Object = status["lastState"]["terminated"]
            return termination
    return None


def matches(diagnoser: Object, pod: Object) -> bool:
    """Tell whether a PodDiagnoser selects a Pod."""
    wanted = diagnoser["spec"].get("targetLabels", {})
    return bool(wanted.items() <= pod["metadata"].get("labels", {}).items())


def claimant(diagnosers: list[Object], pod: Object) -> Object | None:
    """Return whose a Pod should be: the oldest active PodDiagnoser's that selects it."""
    claiming = [one for one in diagnosers if one["spec"]["enableAnnotations"] and matches(one, pod)]
    return min(
        claiming,
        key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]),
        default=None,
    )


def check_pod(pod: Object, owner: Object | None) -> None:
    """Check what a Pod shows."""
    metadata = pod["metadata"]
    ours = {
        key.removeprefix(PREFIX): value
        for key, value in metadata.get("annotations", {}).items()
        if key.startswith(PREFIX)
    }
    termination = ended(pod)
    if owner is None or termination is None:
        assert not ours, metadata
        assert LABEL not in metadata["labels"]
        return
    assert ours["restart-reason"] == (
        f"{termination['reason']} (Exit Code: {termination['exitCode']})"
    )
    assert ours["restart-time"] == termination["finishedAt"]
    assert metadata["labels"][LABEL] == owner["metadata"]["name"]  # less than an hour has passed


def check_diagnoser(diagnoser: Object, pods: list[Object], could_count: set[str]) -> None:
    """Check a PodDiagnoser's status."""
    status = diagnoser["status"]
    active = diagnoser["spec"]["enableAnnotations"]
    assert status["observedGeneration"] == diagnoser["metadata"]["generation"]
    condition = next(one for one in status["conditions"] if one["type"] == "Active")
    assert condition["status"] == ("True" if active else "False")
    own = {
        pod["metadata"]["uid"]
        for pod in pods
        if pod["metadata"]["labels"].get(LABEL) == diagnoser["metadata"]["name"]
    }
    assert len(own) <= status["diagnosedPods"] <= len(could_count)


@pytest.mark.parametrize("seed", range(60))
def test_random_histories_converge(seed: int) -> None:
    """Pods, targets, statuses and counts are right once faults stop, and it is quiet then."""
    history = History(seed)
    history.run(40)
    store = history.world.store
    diagnosers, pods = store.select(DIAGNOSER), store.select(POD)
    for pod in pods:
        check_pod(pod, claimant(diagnosers, pod))
    for diagnoser in diagnosers:
        check_diagnoser(diagnoser, pods, history.could_count[diagnoser["metadata"]["uid"]])
    published = {target["spec"]["diagnoser"]["uid"] for target in store.select(TARGET)}
    active = {one["metadata"]["uid"] for one in diagnosers if one["spec"]["enableAnnotations"]}
    assert published == active
    assert all(code in {200, 429} for *_, code in history.world.hook.calls)
