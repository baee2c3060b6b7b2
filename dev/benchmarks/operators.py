"""The two operators that are compared in a cluster, started and stopped as a whole."""

import base64
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from dev import local_http
from dev.benchmarks import answering, usage
from dev.benchmarks.recording import Recording
from dev.benchmarks.timing import Timed, timing
from dev.envtest import installation
from dev.envtest.client import SECRETS
from dev.envtest.control_plane import ControlPlane
from dev.envtest.hook import Hook
from dev.envtest.metacontroller import Metacontroller
from dev.envtest.mounts import mount
from dev.envtest.process import Process
from dev.local_ports import free_ports

PODS_HOOK, PODDIAGNOSERS_HOOK = "the Pods' hook", "the PodDiagnosers' hook"
METACONTROLLER, KOPF = "Metacontroller", "kopf"


class Front(Protocol):
    """What stands before a process of the hook and passes on its requests.

    Attributes:
        url: where it listens.
    """

    url: str

    def start(self) -> None:
        """Begin to listen."""

    def stop(self) -> None:
        """End."""


class Operator(Protocol):
    """An operator under test."""

    def install(self) -> None:
        """Install into the cluster what it needs beside our kinds."""

    def start(self) -> None:
        """Start all of it at once and wait until it says that it is ready."""

    def start_servers(self) -> None:
        """Start what has to serve before the rest is of use, if anything, and wait for it."""

    def start_rest(self) -> None:
        """Start the rest, which watches Pods, and wait until it says that it is ready."""

    def stop(self) -> None:
        """End all of it."""

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since it was started, by part."""

    def peak_memory(self) -> dict[str, int]:
        """Return the most memory since it was started, by part, in bytes."""

    def pod_syncs(self) -> int | None:
        """Return how many syncs of Pods it has answered since its start, if that is known."""


class HookOperator:
    """Metacontroller and the hook's two processes, with the credentials that the manifests give.

    Args:
        control_plane: where.
        timed: whether each answer of the hook is timed, which costs some time itself.
        recorded: whether each sync is recorded in the control plane's folder, which costs more.
        events_from: URL of where the hook reads Events, which the component ``evidence`` lets it;
            None where it reads none.
        logs: whether it may read logs there, too.
        environment: further settings of the hook's processes.
        tls: whether Metacontroller and the hook speak TLS, as they do by the manifests. What times
            or records stands between the two, without.

    Attributes:
        answers: those of the hook that were timed, in the order in which they were given.
    """

    def __init__(
        self,
        control_plane: ControlPlane,
        *,
        timed: bool = False,
        recorded: bool = False,
        events_from: str | None = None,
        logs: bool = False,
        environment: Mapping[str, str] | None = None,
        tls: bool = True,
    ) -> None:
        self._control_plane = control_plane
        folder = control_plane.folder
        self._tokens = folder / "tokens"
        self._certificate = folder / "tls" if tls and not timed and not recorded else None
        self._components: tuple[str, ...] = ()
        if events_from is not None:
            more = (installation.EVIDENCE_LOGS,) if logs else ()
            self._components = (installation.EVIDENCE, *more)
        self._accounts = {
            account: folder / account
            for account in (installation.REMEDIATOR, installation.PODS_HOOK)
        }
        tokens = {"POD_DIAGNOSER_TOKEN_DIR": str(self._tokens), **(environment or {})}
        if self._certificate is not None:
            tokens["POD_DIAGNOSER_TLS_DIR"] = str(self._certificate)
        evidence: dict[str, str] = {}
        if events_from is not None:
            access = self._access(installation.PODS_HOOK, events_from)
            evidence = {"POD_DIAGNOSER_EVIDENCE": "true", **access}
        self._pods = Hook("pods", folder, {**tokens, **evidence})
        access = self._access(installation.REMEDIATOR, control_plane.server)
        self._poddiagnosers = Hook("poddiagnosers", folder, {**tokens, **access})
        self._metacontroller = Metacontroller(control_plane)
        self.answers: list[Timed] = []
        hooks = {"pods": self._pods, "poddiagnosers": self._poddiagnosers}
        self._urls = {name: hook.url for name, hook in hooks.items()}
        self._fronts: dict[str, Front] = {}
        if timed:
            self._fronts = {
                name: timing(hook.url, free_ports(1)[0], self.answers)
                for name, hook in hooks.items()
            }
        elif recorded:
            self._fronts = {name: Recording(name, hook.url, folder) for name, hook in hooks.items()}
        self._urls |= {name: front.url for name, front in self._fronts.items()}

    def install(self) -> None:
        """Install Metacontroller's kinds and rights, our DecoratorControllers, and credentials.

        Raises:
            dev.envtest.control_plane.KubectlError: the API server refuses something.
            dev.envtest.installation.InstallError: a script of ours fails.
        """
        plane = self._control_plane
        installation.install_metacontroller(plane)
        installation.credentials(plane, "create")
        installation.install(plane, self._urls, overlay=None, components=self._components)
        self._mount(installation.TOKENS, self._tokens)
        if self._certificate is not None:
            self._mount(installation.CERTIFICATE, self._certificate)
        certificate = plane.certificate.read_bytes()
        for account, folder in self._accounts.items():
            token = plane.service_account_token(installation.SYSTEM, account)
            mount(folder, {"token": token.encode(), "ca.crt": certificate})

    def _mount(self, secret: str, folder: Path) -> None:
        """Give the hook's processes what a Secret holds, as a kubelet does."""
        data = self._control_plane.admin.get(SECRETS, secret, installation.SYSTEM)["data"]
        mount(folder, {key: base64.b64decode(value) for key, value in data.items()})

    def _access(self, account: str, server: str) -> dict[str, str]:
        """Return the settings of a process with the token of a ServiceAccount."""
        folder = self._accounts[account]
        return {
            "POD_DIAGNOSER_API_SERVER": server,
            "POD_DIAGNOSER_API_TOKEN_FILE": str(folder / "token"),
            "POD_DIAGNOSER_API_CA_FILE": str(folder / "ca.crt"),
        }

    def start(self) -> None:
        """Start all three.

        Raises:
            dev.envtest.process.StartError: one does not get ready.
        """
        # All at once, as Pods start; Metacontroller retries what finds no hook yet.
        self._start_hooks()
        self._metacontroller.start()
        self._wait_for_hooks()

    def start_servers(self) -> None:
        """Start the hook's two processes, and wait until they answer.

        Raises:
            dev.envtest.process.StartError: one does not get there.
        """
        self._start_hooks()
        self._wait_for_hooks()

    def start_rest(self) -> None:
        """Start Metacontroller.

        Raises:
            dev.envtest.process.StartError: it does not get ready.
        """
        self._metacontroller.start()

    def _start_hooks(self) -> None:
        for process in (self._pods.process, self._poddiagnosers.process):
            process.start()
        for front in self._fronts.values():
            front.start()

    def _wait_for_hooks(self) -> None:
        for hook in (self._pods, self._poddiagnosers):
            hook.process.wait_until(hook.serves_metrics)

    def stop(self) -> None:
        """End all three; Metacontroller first, so that it does not call a hook that has ended."""
        self._metacontroller.stop(grace=0)
        self.stop_servers()

    def stop_servers(self) -> None:
        """End the hook's two processes."""
        for front in self._fronts.values():
            front.stop()
        for hook in (self._pods, self._poddiagnosers):
            hook.stop(grace=0)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since they were started.

        Returns:
            `PODS_HOOK`, `PODDIAGNOSERS_HOOK` and `METACONTROLLER`, in seconds; those that run.
        """
        return {name: usage.cpu_seconds(process) for name, process in self._processes().items()}

    def peak_memory(self) -> dict[str, int]:
        """Return the most memory of each since they were started.

        Returns:
            `PODS_HOOK`, `PODDIAGNOSERS_HOOK` and `METACONTROLLER`, in bytes; those that run.
        """
        return {name: usage.whole_peak_bytes(one) for name, one in self._processes().items()}

    def hooks(self) -> dict[str, Process]:
        """Return the hook's two processes, `PODS_HOOK` and `PODDIAGNOSERS_HOOK`."""
        return {PODS_HOOK: self._pods.process, PODDIAGNOSERS_HOOK: self._poddiagnosers.process}

    def _processes(self) -> dict[str, Process]:
        processes = {
            PODS_HOOK: self._pods.process,
            PODDIAGNOSERS_HOOK: self._poddiagnosers.process,
            METACONTROLLER: self._metacontroller.process,
        }
        return {name: process for name, process in processes.items() if process.running}

    def pod_syncs(self) -> int | None:
        """Return how many syncs of Pods were answered."""
        return answering.answers(self._pods.metrics())["/pods/sync", "200"]

    def refused(self) -> int:
        """Return how many requests either process answered with anything but 200."""
        hooks = (self._pods, self._poddiagnosers)
        return sum(answering.refused(hook.metrics()) for hook in hooks)

    def evidence(self) -> Counter[str]:
        """Return how often the Events of a Pod were requested, by outcome."""
        return answering.evidence(self._pods.metrics())

    @contextlib.contextmanager
    def metacontroller_stopped(self) -> Iterator[None]:
        """Stop Metacontroller for a while; afterwards it sees all changes at once."""
        os.kill(self._metacontroller.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._metacontroller.process.pid, signal.SIGCONT)

    def slow_pod_syncs(self, seconds: float) -> int:
        """Count the syncs of Pods that took longer than one of the bounds of the hook's histogram.

        Args:
            seconds: the bound.
        """
        return answering.slower(self._pods.metrics(), "/pods/sync", seconds)


