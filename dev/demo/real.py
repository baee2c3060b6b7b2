"""The demo on a real control plane: ``make demo-real``.

etcd, kube-apiserver, kube-controller-manager, Metacontroller, the hook and fragile-app are real,
each a process of its own. What a node would do is played: fragile-app runs as a process instead of
a container, and its real exit code and times are reported as a kubelet reports them.

The exit code is 0 only if the diagnosis is right. With ``KEEP=1`` in the environment everything
stays up until Ctrl-C.
"""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dev import local_http
from dev.envtest import build, pods
from dev.envtest.client import PODDIAGNOSERS, PODS, Json
from dev.envtest.cluster import Cluster
from dev.envtest.installation import PROJECT
from dev.envtest.pods import Termination, timestamp
from dev.envtest.process import Process, free_ports

APP = PROJECT / "fragile-app"
SAMPLE = Path("crds/samples/fragileapp-diagnoser.yaml")
NAMESPACE = "demo"
EXPECTED = "Completed (Exit Code: 0)"
PREFIX = "diagnostics.local.io/"
REQUESTS = 6
"""The app bears five."""

PATIENCE = 30.0

T = TypeVar("T")


class DemoError(RuntimeError):
    """Something did not come out as it should; the message says what."""


class Container:
    """fragile-app as a Pod's container: a process, restarted when it ends.

    Args:
        cluster: where the Pod is.
        name: the Pod's name.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name = name
        self.starts = 0
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}/"
        self._cluster = cluster
        self._process = Process(
            "fragile-app",
            [sys.executable, APP / "app.py"],
            cluster.control_plane.folder,
            {"PORT": str(port)},
        )

    def start(self) -> None:
        """Start the process and wait until its health is OK.

        Raises:
            StartError: it does not get there.
        """
        self._process.start()
        self._process.wait_until(lambda: _get(f"{self.url}health").strip() == "OK")
        self.starts += 1

    def stop(self) -> None:
        """End the process."""
        self._process.stop()

    def ended(self, patience: float = PATIENCE) -> Termination:
        """Wait until the process ends by itself.

        Args:
            patience: seconds for which it waits at most.

        Returns:
            How it ended, as a container runtime would put it.

        Raises:
            DemoError: it goes on running.
        """
        code, finished = _until(self._process.exit_code, "fragile-app ends", patience), pods.now()
        # A process that a signal killed is one with the code 128 + n to everyone but its parent.
        code = 128 - code if code < 0 else code
        return Termination(code, "Error" if code else "Completed", finished)

    def log(self) -> str:
        """Return what the process has printed since its first start."""
        return self._process.tail()


def main() -> int:
    """Run the demo.

    Returns:
        The exit code: 0 if the diagnosis is right.
    """
    # As after Ctrl-C, the with-statements end what they began.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        binaries = build.find()
    except (build.MissingError, build.BuildError) as problem:
        _say(f"demo-real is not possible here: {problem}")
        return 1
    try:
        with Cluster(binaries, overlay=None) as cluster:
            _tell(cluster)
    except DemoError as problem:
        _say(f"\nWRONG: {problem}", *problem.__notes__)
        return 1
    return 0


def _tell(cluster: Cluster) -> None:
    """Go from an empty namespace to the diagnosis."""
    _step("A real control plane is up, with Metacontroller and the hook beside it")
    for process in cluster.processes:
        _say(f"  {process.name:24} process {process.pid}")
    _say(f"  {cluster.control_plane.kubectl('version').splitlines()[-1]}")

    _step("A user asks for the Pods of fragile-app to be diagnosed")
    cluster.create_namespace(NAMESPACE)
    _kubectl(cluster, "apply", "-f", str(SAMPLE))

    _step("fragile-app is deployed; a process on this machine is its container")
    containers: list[Container] = []

    def run(namespace: str, name: str) -> None:
        container = Container(cluster, name)
        container.start()
        cluster.kubelet.start_pod(namespace, name)
        containers.append(container)

    cluster.kubelet.run = run
    _kubectl(cluster, "apply", "-k", "fragile-app")
    _until(lambda: containers or None, "the Deployment's Pod runs")
    container = containers[0]
    try:
        _crash(cluster, container)
        if os.environ.get("KEEP"):
            _keep(cluster, container)
    finally:
        container.stop()


def _crash(cluster: Cluster, container: Container) -> None:
    """Send the app requests until it ends, and show what follows."""
    _kubectl(cluster, "get", "pods")
    _step(f"It is asked {REQUESTS} times; it bears five")
    for _ in range(REQUESTS):
        _say(f"  $ curl {container.url}")
        _say(f"  {_get(container.url).strip()}")
    termination = container.ended()
    _say(f"  The process has ended with exit code {termination.exit_code}. Its last words:")
    _say(*(f"    {line}" for line in container.log().splitlines()[-3:]))

    _step("The kubelet reports that, restarts it, and reports that too")
    _report(cluster, container, termination)
    reported = time.monotonic()
    annotations = _until(lambda: _annotations(cluster, container.name), "the Pod is annotated")
    took = time.monotonic() - reported
    _kubectl(cluster, "get", "pods")

    _step(f"{took * 1000:.0f} ms later the Pod says what happened")
    for key in sorted(annotations, key=_reading_order):
        _say(f"  {PREFIX}{key}: {_pretty(annotations[key])}")

    _step("And so does the PodDiagnoser")
    diagnoser = _until(lambda: _counted(cluster), "the PodDiagnoser counts the Pod")
    _kubectl(cluster, "get", "pdiag")
    _check(container, termination, annotations, diagnoser)
    _step(f"Right: {EXPECTED}")


def _check(
    container: Container, termination: Termination, annotations: dict[str, str], diagnoser: Json
) -> None:
    """Compare what is shown with what truly happened.

    Raises:
        DemoError: they differ.
    """
    finished = termination.finished
    status = diagnoser["status"]
    facts = [
        ("exit code of the process", termination.exit_code, 0),
        ("restart-reason", annotations.get("restart-reason"), EXPECTED),
        ("restart-time", annotations.get("restart-time"), finished and timestamp(finished)),
        ("diagnosedPods", status["diagnosedPods"], 1),
        ("lastProcessedPod", status["lastProcessedPod"], container.name),
        ("recentDiagnoses[0].reason", status["recentDiagnoses"][0]["reason"], EXPECTED),
    ]
    for name, shown, true in facts:
        if shown != true:
            msg = f"{name} is {shown!r}, and should be {true!r}"
            raise DemoError(msg)


def _keep(cluster: Cluster, container: Container) -> None:
    """Leave everything up until Ctrl-C, and keep reporting the ends of the app."""
    plane = cluster.control_plane
    _step("All of it stays up until Ctrl-C, and the app may be crashed again. In another terminal:")
    _say(
        f"  curl {container.url}",
        f"  export KUBECONFIG={plane.kubeconfig}",
        f"  {plane.binaries.kubectl} -n {NAMESPACE} get pods,pdiag",
        f"  logs: {plane.folder}/*.log",
    )
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            termination = container.ended(patience=float("inf"))
            _report(cluster, container, termination)
            _say(f"  {timestamp(pods.now())} fragile-app has ended and runs again")


def _report(cluster: Cluster, container: Container, termination: Termination) -> None:
    """Play the kubelet: report a container's end, restart it, and report that too."""
    cluster.kubelet.end(NAMESPACE, container.name, termination)
    container.start()
    cluster.kubelet.restart(NAMESPACE, container.name)


