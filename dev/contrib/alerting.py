"""What a Prometheus with the rules of contrib/prometheus says of Deployments whose Pods crash.

A ClusterPodDiagnoser diagnoses them on a real API server. The rules are as they are, with their own
times, so that it takes some two minutes.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from dev.contrib.waiting import until
from dev.envtest.build import Binaries
from dev.envtest.client import PODS
from dev.envtest.cluster import Cluster
from dev.envtest.pods import Termination
from dev.prometheus.server import Prometheus

COMMAND = r"""curl -s $PROMETHEUS/api/v1/alerts | jq -r '.data.alerts[]
  | "\(.labels.alertname) \(.state)",
    "  \(.labels | del(.alertname) | to_entries | map("\(.key)=\(.value)") | join(" "))",
    "  \(.annotations.summary)", "  \(.annotations.description)", "  \(.annotations.runbook_url)"'
"""
"""What is run, with Prometheus' URL in the environment."""

_RULES = Path(__file__).parents[2] / "contrib" / "prometheus" / "rules.yaml"
_STATE_METRICS = "state-metrics"
_SCRAPE_EVERY = "5s"
_CRASH_EVERY = 25.0
"""Seconds. The rules take notice of a crash every 30 s, and of the third of a workload's."""

_PATIENCE = 300.0

_NO_MEMORY = Termination(137, "OOMKilled")
_NO_SETTING = Termination(1, "Error", message="KeyError: 'DATABASE_URL'")
_CRASHED = Termination(139, "Error")
_COMPLETED = Termination(0, "Completed")


@dataclass(frozen=True, slots=True)
class _Deployment:
    """One Deployment.

    Attributes:
        namespace: where it is.
        name: its name.
        crashes: how each of its Pods ends.
        alert: what fires.
        again: whether they crash again and again.
    """

    namespace: str
    name: str
    crashes: Sequence[Termination]
    alert: str
    again: bool = False


_DEPLOYMENTS = (
    _Deployment("billing", "invoice", [_NO_MEMORY] * 2, "PodDiagnoserWorkloadOutOfMemory"),
    _Deployment(
        "shop",
        "checkout",
        [_NO_SETTING, _NO_SETTING, _CRASHED],
        "PodDiagnoserWorkloadCrashing",
        again=True,
    ),
    _Deployment("shop", "mail", [_COMPLETED] * 2, "PodDiagnoserWorkloadCrashing", again=True),
)


def firing_alerts(binaries: Binaries, prometheus: Path, folder: Path) -> str:
    """Return what `COMMAND` prints once all alerts fire.

    Args:
        binaries: of the control plane.
        prometheus: the program.
        folder: where it may write.

    Raises:
        TimeoutError: an alert did not fire.
    """
    with Cluster(binaries, components=[_STATE_METRICS]) as cluster:
        _deploy(cluster)
        targets = [f"127.0.0.1:{cluster.poddiagnosers_hook.metrics_port}"]
        jobs = {
            "pod-diagnoser": ("/metrics", targets),
            "pod-diagnoser-state": ("/metrics/state", targets),
        }
        rules = yaml.safe_load(_RULES.read_text("utf-8"))
        server = Prometheus(prometheus, folder, rules, jobs, _SCRAPE_EVERY)
        server.start()
        try:
            _crash(cluster, [each for each in _DEPLOYMENTS if not each.again])
            until(lambda: _all_fire(cluster, server), "all alerts fire", _PATIENCE)
            return subprocess.run(
                ["/bin/sh", "-c", COMMAND],
                env={**os.environ, "PROMETHEUS": server.url},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        finally:
            server.stop()


def _deploy(cluster: Cluster) -> None:
    """Have the Pods run, and be diagnosed."""
    cluster.create_cluster_diagnoser("all")
    for namespace in sorted({each.namespace for each in _DEPLOYMENTS}):
        cluster.create_namespace(namespace)
    for each in _DEPLOYMENTS:
        cluster.control_plane.kubectl(
            *("--namespace", each.namespace, "create", "deployment", each.name),
            *(f"--image=example.com/{each.name}:1.4.2", f"--replicas={len(each.crashes)}"),
        )
    until(lambda: all(_are_running(cluster, each) for each in _DEPLOYMENTS), "all Pods run")


def _names(cluster: Cluster, of: _Deployment) -> list[str]:
    """Return the names of its Pods that run."""
    found = cluster.admin.list(PODS, of.namespace, f"app={of.name}")
    running = [each for each in found if each["status"].get("phase") == "Running"]
    return sorted(each["metadata"]["name"] for each in running)


def _are_running(cluster: Cluster, of: _Deployment) -> bool:
    return len(_names(cluster, of)) == len(of.crashes)


def _crash(cluster: Cluster, deployments: Sequence[_Deployment]) -> None:
    for each in deployments:
        for name, how in zip(_names(cluster, each), each.crashes, strict=True):
            cluster.kubelet.crash(each.namespace, name, how)


def _all_fire(cluster: Cluster, server: Prometheus) -> bool:
    """Have those crash that crash again, give the rules the time to notice, and look."""
    _crash(cluster, [each for each in _DEPLOYMENTS if each.again])
    time.sleep(_CRASH_EVERY)
    names = ("namespace", "workload", "alertname")
    firing = {tuple(map(each["labels"].get, names)) for each in server.firing()}
    return {(each.namespace, each.name, each.alert) for each in _DEPLOYMENTS} <= firing