class KopfOperator:
    """The kopf operator of `dev.benchmarks.kopf_operator`.

    Args:
        control_plane: where.
    """

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane
        (port,) = free_ports(1)
        self._liveness = f"http://127.0.0.1:{port}/healthz"
        self._process = Process(
            "kopf",
            [
                Path(sys.executable).with_name("kopf"),
                "run",
                "--all-namespaces",
                "--standalone",
                "--quiet",
                f"--liveness={self._liveness}",
                Path(__file__).with_name("kopf_operator.py"),
            ],
            control_plane.folder,
            {"KUBECONFIG": str(control_plane.kubeconfig)},
        )

    def install(self) -> None:
        """Install our kinds; it needs nothing else.

        Raises:
            dev.envtest.control_plane.KubectlError: the API server refuses them.
        """
        crds = installation.render(self._control_plane, installation.PROJECT / "crds")
        installation.apply(self._control_plane, crds)
        installation.wait_for_kinds(self._control_plane, "poddiagnosers.diagnostics.local.io")

    def start(self) -> None:
        """Start it.

        Raises:
            dev.envtest.process.StartError: it does not get ready.
        """
        self._process.start()
        self._process.wait_until(self._alive)

    def start_servers(self) -> None:
        """Start nothing: it is one process."""

    def start_rest(self) -> None:
        """Start it.

        Raises:
            dev.envtest.process.StartError: it does not get ready.
        """
        self.start()

    def stop(self) -> None:
        """End it."""
        self._process.stop(grace=0)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since it was started.

        Returns:
            `KOPF`, in seconds; nothing while it does not run.
        """
        return {KOPF: usage.cpu_seconds(self._process)} if self._process.running else {}

    def peak_memory(self) -> dict[str, int]:
        """Return the most memory since it was started.

        Returns:
            `KOPF`, in bytes.
        """
        return {KOPF: usage.whole_peak_bytes(self._process)}

    def pod_syncs(self) -> int | None:
        """Not known."""
        return None

    def _alive(self) -> bool:
        return local_http.is_ok(self._liveness, seconds=2)


OPERATORS: dict[str, Callable[[ControlPlane], Operator]] = {
    "ours": HookOperator,
    "kopf": KopfOperator,
}
"""Those that are compared, by what they are called in the table."""
