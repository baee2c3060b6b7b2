"""The two operators that are compared in a cluster, started and stopped as a whole."""

import base64
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from dev import local_http
from dev.benchmarks import answering, usage
from dev.benchmarks.timing import Timed, timing
from dev.envtest import installation
from dev.envtest.client import SECRETS
from dev.envtest.control_plane import ControlPlane
from dev.envtest.hook import Hook
from dev.envtest.metacontroller import Metacontroller
from dev.envtest.mounts import mount
from dev.envtest.process import Process
from dev.local_ports import free_ports


class Operator(Protocol):
    """An operator under test."""

    def install(self) -> None:
        """Install into the cluster what it needs beside our kinds."""

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""

    def stop(self) -> None:
        """End all of it."""

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since it was started, by part."""

    def pod_syncs(self) -> int | None:
        """Return how many syncs of Pods it has answered since its start, if that is known."""


class HookOperator:
    """Metacontroller and the hook's two processes, with the credentials that the manifests give.

    Args:
        control_plane: where.
        timed: whether each answer of the hook is timed, which costs some time itself.
        events_from: URL of where the hook reads Events, which the component ``evidence`` lets it;
            None where it reads none.

    Attributes:
        answers: those of the hook that were timed, in the order in which they were given.
    """

    def __init__(
        self,
        control_plane: ControlPlane,
        *,
        timed: bool = False,
        events_from: str | None = None,
    ) -> None:
        self._control_plane = control_plane
        folder = control_plane.folder
        self._tokens = folder / "tokens"
        self._components = () if events_from is None else (installation.EVIDENCE,)
        self._accounts = {
            account: folder / account
            for account in (installation.REMEDIATOR, installation.PODS_HOOK)
        }
        tokens = {"POD_DIAGNOSER_TOKEN_DIR": str(self._tokens)}
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
        self._fronts = (
            {name: timing(hook.url, free_ports(1)[0], self.answers) for name, hook in hooks.items()}
            if timed
            else {}
        )
        self._urls |= {name: front.url for name, front in self._fronts.items()}

    def install(self) -> None:
        """Install Metacontroller's kinds and rights, our DecoratorControllers, and credentials.

        Raises:
            dev.envtest.control_plane.KubectlError: the API server refuses something.
            dev.envtest.installation.InstallError: a script of ours fails.
        """
        plane = self._control_plane
        installation.install_metacontroller(plane)
        installation.create_tokens(plane)
        installation.install(plane, self._urls, overlay=None, components=self._components)
        data = plane.admin.get(SECRETS, installation.TOKENS, installation.SYSTEM)["data"]
        mount(self._tokens, {key: base64.b64decode(value) for key, value in data.items()})
        certificate = plane.certificate.read_bytes()
        for account, folder in self._accounts.items():
            token = plane.service_account_token(installation.SYSTEM, account)
            mount(folder, {"token": token.encode(), "ca.crt": certificate})

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
        for process in (self._pods.process, self._poddiagnosers.process):
            process.start()
        for front in self._fronts.values():
            front.start()
        self._metacontroller.start()
        for hook in (self._pods, self._poddiagnosers):
            hook.process.wait_until(hook.serves_metrics)

    def stop(self) -> None:
        """End all three; Metacontroller first, so that it does not call a hook that has ended."""
        self._metacontroller.stop(grace=0)
        for front in self._fronts.values():
            front.stop()
        for hook in (self._pods, self._poddiagnosers):
            hook.stop(grace=0)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since they were started.

        Returns:
            ``hook`` (both processes) and ``Metacontroller``, in seconds.
        """
        return {
            "hook": usage.cpu_seconds(self._pods.process)
            + usage.cpu_seconds(self._poddiagnosers.process),
            "Metacontroller": usage.cpu_seconds(self._metacontroller.process),
        }

    def pod_syncs(self) -> int | None:
        """Return how many syncs of Pods were answered."""
        return answering.answers(self._pods.metrics())["/pods/sync", "200"]

    def refused(self) -> int:
        """Return how many requests either process answered with anything but 200."""
        hooks = (self._pods, self._poddiagnosers)
        return sum(answering.refused(hook.metrics()) for hook in hooks)

    def peak_memory(self) -> int:
        """Return the most memory, in bytes, that the worker that serves Pods has had."""
        return usage.peak_bytes(self._pods.process)

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

    def stop(self) -> None:
        """End it."""
        self._process.stop(grace=0)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since it was started.

        Returns:
            ``kopf``, in seconds.
        """
        return {"kopf": usage.cpu_seconds(self._process)}

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