def _annotations(cluster: Cluster, name: str) -> dict[str, str] | None:
    """Our annotations of a Pod once its container was restarted, or None.

    The diagnosis stands there before that; the reason of the restart does not.
    """
    metadata = cluster.admin.get(PODS, name, NAMESPACE)["metadata"]
    ours = {
        key.removeprefix(PREFIX): value
        for key, value in metadata.get("annotations", {}).items()
        if key.startswith(PREFIX)
    }
    return ours if "restart-reason" in ours else None


def _counted(cluster: Cluster) -> Json | None:
    """Return the sample PodDiagnoser once it has counted a Pod, or None."""
    diagnoser = cluster.admin.get(PODDIAGNOSERS, "fragileapp-diagnoser", NAMESPACE)
    return diagnoser if diagnoser.get("status", {}).get("diagnosedPods") else None


def _until(read: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """Read until there is something.

    Raises:
        DemoError: there is nothing in time.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = read()
        if found is not None:
            return found
        time.sleep(0.005)
    msg = f"waited {patience:.0f} s in vain until {what}"
    raise DemoError(msg)


def _kubectl(cluster: Cluster, *arguments: str) -> None:
    """Show a command and its output."""
    _say(f"  $ kubectl -n {NAMESPACE} {' '.join(arguments)}")
    with contextlib.chdir(PROJECT):
        said = cluster.control_plane.kubectl("-n", NAMESPACE, *arguments)
    _say(*(f"  {line}" for line in said.splitlines() if line))


def _get(url: str) -> str:
    """Return the body of a page of the app."""
    return local_http.get(url)


def _reading_order(key: str) -> int:
    """Put what is read first in front; what is not known here comes last."""
    order = ("restart-reason", "restart-time", "container", "cause", "diagnosis")
    return order.index(key) if key in order else len(order)


def _pretty(value: str) -> str:
    """JSON with line breaks; anything else as it is."""
    if not value.startswith("{"):
        return value
    return json.dumps(json.loads(value), indent=2).replace("\n", "\n    ")


def _step(title: str) -> None:
    _say(f"\n== {title}")


def _say(*lines: str) -> None:
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
