"""How long ``kubectl-diagnose`` takes on a real API server, beside ``kubectl get pods -o json``.

All Pods crashed, killed by their liveness probe, with the six Events that a kubelet posts of each.
"""

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from dev.benchmarks import posting
from dev.benchmarks.figures import Figure
from dev.benchmarks.pod_load import PodLoad
from dev.benchmarks.process_cost import Cost, run
from dev.envtest import build, pods
from dev.envtest.client import EVENTS, NAMESPACES, PODS, SERVICE_ACCOUNTS, Json
from dev.envtest.control_plane import ControlPlane

PODS_THERE = 1000
_NAMESPACE = "shop"
_KILLED = 137
_WRITERS = 8
_SETTLING = 2.0
"""Seconds for which everything is left alone after so many writes."""


def measure(rounds: int, count: int = PODS_THERE) -> list[Figure]:
    """Measure both in turn.

    Args:
        rounds: how often each is run.
        count: how many Pods crashed.

    Returns:
        The time of each, their ratio, CPU and memory.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        RuntimeError: a command failed, or the Pods did not stay.
    """
    with ControlPlane(build.find()) as plane:
        crash_pods(plane, count)
        time.sleep(_SETTLING)
        commands = _commands(plane)
        for command in commands.values():
            _run(plane, command)  # kubectl caches what the API server knows
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                costs[name].append(_run(plane, command))
        if (left := len(plane.admin.list(PODS, _NAMESPACE))) != count:
            message = f"{left} of {count} Pods were left"
            raise RuntimeError(message)
    return _figures(costs["ours"], costs["kubectl"], count)


def crash_pods(plane: ControlPlane, count: int) -> None:
    """Create Pods with their Events in a namespace of their own, and have them crash."""
    admin = plane.admin
    admin.create(NAMESPACES, {"metadata": {"name": _NAMESPACE}})
    while admin.find(SERVICE_ACCOUNTS, "default", _NAMESPACE) is None:
        time.sleep(0.02)
    # It would delete them: there is no Node.
    plane.controller_manager.stop(grace=0)
    load = PodLoad(admin, _NAMESPACE, count)
    load.create(status=posting.long_running)
    started = pods.now() - posting.RAN
    killed = pods.now() - timedelta(seconds=1)

    def post(pod: Json) -> None:
        for event in posting.of_start(pod, started) + posting.of_liveness_kill(pod, killed):
            admin.create(EVENTS, event, _NAMESPACE)

    with ThreadPoolExecutor(_WRITERS) as threads:
        for _ in threads.map(post, admin.list(PODS, _NAMESPACE)):
            pass
    load.crash(load.names, _KILLED)


def _commands(plane: ControlPlane) -> dict[str, tuple[str, ...]]:
    kubectl, kubeconfig = str(plane.binaries.kubectl), f"--kubeconfig={plane.kubeconfig}"
    ours = (sys.executable, "-m", "pod_diagnoser.cli", f"--kubectl={kubectl}", kubeconfig)
    return {
        "ours": (*ours, "-n", _NAMESPACE),
        "kubectl": (kubectl, kubeconfig, "get", "pods", "-n", _NAMESPACE, "-o", "json"),
    }


def _run(plane: ControlPlane, command: Sequence[str]) -> Cost:
    return run(command, {**os.environ, "KUBECACHEDIR": str(Path(plane.folder, "kubectl-cache"))})


def _figures(ours: Sequence[Cost], theirs: Sequence[Cost], count: int) -> list[Figure]:
    of = f"{count:,} crashed Pods with their Events on an API server"
    ratios = [mine.seconds / other.seconds for mine, other in zip(ours, theirs, strict=True)]
    return [
        Figure.of(f"{of}: until the end", [each.seconds for each in ours], "s", 5),
        Figure.of("`kubectl get pods -o json` of the same", [each.seconds for each in theirs], "s"),
        Figure.of("the former over the latter", ratios, ""),
        Figure.of("its CPU, with kubectl's", [each.cpu for each in ours], "s"),
        Figure.of("CPU of `kubectl get pods -o json`", [each.cpu for each in theirs], "s"),
        Figure.of("memory of the larger process", [each.memory for each in ours], "MB", 200),
        Figure.of("memory of `kubectl get pods -o json`", [each.memory for each in theirs], "MB"),
    ]
