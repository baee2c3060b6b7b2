"""The demo on a real control plane: ``make demo-real``.

etcd, kube-apiserver, kube-controller-manager, Metacontroller, the hook and fragile-app are real,
each a process of its own. What a node would do is played: fragile-app runs as a process instead of
a container, and its real exit code and times are reported as a kubelet reports them.

The exit code is 0 only if the diagnosis is right. With ``KEEP=1`` in the environment everything
stays up until Ctrl-C.
"""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from dev import local_http
from dev.demo.fragile_app import (
    APP,
    EXPECTED,
    REQUESTS,
    SAMPLE,
    diagnosis_of,
    overload,
)
from dev.demo.screen import Check, DemoError, Screen
from dev.envtest import build, pods
from dev.envtest.client import PODDIAGNOSERS, PODS, Json
from dev.envtest.cluster import Cluster
from dev.envtest.installation import PROJECT
from dev.envtest.pods import Termination, timestamp
from dev.envtest.process import Process
from dev.local_ports import free_ports

NAMESPACE = "demo"
PATIENCE = 30.0
"""Seconds that the demo waits for anything."""

"""The annotations that are shown first."""

T = TypeVar("T")


class Container:
    """fragile-app as a Pod's container: a process, restarted when it ends.

    Args:
        cluster: where the Pod is.
        name: the Pod's name.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name = name
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}/"
        self._process = Process(
            "fragile-app", [sys.executable, APP], cluster.control_plane.folder, {"PORT": str(port)}
        )

    def start(self) -> None:
        """Start the process and wait until its health is OK.

        Raises:
            StartError: it does not get there.
        """
        self._process.start()
        self._process.wait_until(lambda: local_http.get(f"{self.url}health").strip() == "OK")

    def stop(self) -> None:
        """End the process."""
        self._process.stop()

    def ended(self, patience: float = PATIENCE) -> Termination:
        """Wait until the process ends by itself; return how, as a container runtime puts it.

        Args:
            patience: seconds for which it waits at most.

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


