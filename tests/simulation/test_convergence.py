"""Random histories with faults: in the end the cluster is as a plain specification says, and quiet.

The specification reads the Pods and PodDiagnosers that are there, and nothing of the hook.
"""

import json
import random
from datetime import datetime, timedelta

import pytest
import requests

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object
from dev.simulator.resources import EVENT, POD
from dev.simulator.writes import Call
from tests.support.cluster_fixture import DIAGNOSER, LABEL, PREFIX, TARGET
from tests.support.hooked_cluster import ReportedCluster

APPS = ("web", "db")
NO_EVENTS = (
    ApiError(403, "Forbidden", "events is forbidden"),
    ApiError(429, "TooManyRequests", "later", retry_after=2),
    ApiError(500, "InternalError", "etcd"),
    requests.ConnectionError(),
    requests.ReadTimeout(),
)
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
        self.rng = random.Random(seed)
        self.faults = Faults(self.rng)
        self.cluster = ReportedCluster(seed, self.faults, evidence=True)
        self.log: list[str] = []
        self.could_count = {}

    def run(self, steps: int) -> None:
        """Do random things; then let all faults end, and time pass."""
        actions = [
            (6, self.create_pod),
            (10, self.crash),
            (6, self.fail_probe),
            (3, self.fail_image_pull),
            (2, self.start),
            (1, self.evict),
            (2, self.disturb_evidence),
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
            self.cluster.run(self.rng.choice([0, 0.002, 0.01, 0.05, 1, 10]))
            self._note()
        self.faults.share = 0
        self.cluster.rest.before = lambda _: None
        self.cluster.hook.down = False
        self.cluster.hook.clock.skew = timedelta(0)
        self.cluster.run(25 * 60)  # longer than any cached answer, and two resyncs
        self._note()
        self.cluster.settle(60)

    # What happens

    def create_pod(self) -> None:
        """Create a Pod, perhaps under a name that was used before."""
        name = f"p{self.rng.randrange(12)}"
        if self.cluster.store.peek(POD, ("default", name)) is None:
            never = self.rng.random() < 0.2
            self.cluster.pod(name, never=never, app=self.rng.choice(APPS))

    def crash(self) -> None:
        """Let one container end, or several at once: by itself, or for lack of memory."""
        for pod in self._some(self._running(), 3):
            code, reason = self.rng.choice([(0, ""), (1, ""), (2, ""), (137, "OOMKilled")])
            self.cluster.crash(pod["metadata"]["name"], code, reason)

    def fail_probe(self) -> None:
        """Let containers be killed for a failed probe; the Event may come late."""
        for pod in self._some([pod for pod in self._running() if probed(self.cluster, pod)], 2):
            late = self.rng.choice([0, 0, 0, 0.5, 3, 30])
            code = self.rng.choice([0, 137, 143])
            self.cluster.probe_kill(pod["metadata"]["name"], code, late)

    def fail_image_pull(self) -> None:
        """Report by turns that an image cannot be pulled, for a Pod that has not ended yet."""
        before_first_end = [
            pod
            for pod in self._pods()
            if not over(pod) and not container(pod)["lastState"].get("terminated")
        ]
        for pod in self._some(before_first_end, 1):
            reason = self.rng.choice(["ErrImagePull", "ImagePullBackOff"])
            self.cluster.wait(pod["metadata"]["name"], reason, "no such host")

    def start(self) -> None:
        """Let a container run whose image could not be pulled."""
        for pod in self._some([pod for pod in self._pods() if waits(pod)], 1):
            self.cluster.start(pod["metadata"]["name"])

    def evict(self) -> None:
        """Have a kubelet evict a Pod."""
        for pod in self._some([pod for pod in self._pods() if not over(pod)], 1):
            self.cluster.evict(pod["metadata"]["name"])

    def disturb_evidence(self) -> None:
        """Let Events be refused, throttled or out of reach, or no longer."""
        fault = self.rng.choice([None, None, *NO_EVENTS])
        self.cluster.rest.before = lambda _: fault

    def delete_pod(self) -> None:
        """Delete a Pod."""
        for pod in self._some(self._pods(), 1):
            self.cluster.remove(pod["metadata"]["name"])

    def relabel(self) -> None:
        """Change the labels that diagnosers look at."""
        for pod in self._some(self._pods(), 1):
            labels = {"metadata": {"labels": {"app": self.rng.choice(APPS)}}}
            self.cluster.store.patch(POD, ("default", pod["metadata"]["name"]), labels)

    def create_diagnoser(self) -> None:
        """Create a PodDiagnoser, perhaps under a name that was used before."""
        name = f"d{self.rng.randrange(3)}"
        if self.cluster.store.peek(DIAGNOSER, ("default", name)) is None:
            self.cluster.diagnoser(name, targetLabels=self.rng.choice(TARGETS))

    def delete_diagnoser(self) -> None:
        """Delete a PodDiagnoser."""
        for diagnoser in self._some(self._live_diagnosers(), 1):
            self.cluster.remove_diagnoser(diagnoser["metadata"]["name"])

    def change_diagnoser(self) -> None:
        """Switch a PodDiagnoser off or on, or give it other labels."""
        for diagnoser in self._some(self._live_diagnosers(), 1):
            name = diagnoser["metadata"]["name"]
            if self.rng.random() < 0.5:
                self.cluster.change(name, enableAnnotations=self.rng.random() < 0.5)
            else:
                # A merge patch: null takes the label away that is not wanted.
                self.cluster.change(name, targetLabels={"app": self.rng.choice([*APPS, None])})

    def restart_hook(self) -> None:
        """Restart the hook."""
        self.cluster.hook.restart()

    def toggle_hook(self) -> None:
        """Let the hook go down, or come back."""
        self.cluster.hook.down = not self.cluster.hook.down

    def restart_metacontroller(self) -> None:
        """Restart Metacontroller."""
        self.cluster.restart_metacontroller()

    def lose_watches(self) -> None:
        """Lose all watches, and what was under way on them."""
        assert self.cluster.simulator.metacontroller
        for informer in self.cluster.simulator.metacontroller.informers.all:
            informer.relist()

    def toggle_faults(self) -> None:
        """Let requests fail, or no longer."""
        self.faults.share = 0.0 if self.faults.share else 0.3

    def skew(self) -> None:
        """Set the hook's clock wrong, or right."""
        self.cluster.hook.clock.skew = timedelta(seconds=self.rng.choice([-120, 0, 120]))

    def _some(self, objects: list[Object], most: int) -> list[Object]:
        return self.rng.sample(objects, min(len(objects), self.rng.randint(1, most)))

    # What is there

    def _pods(self) -> list[Object]:
        return self.cluster.store.select(POD)

    def _running(self) -> list[Object]:
        return [pod for pod in self._pods() if not over(pod) and not waits(pod)]

    def _live_diagnosers(self) -> list[Object]:
        return self.cluster.store.select(DIAGNOSER)

    def _note(self) -> None:
        """Record which Pods each PodDiagnoser may have counted: those that it ever claimed."""
        for diagnoser in self._live_diagnosers():
            counted = self.could_count.setdefault(diagnoser["metadata"]["uid"], set())
            counted.update(
                pod["metadata"]["uid"]
                for pod in self._pods()
                if causes(self.cluster, pod) and matches(diagnoser, pod)
            )


def ended(pod: Object) -> Object | None:
    """Return the latest termination of a Pod that restarted."""
    for status in pod["status"].get("containerStatuses", []):
        if status["restartCount"] and "terminated" in status["lastState"]:
            termination: Object = status["lastState"]["terminated"]
            return termination
    return None


def container(pod: Object) -> Object:
    """Return the status of a Pod's container."""
    status: Object = pod["status"]["containerStatuses"][0]
    return status


def over(pod: Object) -> bool:
    """Return whether a Pod has ended for good."""
    return pod["status"]["phase"] in {"Succeeded", "Failed"}


def waits(pod: Object) -> bool:
    """Return whether a Pod's container waits for its image."""
    return "waiting" in container(pod)["state"]


def probed(cluster: ReportedCluster, pod: Object) -> bool:
    """Return whether a container has run for long enough for a probe to fail."""
    started = datetime.fromisoformat(container(pod)["state"]["running"]["startedAt"])
    return cluster.clock.now() - started > timedelta(seconds=2)


OWN = {0: "Completed", 1: "ApplicationError", 2: "ApplicationError", 137: "Killed"}


def causes(cluster: ReportedCluster, pod: Object) -> list[set[str]]:
    """Return the possible causes of each termination of a Pod, by the kubelet's reports alone."""
    if pod["status"].get("reason") == "Evicted":
        found = [{"Evicted"}]
    elif waits(pod):
        found = [{"ImagePullFailed"}]
    else:
        # Under Never an exit with code 0 is what was meant to happen.
        current = container(pod)["state"].get("terminated")
        found = [of_end(cluster, pod, current)] if current and current["exitCode"] else []
    last = ended(pod)
    return [*found, *([of_end(cluster, pod, last)] if last else [])]


def of_end(cluster: ReportedCluster, pod: Object, termination: Object) -> set[str]:
    """Return the allowed diagnoses of a termination: a probe is named only if the kubelet named it.

    An Event may come too late for it, or be refused; then the exit code speaks for itself.
    """
    if termination["reason"] == "OOMKilled":
        return {"OutOfMemory"}
    found = {OWN.get(termination["exitCode"], "Terminated")}
    return found | ({"LivenessProbeFailed"} if is_reported(cluster, pod, termination) else set())


def is_reported(cluster: ReportedCluster, pod: Object, termination: Object) -> bool:
    """Return whether the kubelet reported a kill while the container ran.

    In the second in which it started it reported the one before: a probe takes longer.
    """
    finished = datetime.fromisoformat(termination["finishedAt"])
    started = datetime.fromisoformat(termination["startedAt"])
    return any(
        started < datetime.fromisoformat(event[name]) <= finished
        for event in cluster.store.select(EVENT)
        if event["involvedObject"].get("uid") == pod["metadata"]["uid"]
        and event["reason"] == "Killing"
        for name in ("firstTimestamp", "lastTimestamp")
    )


def matches(diagnoser: Object, pod: Object) -> bool:
    """Return whether a PodDiagnoser selects a Pod."""
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


def check_pod(cluster: ReportedCluster, pod: Object, owner: Object | None) -> None:
    """Check what a Pod shows."""
    metadata = pod["metadata"]
    managed = {
        key.removeprefix(PREFIX): value
        for key, value in metadata.get("annotations", {}).items()
        if key.startswith(PREFIX)
    }
    if owner is None:
        assert not managed, metadata
        assert LABEL not in metadata["labels"]
        return
    shown = causes(cluster, pod)
    if shown:
        assert managed["cause"] in set.union(*shown), (managed, pod["status"])
        assert managed["cause"] in {
            crash["cause"] for crash in json.loads(managed["crashes"])["history"]
        }
        assert metadata["labels"][LABEL] == owner["metadata"]["name"]  # less than an hour ago
    else:
        # An image that is there at last is no cause any longer; the history keeps it.
        assert set(managed) <= {"crashes"}
        assert metadata["labels"].get(LABEL, owner["metadata"]["name"]) == owner["metadata"]["name"]
    termination = ended(pod)
    if termination is None:
        assert "restart-reason" not in managed
        return
    assert managed["restart-reason"] == (
        f"{termination['reason']} (Exit Code: {termination['exitCode']})"
    )
    assert managed["restart-time"] == termination["finishedAt"]


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
    store = history.cluster.store
    diagnosers, pods = store.select(DIAGNOSER), store.select(POD)
    for pod in pods:
        check_pod(history.cluster, pod, claimant(diagnosers, pod))
    for diagnoser in diagnosers:
        check_diagnoser(diagnoser, pods, history.could_count[diagnoser["metadata"]["uid"]])
    published = {
        target["spec"]["diagnoser"]["uid"]: target["spec"].get("active", True)
        for target in store.select(TARGET)
    }
    assert published == {
        one["metadata"]["uid"]: one["spec"]["enableAnnotations"] for one in diagnosers
    }
    assert all(code in {200, 429} for *_, code in history.cluster.hook.calls)


class RandomTerminations:
    """Random terminations of a few Pods of one PodDiagnoser, and nothing else that disturbs.

    Attributes:
        cluster: the cluster.
        truth: the cause of each Pod's last termination, by name.
        count: how many terminations each Pod had.
    """

    def __init__(self, seed: int, fault: Exception | None) -> None:
        self.rng = random.Random(seed)
        self.cluster = ReportedCluster(seed, evidence=True)
        self.cluster.rest.before = lambda _: fault
        self.truth: dict[str, str] = {}
        self.count: dict[str, int] = {}
        self.cluster.diagnoser()
        for number in range(4):
            self.cluster.pod(f"p{number}", never=number == 3)
        self.cluster.run(10)

    def run(self, steps: int) -> None:
        """Let Pods end, one after another."""
        for _ in range(steps):
            pod = self.rng.choice(self.cluster.store.select(POD))
            if not over(pod):
                self._end(pod)
            self.cluster.run(self.rng.choice([0, 0.05, 3, 12]))
        self.cluster.settle(60)

    def _end(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        if waits(pod):
            self.cluster.start(name)
            del self.truth[name]
            return
        kinds = ["exit", "exit", "memory", "evict"]
        if probed(self.cluster, pod):
            kinds += ["probe"] * 3
        if name not in self.truth:
            kinds += ["image"] * 2
        kind = self.rng.choice(kinds)
        if kind == "evict" and self.rng.random() < 0.8:
            return
        self.count[name] = self.count.get(name, 0) + 1
        self.truth[name] = self._let(kind, name)

    def _let(self, kind: str, name: str) -> str:
        """Let it happen; return its cause."""
        if kind == "exit":
            code = self.rng.choice([1, 2])
            self.cluster.crash(name, code)
            return OWN[code]
        if kind == "memory":
            self.cluster.crash(name, 137, "OOMKilled")
            return "OutOfMemory"
        if kind == "evict":
            self.cluster.evict(name)
            return "Evicted"
        if kind == "image":
            for reason in ("ErrImagePull", "ImagePullBackOff", "ErrImagePull"):
                self.cluster.wait(name, reason, "no such host")
                self.cluster.run(1)
            return "ImagePullFailed"
        # 0 is no failure where nothing is restarted.
        code = self.rng.choice([137, 143] if name == "p3" else [0, 137, 143])
        self.cluster.probe_kill(name, code, self.rng.choice([0, 0.5, 3]))
        return "LivenessProbeFailed"


def check_cost(terminations: RandomTerminations) -> None:
    """Check that a crash costs three writes of its Pod and three reads of Events at the most.

    The third is a minute later, with the Events of its node.
    """
    for name, count in terminations.count.items():
        written = [
            one
            for one in terminations.cluster.writes_since_start()
            if one.call.key == ("default", name)
        ]
        assert len(written) <= 3 * count, (name, count, written)
    assert len(terminations.cluster.rest.requests) <= 3 * sum(terminations.count.values())


@pytest.mark.parametrize("seed", range(30))
def test_every_termination_is_diagnosed_correctly_and_costs_little(seed: int) -> None:
    """Where Events come within seconds each Pod names what truly happened to it at last."""
    terminations = RandomTerminations(seed, None)
    terminations.run(25)
    for pod in terminations.cluster.store.select(POD):
        name = pod["metadata"]["name"]
        assert terminations.cluster.annotations(name).get("cause") == terminations.truth.get(
            name
        ), name
    check_cost(terminations)


@pytest.mark.parametrize("seed", range(30))
def test_without_events_no_more_is_said_and_no_more_is_done(seed: int) -> None:
    """Refused, throttled or unreachable, a diagnosis stands by the Pod alone, at the same cost."""
    terminations = RandomTerminations(seed, NO_EVENTS[seed % len(NO_EVENTS)])
    terminations.run(25)
    for pod in terminations.cluster.store.select(POD):
        name = pod["metadata"]["name"]
        shown, truth = (
            terminations.cluster.annotations(name).get("cause"),
            terminations.truth.get(name),
        )
        if truth == "LivenessProbeFailed":
            assert shown in {"Completed", "Killed", "Terminated"}
        else:
            assert shown == truth
    check_cost(terminations)
