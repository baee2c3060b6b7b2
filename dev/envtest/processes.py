"""The programs of a run: started, waited for, ended together.

:class:`ControlPlane` is etcd, kube-apiserver and kube-controller-manager; :class:`Metacontroller`
and :class:`Hook` run beside it. Everything listens on 127.0.0.1 and lives in one scratch folder.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import requests

from dev.envtest import audit
from dev.envtest.client import SERVICE_ACCOUNTS, Client
from dev.envtest.installation import metacontroller_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from dev.envtest.build import Binaries
    from dev.envtest.client import Json


_TAIL_WIDTH = 400  # Go's stack traces come in one line of thousands of characters


class StartError(RuntimeError):
    """A program ended early or was not ready in time; the message ends with its log's tail."""


class Process:
    """One program in a process group of its own, its output in a log file.

    Args:
        name: What it is called in messages; also names the log file.
        arguments: The command line.
        folder: Where the log file goes; appended to, so that it survives restarts.
        environment: Variables beside those of this process.
    """

    _reaper: subprocess.Popen[str] | None = None

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._arguments = [str(argument) for argument in arguments]
        self._environment = dict(environment or {})
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            StartError: It does not run.
        """
        if self._popen is None:
            msg = f"{self.name} does not run"
            raise StartError(msg)
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def exit_code(self) -> int | None:
        """How the program ended.

        Returns:
            Its exit code, -n after signal n, or None while it runs and before its start.
        """
        return None if self._popen is None else self._popen.poll()

    def start(self) -> None:
        """Starts the program, again if it ran before; does not wait until it is ready.

        Raises:
            OSError: It cannot be started.
        """
        self.stop()
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,  # a group of its own: Ctrl-C is ours to pass on
            )
        self._tell_reaper(f"+{self._popen.pid}")

    def stop(self, grace: float = 10.0) -> None:
        """Ends the program and its children: SIGTERM, then SIGKILL. A second call does nothing.

        Args:
            grace: Seconds between the two; 0 kills at once.
        """
        if self._popen is None:
            return
        popen, self._popen = self._popen, None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGTERM if grace else signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(grace or None)
        # The leader is gone or stuck; either way nothing of the group may stay.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        self._tell_reaper(f"-{popen.pid}")

    def wait_until(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Polls until the program is ready.

        Args:
            ready: Says so; connection errors count as no.
            timeout: Seconds.

        Raises:
            StartError: It ended, or was not ready in time.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if ready():
                    return
            if not self.running:
                msg = f"{self.name} ended early:\n{self.tail()}"
                raise StartError(msg)
            time.sleep(0.05)
        msg = f"{self.name} was not ready within {timeout:.0f} s:\n{self.tail()}"
        raise StartError(msg)

    def tail(self, lines: int = 30) -> str:
        """The end of the log.

        Args:
            lines: How many.

        Returns:
            Those lines, long ones cut off, or an empty text.
        """
        if not self.log.is_file():
            return ""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(line[:_TAIL_WIDTH] for line in text.splitlines()[-lines:])

    def cpu_seconds(self) -> float:
        """CPU time that the program's whole group has used so far, children that ended included.

        Returns:
            Seconds, user and system together.

        Raises:
            StartError: It does not run.
            OSError: There is no ``/proc``.
        """
        ticks = 0
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                # proc(5): the name in parentheses may hold spaces; pgrp is the 3rd field after it,
                # utime, stime, cutime and cstime are the 12th to 15th.
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[2]) == self.pid:
                    ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    @classmethod
    def _tell_reaper(cls, line: str) -> None:
        """Keeps the reaper's list; starts it with the first entry."""
        if cls._reaper is None or cls._reaper.poll() is not None:
            cls._reaper = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("_reaper.py")],
                stdin=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        if cls._reaper.stdin is not None:
            cls._reaper.stdin.write(f"{line}\n")
            cls._reaper.stdin.flush()


