"""A whole cluster with the operator in it."""

import base64
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.envtest import installation
from dev.envtest.build import Binaries
from dev.envtest.client import (
    CLUSTERPODDIAGNOSERS,
    NAMESPACES,
    SECRETS,
    SERVICE_ACCOUNTS,
    Client,
    Json,
)
from dev.envtest.control_plane import ControlPlane
from dev.envtest.hook import Hook
from dev.envtest.installation import (
    CERTIFICATE,
    EVIDENCE,
    PODS_HOOK,
    REMEDIATOR,
    SYSTEM,
    TOKENS,
)
from dev.envtest.kubelet import Kubelet
from dev.envtest.metacontroller import Metacontroller
from dev.envtest.mounts import mount
from dev.envtest.process import Process
from dev.envtest.proxy import Proxy


class Cluster:
    """Control plane, kubelet, Metacontroller and the hook's two processes.

    The hook's processes have the credentials that the manifests give their Pods: the tokens of
    callers, and a certificate; the one that remediates its ServiceAccount's token; with the
    component that lets it read Events, the one that serves Pods its own, too.

    A context manager; it takes some seconds to start.

    Args:
        binaries: the programs.
        overlay: which of our manifests are installed, see `dev.envtest.installation.install`.
        components: the components that are installed with it.
        linger: seconds that a terminating Pod stays.
        cache_flush_interval: Metacontroller's.
        audit_policy: what the API server logs; None means the least.
        installed: whether the operator is installed; otherwise all runs but the hook.
        tls: whether Metacontroller and the hook speak TLS, as they do by the manifests.

    Attributes:
        control_plane: its processes, clients and kubectl.
        kubelet: simulates the Node.
        metacontroller: the real one.
        pods_hook: serves the Pods' endpoints.
        poddiagnosers_hook: serves the PodDiagnosers' endpoints.
    """

    def __init__(
        self,
        binaries: Binaries,
        *,
        overlay: str | None = "default",
        components: Sequence[str] = (),
        linger: float = 1.0,
        cache_flush_interval: str = "30m",
        audit_policy: Json | None = None,
        installed: bool = True,
        tls: bool = True,
    ) -> None:
        self.control_plane = ControlPlane(binaries, audit_policy)
        kubelet = self.control_plane.client("kubelet", agent="kubelet/v1.36.3 (linux/amd64)")
        self.kubelet = Kubelet(kubelet, linger)
        self.metacontroller = Metacontroller(self.control_plane, cache_flush_interval)
        folder = self.control_plane.folder
        self._tokens = folder / "tokens"
        self._certificate = folder / "tls" if tls else None
        self._service_accounts = folder / "service-accounts"
        self.pods_hook = Hook(
            "pods",
            folder,
            self.evidence_environment() if EVIDENCE in components else self._served_environment(),
        )
        self.poddiagnosers_hook = Hook("poddiagnosers", folder, self.remediation_environment())
        self._overlay, self._components = overlay, components
        self._installed = installed
        self._exit = contextlib.ExitStack()

    @property
    def admin(self) -> Client:
        """A client that may do everything."""
        return self.control_plane.admin

    @property
    def processes(self) -> tuple[Process, ...]:
        """All processes, in the order in which they start."""
        return (
            *self.control_plane.processes,
            self.pods_hook.process,
            self.poddiagnosers_hook.process,
            self.metacontroller.process,
        )

    def __enter__(self) -> Self:
        """Start everything, in the order in which an administrator would install it.

        Raises:
            StartError: a program does not get ready.
            KubectlError: the API server refuses a manifest.
            InstallError: the manifests are not what is expected, or a script of ours fails.
        """
        with contextlib.ExitStack() as exit_stack:
            exit_stack.enter_context(self.control_plane)
            self.kubelet.start()
            exit_stack.callback(self.kubelet.stop)
            installation.install_metacontroller(self.control_plane)
            for hook in (self.pods_hook, self.poddiagnosers_hook):
                exit_stack.callback(hook.stop)
            if self._installed:
                self._install()
            # A method of this object, since a restart replaces the process.
            exit_stack.callback(self.metacontroller.stop, grace=0)
            self.metacontroller.start()
            self._exit = exit_stack.pop_all()
        return self

    def _install(self) -> None:
        installation.credentials(self.control_plane, "create")
        installation.install(self.control_plane, self.urls, self._overlay, self._components)
        self.mount_tokens()
        self.mount_certificate()
        self.mount_service_accounts()
        # Its garbage collector looks for new kinds every 30 seconds, and at its start: without
        # this DiagnosisTargets would outlive their PodDiagnosers for so long.
        self.control_plane.controller_manager.stop(grace=0)
        self.control_plane.controller_manager.start()
        for hook in (self.pods_hook, self.poddiagnosers_hook):
            hook.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything, in the reverse order."""
        self._exit.__exit__(kind, problem, traceback)

    @property
    def urls(self) -> dict[str, str]:
        """The hook's base URLs: keys ``pods`` and ``poddiagnosers``."""
        return {"pods": self.pods_hook.url, "poddiagnosers": self.poddiagnosers_hook.url}

    def remediation_environment(self, server: str | None = None) -> dict[str, str]:
        """Return the settings of a process that remediates.

        Args:
            server: URL of what it takes for the API server; None means the API server.
        """
        return self._connected_environment(REMEDIATOR, server)

    def evidence_environment(self, server: str | None = None) -> dict[str, str]:
        """Return the settings of a process that serves Pods and reads their Events.

        Args:
            server: URL of what it takes for the API server; None means the API server.
        """
        return {
            **self._connected_environment(PODS_HOOK, server),
            "POD_DIAGNOSER_EVIDENCE": "true",
        }

    def _connected_environment(self, account: str, server: str | None) -> dict[str, str]:
        """Return the settings of a process with the token of a ServiceAccount."""
        folder = self._service_accounts / account
        return {
            **self._served_environment(),
            "POD_DIAGNOSER_API_SERVER": server or self.control_plane.server,
            "POD_DIAGNOSER_API_TOKEN_FILE": str(folder / "token"),
            "POD_DIAGNOSER_API_CA_FILE": str(folder / "ca.crt"),
        }

    def _served_environment(self) -> dict[str, str]:
        """Return the settings for callers."""
        environment = {"POD_DIAGNOSER_TOKEN_DIR": str(self._tokens)}
        if self._certificate is not None:
            environment["POD_DIAGNOSER_TLS_DIR"] = str(self._certificate)
        return environment

    @property
    def authority(self) -> Path | None:
        """PEM file of the CA by which the hook is known; None where it serves plain HTTP."""
        return None if self._certificate is None else self._certificate / "ca-a.crt"

    def proxy(self, upstream: str, port: int) -> Proxy:
        """Make a proxy that stands before a hook, and looks like it to its callers.

        Args:
            upstream: the hook's URL.
            port: where it listens.
        """
        if self._certificate is None:
            return Proxy(upstream, port)
        files = {name: self._certificate / name for name in ("tls.crt", "tls.key", "ca-a.crt")}
        return Proxy(upstream, port, files["tls.crt"], files["tls.key"], files["ca-a.crt"])

    def mount_certificate(self) -> None:
        """Bring the hook's files up to the Secret of the certificate, as kubelets do once a minute.

        Raises:
            ApiError: there is no such Secret.
        """
        if self._certificate is not None:
            data = self.admin.get(SECRETS, CERTIFICATE, SYSTEM)["data"]
            mount(self._certificate, {key: base64.b64decode(text) for key, text in data.items()})

    def mount_tokens(self) -> dict[str, str]:
        """Bring the hook's files up to the Secret of the tokens, as kubelets do once a minute.

        Returns:
            The tokens, by the Secret's keys.

        Raises:
            ApiError: there is no such Secret.
        """
        data = self.admin.get(SECRETS, TOKENS, SYSTEM)["data"]
        tokens = {key: base64.b64decode(value) for key, value in data.items()}
        mount(self._tokens, tokens)
        return {key: token.decode() for key, token in tokens.items()}

    def mount_service_accounts(self) -> None:
        """Give the processes new tokens of their ServiceAccounts, as kubelets do hourly.

        Raises:
            ApiError: one of the ServiceAccounts is not there.
        """
        ca = self.control_plane.certificate.read_bytes()
        for account in (REMEDIATOR, PODS_HOOK):
            token = self.control_plane.service_account_token(SYSTEM, account)
            folder = self._service_accounts / account
            mount(folder, {"token": token.encode(), "ca.crt": ca})

    def create_cluster_diagnoser(self, name: str, **spec: object) -> Json:
        """Create a ClusterPodDiagnoser; return it as stored.

        Args:
            name: its name.
            spec: fields of its spec.
        """
        body = {
            "apiVersion": CLUSTERPODDIAGNOSERS.version,
            "kind": "ClusterPodDiagnoser",
            "metadata": {"name": name},
            "spec": spec,
        }
        return self.admin.create(CLUSTERPODDIAGNOSERS, body)

    def create_namespace(self, name: str) -> None:
        """Create a namespace and wait until it takes Pods.

        Args:
            name: its name.

        Raises:
            TimeoutError: it has no default ServiceAccount after 20 seconds.
        """
        self.admin.create(NAMESPACES, {"metadata": {"name": name}})
        deadline = time.monotonic() + 20
        while self.admin.find(SERVICE_ACCOUNTS, "default", name) is None:
            if time.monotonic() > deadline:
                msg = f"no ServiceAccount in namespace {name}"
                raise TimeoutError(msg)
            time.sleep(0.02)

    def tails(self, lines: int = 15) -> str:
        """Return the ends of all logs, for the report of a failure.

        Args:
            lines: how many of each.
        """
        return "\n".join(f"--- {process.name}\n{process.tail(lines)}" for process in self.processes)
