"""Measure the time from a crash to what is done about it: the Pod's deletion, or its Event.

Single crashes on an idle cluster, one after the other, each in a Pod with an owner of its own, so
that nothing withholds them; beside the kopf operator, which does the same without any safeguard.
And crashes of many Pods at once, with what the hook then takes to answer.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from dev.benchmarks import observations, pod_load, timing, workload
from dev.benchmarks.figures import Aim, Comparison, Figure, Line
from dev.benchmarks.following import Follower
from dev.benchmarks.observations import ANNOTATED, DELETED, DONE, PLANNED, PUBLISHED, READS
from dev.benchmarks.operators import OPERATORS, HookOperator
from dev.benchmarks.spread import Spread, percentile
from dev.benchmarks.test_bed import TestBed, open_test_bed
from dev.envtest.client import EVENTS, PODDIAGNOSERS, PODS, REPLICA_SETS, STRATEGIC_PATCH, Json
from dev.envtest.control_plane import ControlPlane

CRASHES = 10
STORM = 100
STORM_REPLICAS = 10
LARGEST_BUDGET = 50
"""What the kind allows at most."""

_LINGER = 0.3
"""Seconds that a terminating Pod stays: an idle cluster is waited for after each."""

_IDLE = 1.0
"""Quiet seconds before the next crash; no small sync is debounced for so long."""

_QUIET = 5.0
_TIMEOUT = 120.0
_WRITERS = 8
_EXIT_CODE = 3
_AT_ONCE = {"minPodAgeSeconds": 0, "budget": {"pods": LARGEST_BUDGET}}
"""``spec.remediation`` of the single crashes: none of them is withheld."""

_STEPS: dict[str, tuple[str, ...]] = {
    "RestartPod": (ANNOTATED, PLANNED, DELETED, DONE),
    "LogEvent": (ANNOTATED, PUBLISHED),
}
"""The observations of each action, in order."""

_AIMED: dict[str, str] = {"RestartPod": DELETED, "LogEvent": PUBLISHED}

_WORDS = {
    ANNOTATED: "its annotation",
    PLANNED: "the plan in the status",
    DELETED: "the Pod's deletion",
    DONE: "the outcome in the status",
    PUBLISHED: "the Event",
}


def measure(
    rounds: int = 1, crashes: int = CRASHES, storm: int = STORM
) -> dict[str, Sequence[Line]]:
    """Run both operators in turn, and then ours with many crashes at once.

    Args:
        rounds: how many rounds.
        crashes: how many single crashes of each action in a round.
        storm: how many Pods crash at once.

    Returns:
        Heading to lines: the figures of both, and those of many crashes.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: something is not done.
    """
    results: dict[str, list[dict[str, float]]] = {name: [] for name in OPERATORS}
    storms: list[dict[str, float]] = []
    for number in range(rounds):
        for name in OPERATORS if number % 2 == 0 else reversed(OPERATORS):
            # Minutes pass: show that it goes on.
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}\n")
            results[name].append(run(name, crashes))
        sys.stderr.write(f"round {number + 1} of {rounds}: {storm} at once\n")
        storms.append(run_storms(storm))
    compared = {name: spreads(found) for name, found in results.items()}
    return {
        "": figures(compared),
        f"Of ours, {storm:,} crashes at once": storm_figures(spreads(storms), storm),
    }


def run(name: str, crashes: int) -> dict[str, float]:
    """Crash Pods one after the other, on an otherwise idle cluster, for each action.

    Args:
        name: one of `OPERATORS`.
        crashes: how many for each action.

    Returns:
        Figure to value: milliseconds and calls.

    Raises:
        TimeoutError: something is not done.
        dev.envtest.process.StartError: something does not start.
    """
    done: dict[str, float] = {}
    with open_test_bed(OPERATORS[name], _LINGER) as bed:
        bed.operator.start()
        for action in _STEPS:
            namespace = action.lower()
            bed.prepare(namespace, remediationAction=action, remediation=_AT_ONCE)
            found = _single(bed, namespace, action, crashes, planned=name == "ours")
            done |= {f"{action}: {figure}": value for figure, value in found.items()}
    return done


def _single(
    bed: TestBed, namespace: str, action: str, crashes: int, *, planned: bool
) -> dict[str, float]:
    """One action; the first crash is not counted: what comes first after a start is not idle."""
    _create(bed, namespace, owners=crashes + 1, replicas=1)
    steps = [step for step in _STEPS[action] if planned or step not in {PLANNED, DONE}]
    delays: dict[str, list[float]] = {step: [] for step in steps}
    with contextlib.ExitStack() as watches:
        followers = _followers(bed, namespace, watches)
        pods = bed.control_plane.admin.list(PODS, namespace)
        audited_before = 0
        for number, pod in enumerate(pods):
            for follower in set(followers.values()):
                follower.quiet(_IDLE)
            if number == 1:
                audited_before = len(bed.control_plane.audited())
            sent = _crash(bed, pod)
            for step in steps:
                observation = (step, pod["metadata"]["name"])
                moment = followers[step].moments([observation], _TIMEOUT)[observation]
                if number:
                    delays[step].append((moment - sent) * 1000)
        for follower in set(followers.values()):
            follower.quiet(_IDLE)
    found = {
        f"from the crash to {_WORDS[step]}, p{percent}": percentile(values, percent)
        for step, values in delays.items()
        for percent in ((50, 95) if step == _AIMED[action] else (50,))
    }
    calls = observations.calls(bed.control_plane.audited()[audited_before:], namespace)
    return found | calls_of_a_crash(calls, crashes)


def calls_of_a_crash(calls: Mapping[tuple[str, str], int], crashes: int) -> dict[str, float]:
    """Share calls out among the crashes that caused them.

    Args:
        calls: how many, by verb and resource.
        crashes: how many.

    Returns:
        Figure to value; none where there are no calls: the operator is not one that is audited.
    """
    if not calls:
        return {}
    reads = sum(count for (verb, _), count in calls.items() if verb in READS)
    each = {
        f"calls for a crash: {verb} {resource}": count / crashes
        for (verb, resource), count in sorted(calls.items())
    }
    return each | {"calls for a crash: all reads": reads / crashes}


def _followers(bed: TestBed, namespace: str, watches: contextlib.ExitStack) -> dict[str, Follower]:
    """Return the watch in which each step is observed."""
    pods, poddiagnosers, events = (
        watches.enter_context(Follower(bed.api, resource.path(namespace), recognise))
        for resource, recognise in (
            (PODS, observations.of_pod),
            (PODDIAGNOSERS, observations.of_poddiagnoser),
            (EVENTS, observations.of_event),
        )
    )
    return {
        ANNOTATED: pods,
        DELETED: pods,
        PLANNED: poddiagnosers,
        DONE: poddiagnosers,
        PUBLISHED: events,
    }


def _create(bed: TestBed, namespace: str, owners: int, replicas: int) -> None:
    """Make ReplicaSets, and wait until all of their Pods run."""
    for number in range(owners):
        name = f"fragile-app-{number:04}"
        template = workload.pod(name, set=name)
        body = {
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"set": name}},
                "template": {
                    "metadata": {
                        "labels": template["metadata"]["labels"],
                        "annotations": template["metadata"]["annotations"],
                    },
                    "spec": workload.spec(None),
                },
            },
        }
        bed.control_plane.admin.create(REPLICA_SETS, body, namespace)
    deadline = time.monotonic() + _TIMEOUT
    while _running(bed.control_plane.admin.list(PODS, namespace)) < owners * replicas:
        if time.monotonic() > deadline:
            message = f"the Pods of {namespace} do not run after {_TIMEOUT:.0f} s"
            raise TimeoutError(message)
        time.sleep(1)


def _running(pods: Iterable[Json]) -> int:
    return sum(pod.get("status", {}).get("phase") == "Running" for pod in pods)


def _crash(bed: TestBed, pod: Json) -> float:
    """Write the status of a Pod whose container has ended and run again.

    Returns:
        When the request was sent, by `time.perf_counter`.
    """
    return _write(bed, *_crashed(pod))


def _crashed(pod: Json) -> tuple[str, bytes]:
    """Return the path and the body of a crash."""
    metadata = pod["metadata"]
    body = json.dumps({"status": pod_load.crashed(pod, _EXIT_CODE)}).encode()
    return PODS.path(metadata["namespace"], metadata["name"], "status"), body


def _write(bed: TestBed, path: str, body: bytes) -> float:
    sent = time.perf_counter()
    bed.api.send("PATCH", path, body, STRATEGIC_PATCH)
    return sent


def run_storms(count: int) -> dict[str, float]:
    """Crash many Pods of one PodDiagnoser at once, with the smallest and the largest budget.

    Args:
        count: how many.

    Returns:
        Figure to value: seconds and counts.

    Raises:
        TimeoutError: the crashes are not all accounted for.
        dev.envtest.process.StartError: something does not start.
    """

    def timed(control_plane: ControlPlane) -> HookOperator:
        return HookOperator(control_plane, timed=True)

    done: dict[str, float] = {}
    with open_test_bed(timed) as bed:
        bed.operator.start()
        for name, policy in _STORMS.items():
            namespace = f"storm-{len(done)}"
            bed.prepare(namespace, remediationAction="RestartPod", remediation=policy)
            _create(bed, namespace, owners=count // STORM_REPLICAS, replicas=STORM_REPLICAS)
            _wait_until_quiet(bed.operator)
            found = _storm(bed, bed.operator, namespace, count)
            done |= {f"{name}: {figure}": value for figure, value in found.items()}
    return done


_STORMS: dict[str, Json] = {
    "default budget": {"minPodAgeSeconds": 0},
    "largest budget": _AT_ONCE,
}


def _storm(bed: TestBed, operator: HookOperator, namespace: str, count: int) -> dict[str, float]:
    crashes = [_crashed(pod) for pod in bed.control_plane.admin.list(PODS, namespace)]
    audited_before, begun = len(bed.control_plane.audited()), len(operator.answers)
    with ThreadPoolExecutor(_WRITERS) as threads:
        sent = list(threads.map(lambda crash: _write(bed, *crash), crashes))
    deadline = time.monotonic() + _TIMEOUT
    while accounted(bed.status(namespace)) < count:
        if time.monotonic() > deadline:
            message = f"not all crashes are accounted for after {_TIMEOUT:.0f} s"
            raise TimeoutError(message)
        time.sleep(0.5)
    accounted_at = time.perf_counter()
    _wait_until_quiet(operator)
    answers = operator.answers[begun:]
    calls = observations.calls(bed.control_plane.audited()[audited_before:], namespace)
    return {
        "all crashes written": max(sent) - min(sent),
        "every crash planned or withheld": accounted_at - min(sent),
        "longest answer of /pods/sync": timing.longest(answers, "/pods/sync"),
        "longest answer of /poddiagnosers/sync": timing.longest(answers, "/poddiagnosers/sync"),
        "syncs of the PodDiagnoser": sum(one.path == "/poddiagnosers/sync" for one in answers),
        "requests not answered with 200": timing.unanswered(answers),
        "crashes in the status": accounted(bed.status(namespace)),
        **{f"calls: {verb} {resource}": n for (verb, resource), n in sorted(calls.items())},
    }


def accounted(status: Json) -> int:
    """Count the crashes in a status: each has an entry, or is counted as withheld.

    Args:
        status: of a PodDiagnoser.
    """
    withheld = sum(int(one["crashes"]) for one in status.get("withheld", ()))
    return len(status.get("remediations", ())) + withheld


def _wait_until_quiet(operator: HookOperator) -> None:
    """Wait until no request comes to the hook; no longer than until a resync is likely."""
    deadline = time.perf_counter() + _TIMEOUT
    while time.perf_counter() < deadline:
        if time.perf_counter() - last_sync(operator.answers) > _QUIET:
            return
        time.sleep(0.5)


def last_sync(answers: Iterable[timing.Timed]) -> float:
    """Return when the last answer was given to anything but a recall, which come all the time.

    Args:
        answers: those of the hook.

    Returns:
        By `time.perf_counter`; 0 where there was none.
    """
    return max((one.at for one in answers if not one.path.endswith("/recall")), default=0.0)


def figures(results: dict[str, dict[str, Spread]]) -> list[Comparison]:
    """Put the figures of both operators' single crashes side by side.

    Args:
        results: operator to figure to its spread.
    """
    ours, kopf = results["ours"], results["kopf"]
    return [
        Comparison(
            figure,
            spread,
            kopf.get(figure),
            "" if "calls" in figure else "ms",
            _AIMS.get(figure),
            of_ratio=False,
        )
        for figure, spread in ours.items()
    ]


def storm_figures(storms: dict[str, Spread], count: int) -> list[Figure]:
    """Return the lines of many crashes at once.

    Args:
        storms: figure to its spread.
        count: how many Pods crashed.
    """
    aims: dict[str, Callable[[str], Aim]] = {
        "longest answer of /pods/sync": lambda _: Aim.at_most(3),
        "longest answer of /poddiagnosers/sync": lambda _: Aim.at_most(3),
        "requests not answered with 200": lambda _: Aim.exactly(0),
        "crashes in the status": lambda _: Aim.exactly(count),
        "calls: delete pods": lambda storm: Aim.at_most(_BUDGETS[storm]),
    }
    lines: list[Figure] = []
    for name, spread in storms.items():
        storm, figure = name.split(": ", 1)
        aim = aims[figure](storm) if figure in aims else None
        unit = "s" if figure.startswith(("all", "every", "longest")) else ""
        lines.append(Figure(name, spread, unit, aim))
    return lines


_BUDGETS = {"default budget": 5, "largest budget": LARGEST_BUDGET}

_AIMS = {
    f"RestartPod: from the crash to {_WORDS[DELETED]}, p50": Aim.at_most(150),
    f"LogEvent: from the crash to {_WORDS[PUBLISHED]}, p50": Aim.at_most(150),
    "RestartPod: calls for a crash: all reads": Aim.at_most(2),
    "RestartPod: calls for a crash: delete pods": Aim.exactly(1),
    "LogEvent: calls for a crash: all reads": Aim.at_most(2),
    "LogEvent: calls for a crash: create events": Aim.exactly(1),
}


def spreads(rounds: list[dict[str, float]]) -> dict[str, Spread]:
    """Put the rounds together.

    Args:
        rounds: figure to value, for each.

    Returns:
        Figure to its spread. A call that was not counted in one of them was not made there: 0.
    """
    names = dict.fromkeys(name for one in rounds for name in one)
    return {name: Spread(tuple(one.get(name, 0.0) for one in rounds)) for name in names}
