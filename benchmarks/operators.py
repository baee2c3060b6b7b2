"""The two operators that are compared in a cluster, started and stopped as a whole."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import requests

from benchmarks.timing import Timed, timing
from controlplane import installation
from controlplane.client import SECRETS
from controlplane.mounts import mount
from controlplane.processes import Hook, Metacontroller, Process, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from controlplane.processes import ControlPlane
    from controlplane.proxy import Proxy


class Operator(Protocol):
    """An operator under test."""

    def install(self) -> None:
        """Installs into the cluster what it needs beside our kinds."""

    def start(self) -> None:
        """Starts it and waits until it says that it is ready."""

    def stop(self) -> None:
        """Ends all of it."""

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since it was started, by part."""

    def pod_syncs(self) -> int | None:
        """How many syncs of Pods it has answered since it was started, where that is known."""


class Ours:
    """Metacontroller and the hook's two processes, with the credentials that the manifests give.

    Args:
        control_plane: Where.
        timed: Whether each answer of the hook is timed, which costs some time itself.

    Attributes:
        answers: Those of the hook that were timed, in the order in which they were given.
    """

    def __init__(self, control_plane: ControlPlane, *, timed: bool = False) -> None:
        self._control_plane = control_plane
        folder = control_plane.folder
        self._tokens, self._service_account = folder / "tokens", folder / "service-account"
        tokens = {"POD_DIAGNOSER_TOKEN_DIR": str(self._tokens)}
        access = {
            "POD_DIAGNOSER_API_SERVER": control_plane.server,
            "POD_DIAGNOSER_API_TOKEN_FILE": str(self._service_account / "token"),
            "POD_DIAGNOSER_API_CA_FILE": str(self._service_account / "ca.crt"),
        }
        self._pods = Hook("pods", folder, tokens)
        self._poddiagnosers = Hook("poddiagnosers", folder, {**tokens, **access})
        self._metacontroller = Metacontroller(control_plane)
        self.answers: list[Timed] = []
        hooks = {"pods": self._pods, "poddiagnosers": self._poddiagnosers}
        self._urls = {name: hook.url for name, hook in hooks.items()}
        self._fronts: list[Proxy] = []
        if timed:
            ports = free_ports(len(hooks))
            for (name, hook), port in zip(hooks.items(), ports, strict=True):
                front = timing(hook.url, port, self.answers)
                self._fronts.append(front)
                self._urls[name] = front.url

    def install(self) -> None:
        """Installs Metacontroller's kinds and rights, our DecoratorControllers, and credentials.

        Raises:
            controlplane.processes.KubectlError: The API server refuses something.
            controlplane.installation.InstallError: A script of ours fails.
        """
        plane = self._control_plane
        installation.install_metacontroller(plane)
        installation.create_tokens(plane)
        installation.install(plane, self._urls, overlay=None)
        data = plane.admin.get(SECRETS, installation.TOKENS, installation.SYSTEM)["data"]
        mount(self._tokens, {key: base64.b64decode(value) for key, value in data.items()})
        token = plane.service_account_token(installation.SYSTEM, installation.REMEDIATOR)
        certificate = plane.certificate.read_bytes()
        mount(self._service_account, {"token": token.encode(), "ca.crt": certificate})

    def start(self) -> None:
        """Starts all three.

        Raises:
            controlplane.processes.StartError: One does not get ready.
        """
        # At once, as Pods start; Metacontroller repeats what finds no hook yet.
        for process in (self._pods.process, self._poddiagnosers.process):
            process.start()
        for front in self._fronts:
            front.start()
        self._metacontroller.start()
        for hook in (self._pods, self._poddiagnosers):
            hook.process.wait_until(lambda hook=hook: bool(hook.metrics()))  # type: ignore[misc]

    def stop(self) -> None:
        """Ends all three; Metacontroller first, so that it does not miss the hook."""
        self._metacontroller.stop(grace=0)
        for front in self._fronts:
            front.stop()
        for hook in (self._pods, self._poddiagnosers):
            hook.stop(grace=0)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since they were started.

        Returns:
            ``hook`` (both processes) and ``Metacontroller``, in seconds.
        """
        return {
            "hook": self._pods.process.cpu_seconds() + self._poddiagnosers.process.cpu_seconds(),
            "Metacontroller": self._metacontroller.process.cpu_seconds(),
        }

    def pod_syncs(self) -> int | None:
        """How many syncs of Pods were answered.

        Returns:
            The count, by the hook's own metrics.

        Raises:
            requests.RequestException: The hook does not answer.
        """
        pattern = r'^pod_diagnoser_answers_total\{endpoint="/pods/sync",status="200"\} (\S+)$'
        found = re.search(pattern, self._pods.metrics(), re.MULTILINE)
        return int(float(found[1])) if found else 0


class Kopf:
    """The kopf operator of `benchmarks.kopf_operator`.

    Args:
        control_plane: Where.
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
        """Installs our kinds; it needs nothing else.

        Raises:
            controlplane.processes.KubectlError: The API server refuses them.
        """
        crds = installation.render(self._control_plane, installation.PROJECT / "crds")
        installation.apply(self._control_plane, crds)
        installation.wait_for_kinds(self._control_plane, "poddiagnosers.diagnostics.local.io")

    def start(self) -> None:
        """Starts it.

        Raises:
            controlplane.processes.StartError: It does not get ready.
        """
        self._process.start()
        self._process.wait_until(self._alive)

    def stop(self) -> None:
        """Ends it."""
        self._process.stop(grace=0)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used since it was started.

        Returns:
            ``kopf``, in seconds.
        """
        return {"kopf": self._process.cpu_seconds()}

    def pod_syncs(self) -> int | None:
        """Not known.

        Returns:
            None.
        """
        return None

    def _alive(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self._liveness, timeout=2).ok


OPERATORS: dict[str, Callable[[ControlPlane], Operator]] = {"ours": Ours, "kopf": Kopf}
"""Those that are compared, by what they are called in the table."""
