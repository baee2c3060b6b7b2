"""Plays the kubelet for the Pods of a drill: they crash as their containers would."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Self

from dev.envtest import pods
from dev.envtest.client import EVENTS, PODS, ApiError, Json
from dev.envtest.cluster import Cluster
from dev.envtest.pods import NODE, Termination
from dev.local_http import NoAnswerError
from pod_diagnoser.cli.drill.workloads import APP_LABEL, missing_image
from tests.support.drill_cluster import TRACEBACK

PREFIX: Final = "pod-diagnoser-drill-"

_RUNS: Final = 1.0
"""Seconds for which a container runs."""


class DrillKubelet:
    """What the cluster's kubelet does with the Pods of drills, while it is entered.

    Args:
        cluster: the cluster.
        well: workloads whose Pods run well, and do not crash.
    """

    def __init__(self, cluster: Cluster, well: tuple[str, ...] = ()) -> None:
        self._cluster, self._well = cluster, well
        self._former = cluster.kubelet.run
        self._play: dict[str, Callable[[str, str], None]] = {
            "exit-code": self._exit_code,
            "out-of-memory": self._out_of_memory,
            "liveness-probe": self._liveness_probe,
            "image": self._image,
            "configmap": self._configmap,
        }

    def __enter__(self) -> Self:
        """Take the part of the kubelet."""
        self._cluster.kubelet.run = self._run
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._cluster.kubelet.run = self._former

    def _run(self, namespace: str, name: str) -> None:
        if not namespace.startswith(PREFIX):
            self._former(namespace, name)
            return
        pod = self._cluster.admin.get(PODS, name, namespace)
        workload = pod["metadata"]["labels"][APP_LABEL]
        play = self._former if workload in self._well else self._play[workload]
        # On its own thread: the kubelet's follows all Pods.
        threading.Thread(target=self._played, args=(play, namespace, name), daemon=True).start()

    def _played(self, play: Callable[[str, str], Any], namespace: str, name: str) -> None:
        try:
            play(namespace, name)
        except (ApiError, NoAnswerError):
            return  # the drill is over

    def _exit_code(self, namespace: str, name: str) -> None:
        self._crash_loop(namespace, name, Termination(3, "Error", message=TRACEBACK))

    def _out_of_memory(self, namespace: str, name: str) -> None:
        self._crash_loop(namespace, name, Termination(137, "OOMKilled"))

    def _crash_loop(self, namespace: str, name: str, how: Termination) -> None:
        kubelet = self._cluster.kubelet
        kubelet.start_pod(namespace, name)
        time.sleep(_RUNS)
        kubelet.crash(namespace, name, how)
        time.sleep(_RUNS)
        kubelet.end(namespace, name, how)
        kubelet.back_off(namespace, name)

    def _liveness_probe(self, namespace: str, name: str) -> None:
        kubelet = self._cluster.kubelet
        kubelet.start_pod(namespace, name)
        time.sleep(2 * _RUNS)
        failed = "Liveness probe failed: this drill is never alive\n"
        self._post(namespace, name, "Unhealthy", "Warning", failed)
        killing = "Container app failed liveness probe, will be restarted"
        self._post(namespace, name, "Killing", "Normal", killing)
        time.sleep(_RUNS)
        kubelet.crash(namespace, name, Termination(137, "Error"))

    def _image(self, namespace: str, name: str) -> None:
        image = missing_image("docker.io/library/busybox:1.37")
        why = (
            f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": '
            f"{image}: not found"
        )
        self._wait(namespace, name, "ErrImagePull", why)
        time.sleep(_RUNS)
        message = f'Back-off pulling image "{image}": ErrImagePull: {why}'
        self._wait(namespace, name, "ImagePullBackOff", message)

    def _configmap(self, namespace: str, name: str) -> None:
        missing = 'configmap "drill-no-such-configmap" not found'
        self._wait(namespace, name, "CreateContainerConfigError", missing)

    def _wait(self, namespace: str, name: str, reason: str, message: str) -> None:
        """Report that the container waits."""
        pod = self._cluster.admin.get(PODS, name, namespace)
        status = pods.started(pod)
        status["phase"] = "Pending"
        for its in status["containerStatuses"]:
            its.update(
                state={"waiting": {"reason": reason, "message": message}},
                ready=False,
                started=False,
                imageID="",
            )
            del its["containerID"]
        for condition in status["conditions"]:
            if condition["type"] in {"Ready", "ContainersReady"}:
                condition.update(status="False", reason="ContainersNotReady")
        self._cluster.kubelet.report(namespace, name, status)

    def _post(self, namespace: str, name: str, reason: str, kind: str, message: str) -> None:
        """Create an Event of the kubelet."""
        pod: Json = self._cluster.admin.get(PODS, name, namespace)
        moment = pods.timestamp(pods.now())
        event = {
            "metadata": {"name": f"{name}.{reason.lower()}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "namespace": namespace,
                "name": name,
                "uid": pod["metadata"]["uid"],
                "fieldPath": "spec.containers{app}",
            },
            "reason": reason,
            "type": kind,
            "message": message,
            "count": 1,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "source": {"component": "kubelet", "host": NODE},
            "reportingComponent": "kubelet",
            "reportingInstance": NODE,
        }
        self._cluster.admin.create(EVENTS, event, namespace)
