"""etcd, kube-apiserver and kube-controller-manager on this machine."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.envtest import audit
from dev.envtest.build import Binaries
from dev.envtest.client import SERVICE_ACCOUNTS, Client, Json
from dev.envtest.credentials import Credentials
from dev.envtest.process import Process
from dev.local_ports import free_ports


class KubectlError(RuntimeError):
    """A kubectl command ended with an error; the message is what it said."""


class ControlPlane:
    """etcd, kube-apiserver and kube-controller-manager, and the clients' credentials.

    A context manager: everything ends with it, and so does its scratch folder, unless an error
    passes through: then the logs stay, and a note on the error says where.

    Args:
        binaries: the programs.
        audit_policy: what the API server logs; None means `audit.policy`.

    Attributes:
        folder: scratch folder; logs of all processes are in it.
        keep: whether the scratch folder stays in any case.
        server: the API server's URL.
        certificate: PEM file of the API server's certificate, which it makes itself; its
            clients have to trust it.
        key: PEM file of the key that belongs to it.
        admin: a client that may do everything.
        kubeconfig: the admin's kubeconfig file.
        audit_log: where the API server logs its requests.
    """

    def __init__(self, binaries: Binaries, audit_policy: Json | None = None) -> None:
        self.binaries = binaries
        self.keep = False
        self.folder = Path(tempfile.mkdtemp(prefix="pod-diagnoser-control-plane-"))
        etcd_port, peer_port, self._port = free_ports(3)
        self._etcd_url = f"http://127.0.0.1:{etcd_port}"
        self._peer_url = f"http://127.0.0.1:{peer_port}"
        self.server = f"https://127.0.0.1:{self._port}"
        self.certificate = self.folder / "certificates" / "apiserver.crt"
        self.key = self.certificate.with_suffix(".key")
        self.audit_log = self.folder / "audit.jsonl"
        self._credentials = Credentials(self.folder)
        self._audit_policy = self.folder / "audit-policy.json"
        self._audit_policy.write_text(json.dumps(audit_policy or audit.policy()), encoding="ascii")
        self.kubeconfig = self.write_kubeconfig("admin")
        self.admin = self.client("admin")
        self._controller_manager_kubeconfig = self.write_kubeconfig("controller-manager")
        self.etcd = Process("etcd", self._etcd_arguments(), self.folder)
        self.apiserver = Process("kube-apiserver", self._apiserver_arguments(), self.folder)
        self.controller_manager = Process(
            "kube-controller-manager", self._controller_manager_arguments(), self.folder
        )

    @property
    def processes(self) -> tuple[Process, ...]:
        """The three processes, in the order in which they start."""
        return (self.etcd, self.apiserver, self.controller_manager)

    def __enter__(self) -> Self:
        """Start everything and wait until it serves; some five seconds.

        Raises:
            StartError: one of the programs does not get ready.
        """
        try:
            self.etcd.start()
            self.apiserver.start()
            self.apiserver.wait_until(self.admin.ready)
            self.controller_manager.start()
            # The first sign that controllers work; without this ServiceAccount no Pod is admitted.
            self.controller_manager.wait_until(
                lambda: self.admin.find(SERVICE_ACCOUNTS, "default", "default") is not None
            )
        except BaseException as problem:
            self.__exit__(type(problem), problem, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything."""
        self.stop()
        if isinstance(problem, Exception):  # after Ctrl-C no logs are needed
            problem.add_note(f"Logs are kept in {self.folder}")
        elif not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """Kill the processes, in the reverse order; their data are no longer needed."""
        for process in reversed(self.processes):
            process.stop(grace=0)

    def client(self, user: str, agent: str | None = None) -> Client:
        """Return a client for one of the users.

        Args:
            user: one of `USERS`.
            agent: its User-Agent; the API server makes the field manager of it.
        """
        return self.client_with(self._credentials.token(user), agent or user)

    def client_with(self, token: str, agent: str) -> Client:
        """Return a client for the owner of a token.

        Args:
            token: bearer token.
            agent: its User-Agent.
        """
        return Client(self.server, token, self.certificate, agent)

    def service_account_token(self, namespace: str, name: str, seconds: int = 3600) -> str:
        """Have a token issued for a ServiceAccount, as a kubelet does for a Pod.

        Args:
            namespace: the ServiceAccount's namespace.
            name: its name.
            seconds: for how long it is valid; at least 600.

        Raises:
            ApiError: there is no such ServiceAccount.
        """
        request = {"spec": {"expirationSeconds": seconds}}
        answer = self.admin.post(SERVICE_ACCOUNTS, name, "token", request, namespace)
        token: str = answer["status"]["token"]
        return token

    def audited(self) -> list[audit.Audited]:
        """Return the requests of the operator's ServiceAccounts so far.

        Returns:
            The requests, in the order in which they were answered.
        """
        return audit.read(self.audit_log)

    def write_kubeconfig(self, user: str, server: str | None = None) -> Path:
        """Write a kubeconfig for one of the users.

        Args:
            user: one of `USERS`.
            server: URL of what it takes for the API server; None means the API server.
        """
        suffix = "" if server is None else "-elsewhere"
        return self._credentials.write_kubeconfig(
            user, server or self.server, self.certificate, suffix
        )

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the admin.

        Args:
            arguments: what follows ``kubectl``.
            stdin: its standard input.
            check: whether a failure raises; otherwise its error output is returned like any output.

        Returns:
            Standard output, followed by standard error.

        Raises:
            KubectlError: it failed, and ``check`` is set.
        """
        done = subprocess.run(
            [self.binaries.kubectl, "--kubeconfig", self.kubeconfig, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            # The cache of discovery would go to the home directory, one more folder a port.
            env={**os.environ, "KUBECACHEDIR": str(self.folder / "kubectl-cache")},
        )
        if done.returncode and check:
            msg = f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
            raise KubectlError(msg)
        return done.stdout + done.stderr

    def _etcd_arguments(self) -> list[str | Path]:
        return [
            self.binaries.etcd,
            "--data-dir",
            self.folder / "etcd",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={self._peer_url}",
            f"--initial-advertise-peer-urls={self._peer_url}",
            f"--initial-cluster=default={self._peer_url}",
            "--unsafe-no-fsync",  # the data end with the run
            "--log-level=warn",
        ]

    def _apiserver_arguments(self) -> list[str | Path]:
        return [
            self.binaries.apiserver,
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self.certificate.parent}",  # it makes itself a certificate there
            f"--token-auth-file={self._credentials.tokens_file}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._credentials.service_account_key}",
            f"--service-account-signing-key-file={self._credentials.service_account_key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",  # it refuses 127.0.0.1 as an endpoint
            f"--audit-policy-file={self._audit_policy}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-mode=blocking",  # an answered request is in the log
            "--audit-log-maxsize=10000",  # megabytes: one file
        ]

    def _controller_manager_arguments(self) -> list[str | Path]:
        return [
            self.binaries.controller_manager,
            f"--kubeconfig={self._controller_manager_kubeconfig}",
            "--use-service-account-credentials",  # each controller as in a cluster, by its own name
            "--leader-elect=false",
            "--secure-port=0",
            f"--service-account-private-key-file={self._credentials.service_account_key}",
            f"--root-ca-file={self.certificate}",
            "--allocate-node-cidrs=false",
            # The simulated kubelet reports only once that its Node is ready: it has to stay so
            # while the API server is down.
            "--node-monitor-grace-period=1h",
            # Deleted namespaces and owners go within a moment, workloads fill at once.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ]