def free_ports(count: int) -> list[int]:
    """Finds ports of 127.0.0.1 on which nothing listens.

    They are below the range that systems give to outgoing connections, so that none of those takes
    one between now and its use.

    Args:
        count: How many, all different.

    Returns:
        The port numbers.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            candidate = random.randint(20_000, 31_999)
            listener = held.enter_context(socket.socket())
            try:
                listener.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            ports.append(candidate)
        return ports


class ControlPlane:
    """etcd, kube-apiserver and kube-controller-manager, and the clients' credentials.

    A context manager: everything ends with it, and so does its scratch folder, unless an error
    passes through: then the logs stay, and a note on the error says where.

    Args:
        binaries: The programs.
        audit_policy: What the API server logs; None means what :func:`audit.to_evidence` reads.

    Attributes:
        folder: Scratch folder; logs of all processes are in it.
        keep: Whether the scratch folder stays in any case.
        server: The API server's URL.
        certificate: PEM file of the API server's certificate, which it makes itself; who calls it
            trusts that.
        key: PEM file of the key that belongs to it.
        admin: A client that may do everything.
        kubeconfig: The admin's kubeconfig file.
        audit_log: Where the API server logs what it is asked.
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
        self._tokens: dict[str, str] = {}
        key = self.folder / "service-account.key"
        key.write_text(_elliptic_curve_key(), encoding="ascii")
        self._audit_policy = self.folder / "audit-policy.json"
        self._audit_policy.write_text(json.dumps(audit_policy or audit.policy()), encoding="ascii")
        self._write_tokens()
        self.kubeconfig = self.write_kubeconfig("admin")
        self.admin = self.client("admin")
        self.etcd = Process("etcd", self._etcd_arguments(), self.folder)
        self.apiserver = Process("kube-apiserver", self._apiserver_arguments(key), self.folder)
        self.controller_manager = Process(
            "kube-controller-manager", self._controller_manager_arguments(key), self.folder
        )

    @property
    def processes(self) -> tuple[Process, ...]:
        """The three processes, in the order in which they start."""
        return (self.etcd, self.apiserver, self.controller_manager)

    def __enter__(self) -> Self:
        """Starts everything and waits until it serves; some five seconds.

        Raises:
            StartError: One of the programs does not get ready.
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
        """Ends everything."""
        self.stop()
        if isinstance(problem, Exception):  # not a Ctrl-C, after which nobody asks for logs
            problem.add_note(f"Logs are kept in {self.folder}")
        elif not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """Ends the processes, the youngest first. Nothing in here is worth a graceful end."""
        for process in reversed(self.processes):
            process.stop(grace=0)

    def client(self, user: str, agent: str | None = None) -> Client:
        """A client for one of the users.

        Args:
            user: One of :data:`USERS`.
            agent: Its User-Agent; the API server makes the field manager of it.

        Returns:
            The client.
        """
        return self.client_with(self._tokens[user], agent or user)

    def client_with(self, token: str, agent: str) -> Client:
        """A client for whoever a token belongs to.

        Args:
            token: Bearer token.
            agent: Its User-Agent.

        Returns:
            The client.
        """
        return Client(self.server, token, self.certificate, agent)

    def service_account_token(self, namespace: str, name: str, seconds: int = 3600) -> str:
        """Has a token issued for a ServiceAccount, as a kubelet does for a Pod.

        Args:
            namespace: The ServiceAccount's namespace.
            name: Its name.
            seconds: For how long it is valid; at least 600.

        Returns:
            The bearer token.

        Raises:
            ApiError: There is no such ServiceAccount.
            requests.RequestException: The API server cannot be reached.
        """
        request = {"spec": {"expirationSeconds": seconds}}
        answer = self.admin.post(SERVICE_ACCOUNTS, name, "token", request, namespace)
        token: str = answer["status"]["token"]
        return token

    def audited(self) -> list[audit.Audited]:
        """What the operator's ServiceAccounts have asked of the API server so far.

        Returns:
            The requests, in the order in which they were answered.
        """
        return audit.read(self.audit_log)

    def write_kubeconfig(self, user: str, server: str | None = None) -> Path:
        """Writes a kubeconfig for one of the users.

        Args:
            user: One of :data:`USERS`.
            server: URL of what it takes for the API server; None means the API server.

        Returns:
            The file.
        """
        path = self.folder / f"{user}{'' if server is None else '-elsewhere'}.kubeconfig"
        cluster = f"server: {server or self.server}, certificate-authority: {self.certificate}"
        path.write_text(
            textwrap.dedent(f"""\
                apiVersion: v1
                kind: Config
                current-context: local
                contexts: [{{name: local, context: {{cluster: local, user: {user}}}}}]
                clusters:
                - name: local
                  cluster: {{{cluster}}}
                users: [{{name: {user}, user: {{token: {self._tokens[user]}}}}}]
                """),
            encoding="utf-8",
        )
        path.chmod(0o600)
        return path

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Runs kubectl as the admin.

        Args:
            arguments: What follows ``kubectl``.
            stdin: Its standard input.
            check: Whether a failure raises; otherwise what it said is returned like any output.

        Returns:
            Standard output, followed by standard error.

        Raises:
            KubectlError: It failed, and ``check`` is set.
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

    def _write_tokens(self) -> None:
        """Makes a token for each user; the API server reads them from a file."""
        self._tokens = {user: secrets.token_hex(16) for user in USERS}
        tokens = self.folder / "tokens.csv"
        tokens.write_text(
            "".join(
                f'{self._tokens[user]},{user},{user},"{",".join(groups)}"\n'
                for user, groups in USERS.items()
            ),
            encoding="utf-8",
        )
        tokens.chmod(0o600)

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

    def _apiserver_arguments(self, key: Path) -> list[str | Path]:
        return [
            self.binaries.apiserver,
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self.certificate.parent}",  # it makes itself a certificate there
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",  # it refuses 127.0.0.1 as an endpoint
            f"--audit-policy-file={self._audit_policy}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-mode=blocking",  # the log is as far as the answers are
            "--audit-log-maxsize=10000",  # megabytes: one file
        ]

    def _controller_manager_arguments(self, key: Path) -> list[str | Path]:
        return [
            self.binaries.controller_manager,
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
            f"--service-account-private-key-file={key}",
            f"--root-ca-file={self.certificate}",
            "--allocate-node-cidrs=false",
            # The kubelet that is played says once that its Node is ready: nobody is to forget it
            # while the API server is away.
            "--node-monitor-grace-period=1h",
            # Deleted namespaces and owners go within a moment, workloads fill at once.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ]


class KubectlError(RuntimeError):
    """kubectl ended with an error; the message is what it said."""


USERS: dict[str, tuple[str, ...]] = {
    "admin": ("system:masters",),
    "kubelet": ("system:masters",),
    "metacontroller": ("pod-diagnoser:metacontroller",),  # no more than its ClusterRole allows
}
"""Who may call the API server: user name to groups."""


def _elliptic_curve_key() -> str:
    """A private key for ServiceAccount tokens.

    P-256, in the form of RFC 5915 without the optional public key, which Go computes: a fixed frame
    around 32 random bytes. So neither openssl nor a cryptography package is needed.

    Returns:
        PEM.
    """
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    secret = (secrets.randbelow(order - 1) + 1).to_bytes(32, "big")
    der = (
        bytes.fromhex("3031020101")  # SEQUENCE { INTEGER 1
        + bytes.fromhex("0420")  # OCTET STRING, 32 bytes
        + secret
        + bytes.fromhex("a00a06082a8648ce3d030107")  # [0] OBJECT IDENTIFIER prime256v1 }
    )
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"


class Metacontroller:
    """Metacontroller, with the flags of our component ``metacontroller-flags``.

    Args:
        control_plane: What it works on.
        cache_flush_interval: How often it lists everything anew.
        user: As whom it calls the API server.
        server: URL of what it takes for the API server; None means the API server.
    """

    def __init__(
        self,
        control_plane: ControlPlane,
        cache_flush_interval: str = "30m",
        user: str = "metacontroller",
        server: str | None = None,
    ) -> None:
        self._control_plane = control_plane
        self._kubeconfig = control_plane.write_kubeconfig(user, server)
        self._metrics_port, self._health_port = free_ports(2)
        self._cache_flush_interval = cache_flush_interval
        self.process = self._process(cache_flush_interval)

    def _process(self, cache_flush_interval: str) -> Process:
        flags = {**metacontroller_flags(), "cache-flush-interval": cache_flush_interval}
        return Process(
            "metacontroller",
            [
                self._control_plane.binaries.metacontroller,
                f"--kubeconfig={self._kubeconfig}",
                *(f"--{flag}={value}" for flag, value in flags.items()),
                "--discovery-interval=2s",
                "--leader-election=false",
                f"--metrics-address=127.0.0.1:{self._metrics_port}",
                f"--health-probe-bind-address=127.0.0.1:{self._health_port}",
            ],
            self._control_plane.folder,
        )

    def start(self) -> None:
        """Starts it and waits until it says that it is healthy.

        Raises:
            StartError: It does not get there.
        """
        self.process.start()
        self.process.wait_until(lambda: _ok(f"http://127.0.0.1:{self._health_port}/readyz"))

    def stop(self, grace: float = 10.0) -> None:
        """Ends it.

        Args:
            grace: Seconds until it is killed; 0 kills at once.
        """
        self.process.stop(grace)

    def restart(self, cache_flush_interval: str | None = None) -> None:
        """Ends and starts it.

        Args:
            cache_flush_interval: A new one, or None for the one it was made with.

        Raises:
            StartError: It does not get ready.
        """
        self.stop()
        self.process = self._process(cache_flush_interval or self._cache_flush_interval)
        self.start()

    def sync_requests(self, controller: str) -> int:
        """How many sync requests it has sent for a DecoratorController since it was started.

        Args:
            controller: The DecoratorController's name.

        Returns:
            The count.

        Raises:
            requests.RequestException: It does not answer.
        """
        text = _get(f"http://127.0.0.1:{self._metrics_port}/metrics")
        labels = rf'[^}}]*controller_name="{controller}"[^}}]*'
        pattern = rf"^metacontroller_sync_requests_total{{{labels}}} (\S+)$"
        return sum(int(float(value)) for value in re.findall(pattern, text, re.MULTILINE))


class Hook:
    """One process of the hook, as the manifests run it.

    Args:
        endpoints: ``pods``, ``poddiagnosers`` or ``all``.
        folder: Where its log goes.
        environment: Further settings.
        name: What it is called; by default after its endpoints.
        port: Where it listens; by default on a free one.
    """

    def __init__(
        self,
        endpoints: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        name: str | None = None,
        port: int | None = None,
    ) -> None:
        self.port = port or free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = Process(
            name or f"hook-{endpoints}",
            [
                Path(sys.executable).with_name("pod-diagnoser"),
                "serve",
                "--port",
                str(self.port),
            ],
            folder,
            {
                "POD_DIAGNOSER_ENDPOINTS": endpoints,
                "POD_DIAGNOSER_LOG_FORMAT": "json",
                **(environment or {}),
            },
        )

    def start(self) -> None:
        """Starts it and waits until it is ready; always on the same port.

        Raises:
            StartError: It does not get ready.
        """
        self.process.start()
        self.process.wait_until(lambda: _ok(f"{self.url}/readyz"))

    def stop(self, grace: float = 10.0) -> None:
        """Ends it.

        Args:
            grace: Seconds until it is killed; 0 kills at once.
        """
        self.process.stop(grace)

    def metrics(self) -> str:
        """Its metrics in Prometheus' text format.

        Returns:
            The text.

        Raises:
            requests.RequestException: It does not answer.
        """
        return _get(f"{self.url}/metrics")


def _get(url: str) -> str:
    """The body of a page on this machine; proxies of the environment are none of its business."""
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(url, timeout=5)
        response.raise_for_status()
        return response.text


def _ok(url: str) -> bool:
    """Whether a page on this machine answers with success."""
    try:
        _get(url)
    except requests.HTTPError:
        return False
    return True