class Demo:
    """The steps, from an empty namespace to the diagnosis."""

    def __init__(self, cluster: Cluster, screen: Screen) -> None:
        self._cluster = cluster
        self._screen = screen

    def run(self) -> bool:
        """Go through the steps; return whether the diagnosis is right.

        Raises:
            DemoError: something did not happen at all.
        """
        self._show_processes()
        self._screen.step("A user asks for the Pods of fragile-app to be diagnosed")
        self._cluster.create_namespace(NAMESPACE)
        self._kubectl("apply", "-f", str(SAMPLE))
        with contextlib.ExitStack() as running:
            container = self._deploy(running)
            right = self._crash(container)
            if os.environ.get("KEEP"):
                self._keep(container)
        return right

    def _show_processes(self) -> None:
        self._screen.step("A real control plane is up, with Metacontroller and the hook beside it")
        for process in self._cluster.processes:
            self._screen.output(f"{process.name:24} process {process.pid}")
        self._screen.output(self._cluster.control_plane.kubectl("version").splitlines()[-1])

    def _deploy(self, running: contextlib.ExitStack) -> Container:
        self._screen.step("fragile-app is deployed; a process on this machine is its container")
        containers: list[Container] = []

        def run(namespace: str, name: str) -> None:
            container = Container(self._cluster, name)
            running.callback(container.stop)
            container.start()
            self._cluster.kubelet.start_pod(namespace, name)
            containers.append(container)

        self._cluster.kubelet.run = run
        self._kubectl("apply", "-k", "fragile-app")
        return _until(lambda: containers or None, "the Deployment's Pod runs")[0]

    def _crash(self, container: Container) -> bool:
        """Send the app requests until it ends, and show what follows."""
        self._kubectl("get", "pods")
        self._screen.step(f"It gets {REQUESTS} requests; its limit is five")
        self._screen.command(f"for i in 1 2 3 4 5 6; do curl -s {container.url}; done")
        self._screen.output("\n".join(overload(container.url)))
        termination = container.ended()
        code = termination.exit_code
        self._screen.say(f"   The process has ended with exit code {code}. Its last output:")
        self._screen.output("\n".join(container.log().splitlines()[-3:]))

        self._screen.step("The kubelet reports that, restarts it, and reports that too")
        self._report(container, termination)
        reported = time.monotonic()
        annotations = _until(lambda: self._diagnosis(container.name), "the Pod is annotated")
        milliseconds = (time.monotonic() - reported) * 1000
        self._kubectl("get", "pods")

        self._screen.step(f"{milliseconds:.0f} ms later the Pod says what happened")
        self._describe(container.name)

        self._screen.step("And so does the PodDiagnoser")
        diagnoser = _until(self._counted, "the PodDiagnoser counts the Pod")
        self._kubectl("get", "pdiag")
        self._screen.step("Is it right?")
        checks = _checks(container, termination, annotations, diagnoser["status"])
        return self._screen.checks(checks)

    def _keep(self, container: Container) -> None:
        """Leave everything up until Ctrl-C, and keep reporting the ends of the app."""
        plane = self._cluster.control_plane
        self._screen.step("Everything stays up until Ctrl-C; in another terminal")
        self._screen.command(f"curl {container.url}")
        self._screen.command(f"export KUBECONFIG={plane.kubeconfig}")
        self._screen.command(f"{plane.binaries.kubectl} -n {NAMESPACE} get pods,pdiag")
        self._screen.output(f"logs: {plane.folder}/*.log")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                termination = container.ended(patience=float("inf"))
                self._report(container, termination)
                self._screen.output(f"{timestamp(pods.now())} fragile-app has ended and runs again")

    def _report(self, container: Container, termination: Termination) -> None:
        """Play the kubelet: report a container's end, restart it, and report that too."""
        self._cluster.kubelet.end(NAMESPACE, container.name, termination)
        container.start()
        self._cluster.kubelet.restart(NAMESPACE, container.name)

    def _diagnosis(self, name: str) -> dict[str, str] | None:
        """Return a Pod's diagnosis once its container was restarted, or None.

        The diagnosis stands there before that; the reason of the restart does not.
        """
        found = diagnosis_of(self._cluster.admin.get(PODS, name, NAMESPACE))
        return found if "restart-reason" in found else None

    def _describe(self, name: str) -> None:
        """Show the annotations as ``kubectl describe`` prints them."""
        plane = self._cluster.control_plane
        self._screen.command(f"kubectl -n {NAMESPACE} describe pod {name}")
        described = plane.kubectl("-n", NAMESPACE, "describe", "pod", name)
        found = re.search(r"^Annotations:.*\n(?: .*\n)*", described, re.MULTILINE)
        self._screen.output(found[0].rstrip() if found else described)

    def _counted(self) -> Json | None:
        """Return the sample PodDiagnoser once it has counted a Pod, or None."""
        diagnoser = self._cluster.admin.get(PODDIAGNOSERS, "fragileapp-diagnoser", NAMESPACE)
        return diagnoser if diagnoser.get("status", {}).get("diagnosedPods") else None

    def _kubectl(self, *arguments: str) -> None:
        """Show a command and its output."""
        self._screen.command(f"kubectl -n {NAMESPACE} {' '.join(arguments)}")
        with contextlib.chdir(PROJECT):
            output = self._cluster.control_plane.kubectl("-n", NAMESPACE, *arguments)
        self._screen.output("\n".join(filter(None, output.splitlines())))


def main() -> int:
    """Run the demo; return the exit code, 0 if the diagnosis is right."""
    # As after Ctrl-C, the with-statements end what they began.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    screen = Screen()
    try:
        binaries = build.find()
    except (build.MissingError, build.BuildError) as problem:
        screen.say(f"demo-real is not possible here: {problem}")
        return 1
    try:
        with Cluster(binaries, overlay=None) as cluster:
            right = Demo(cluster, screen).run()
    except DemoError as problem:
        screen.say("", f"The demo failed: {problem}", *problem.__notes__)
        return 1
    screen.say("", "The diagnosis is right." if right else "Something is WRONG.")
    return 0 if right else 1


def _checks(
    container: Container, termination: Termination, annotations: dict[str, str], status: Json
) -> list[Check]:
    """Compare what is shown with what truly happened."""
    finished = termination.finished
    facts = [
        ("exit code of the process", termination.exit_code, 0),
        ("restart-reason", annotations.get("restart-reason"), EXPECTED),
        ("restart-time", annotations.get("restart-time"), finished and timestamp(finished)),
        ("diagnosedPods", status["diagnosedPods"], 1),
        ("lastProcessedPod", status["lastProcessedPod"], container.name),
        ("recentDiagnoses[0].reason", status["recentDiagnoses"][0]["reason"], EXPECTED),
    ]
    return [
        (f"{name} is {true!r}" + ("" if shown == true else f", not {shown!r}"), shown == true)
        for name, shown, true in facts
    ]


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
    msg = f"waited {patience:.0f} s, but not yet: {what}"
    raise DemoError(msg)


if __name__ == "__main__":
    raise SystemExit(main())
