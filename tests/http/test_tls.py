"""TLS with Metacontroller, bounded connections, and a port of their own for probes and metrics."""

import http.client
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trustme

from dev.local_ports import free_ports
from tests.http.inprocess import JSON_TYPE
from tests.http.recorded import recorded
from tests.http.server import COMMAND as SERVE
from tests.http.server import PATIENCE, Server, environment, serving

CRASHED = recorded("pods-sync.crashed")


class Authority:
    """A certificate authority, and the folder in which the hook finds what it has issued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.renew()

    def renew(self) -> None:
        """Issue a certificate by another authority, and put it in place as the kubelet does."""
        self._authority = trustme.CA()
        issued = self._authority.issue_cert("localhost")
        for name, blob in (
            ("tls.key", issued.private_key_pem.bytes()),
            ("tls.crt", b"".join(each.bytes() for each in issued.cert_chain_pems)),
        ):
            fresh = self.folder / f".{name}"
            fresh.write_bytes(blob)
            fresh.replace(self.folder / name)

    def context(self) -> ssl.SSLContext:
        """Make a client's context that trusts this authority alone."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One with a certificate in its folder."""
    return Authority(tmp_path_factory.mktemp("hook") / "tls")


@pytest.fixture(scope="module")
def served(authority: Authority) -> Iterator[tuple[Server, int]]:
    """A hook with TLS; what is plain are probes and metrics, on the second port."""
    (port,) = free_ports(1)
    variables = {
        "POD_DIAGNOSER_TLS_DIR": str(authority.folder),
        "POD_DIAGNOSER_METRICS_PORT": str(port),
    }
    with serving(variables, readiness_port=port) as server:
        yield server, port


@contextmanager
def connect(server: Server, authority: Authority) -> Iterator[http.client.HTTPSConnection]:
    """Connect as Metacontroller does."""
    connection = http.client.HTTPSConnection(
        "localhost", server.port, timeout=PATIENCE, context=authority.context()
    )
    with closing(connection):
        connection.connect()
        yield connection


def answers(server: Server, authority: Authority) -> bool:
    """Say whether a sync on a new connection is answered."""
    with connect(server, authority) as connection:
        return sync(connection) == 200


def sync(connection: http.client.HTTPConnection) -> int:
    """Send a sync and return its status."""
    connection.request("POST", CRASHED.path, CRASHED.body, {"Content-Type": JSON_TYPE})
    response = connection.getresponse()
    response.read()
    return response.status


def test_hooks_are_served_over_tls(served: tuple[Server, int], authority: Authority) -> None:
    """HTTP/1.1 alone, and nothing below TLS 1.2."""
    server, _ = served
    context = authority.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        server.dial() as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
    assert answers(server, authority)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_versions_of_tls_are_refused(
    served: tuple[Server, int], authority: Authority
) -> None:
    """Whatever the client would take."""
    server, _ = served
    context = authority.context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with server.dial() as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(plain, server_hostname="localhost")


def test_what_speaks_no_tls_gets_nothing(served: tuple[Server, int], authority: Authority) -> None:
    """Its connection is closed, and others are served."""
    server, _ = served
    with server.dial() as plain:
        plain.sendall(b"POST /pods/sync HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b"?"
        while received:
            try:
                received = plain.recv(1024)
            except ConnectionResetError:
                break
            assert not received.startswith(b"HTTP/")
    assert answers(server, authority)


def test_a_new_certificate_is_used_without_a_restart(
    served: tuple[Server, int], authority: Authority
) -> None:
    """Open connections stay, and new ones get it; the former authority is trusted no more."""
    server, _ = served
    before = authority.context()
    with connect(server, authority) as open_connection:
        assert sync(open_connection) == 200
        authority.renew()
        assert sync(open_connection) == 200
    assert answers(server, authority)
    stale = http.client.HTTPSConnection("localhost", server.port, timeout=PATIENCE, context=before)
    with closing(stale), pytest.raises(ssl.SSLCertVerificationError):
        stale.connect()


def test_a_certificate_that_cannot_be_used_changes_nothing(
    served: tuple[Server, int], authority: Authority
) -> None:
    """As one that is half written; the log says so once, and without its content."""
    server, _ = served
    (authority.folder / "tls.crt").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    for _ in range(3):
        assert answers(server, authority)
    errors = [each for each in server.log() if each["level"] == "error"]
    assert [each["event"] for each in errors] == [
        "Certificate cannot be used; the one before stays in use"
    ]
    authority.renew()
    assert answers(server, authority)


def test_without_a_certificate_it_does_not_start(tmp_path: Path) -> None:
    """It says what is missing."""
    (port,) = free_ports(1)
    ended = subprocess.run(
        [SERVE, "serve", "--port", str(port)],
        env=environment({"POD_DIAGNOSER_TLS_DIR": str(tmp_path)}),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode != 0
    assert b"must hold tls.crt and tls.key" in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("on_metrics_port", "path", "status"),
    [
        (True, "/healthz", 200),
        (True, "/readyz", 200),
        (True, "/metrics", 200),
        (True, "/pods/sync", 404),
        (False, "/healthz", 404),
        (False, "/readyz", 404),
        (False, "/metrics", 404),
    ],
)
def test_each_port_serves_its_own(
    served: tuple[Server, int],
    authority: Authority,
    *,
    on_metrics_port: bool,
    path: str,
    status: int,
) -> None:
    """Who may scrape metrics does not reach the hooks."""
    server, port = served
    opened = (
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE))
        if on_metrics_port
        else connect(server, authority)
    )
    method = "POST" if path == "/pods/sync" else "GET"
    with opened as connection:
        connection.request(method, path, b"", {"Host": f"localhost:{server.port}"})
        response = connection.getresponse()
        response.read()
    assert response.status == status


def test_a_handshake_that_does_not_end_is_given_up(
    served: tuple[Server, int], authority: Authority
) -> None:
    """And the next client is served meanwhile."""
    server, _ = served
    with server.dial() as stalled:
        stalled.sendall(b"\x16\x03\x01")
        assert answers(server, authority)
        stalled.settimeout(PATIENCE)
        assert stalled.recv(1) == b""


def test_a_head_that_does_not_end_is_given_up() -> None:
    """A few seconds after it began, however slowly it goes on."""
    with serving() as server, server.dial() as stalled:
        stalled.sendall(b"POST /pods/sync HTTP/1.1\r\nX: ")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                stalled.sendall(b"x")
                time.sleep(0.2)
            except OSError:
                return
        pytest.fail("it was never given up")


def test_more_connections_than_places_stop_nobody() -> None:
    """The one that has waited longest makes room; a caller's stays."""
    with serving() as server, server.dial() as first, closing(server.connect()) as caller:
        assert sync(caller) == 200
        stalled: list[socket.socket] = []
        try:
            for _ in range(1200):
                stalled.append(server.dial())
                stalled[-1].sendall(b"POST /pods/sync HTTP/1.1\r\nX: ")
            assert server.call("GET", "/healthz").status == 200
            assert sync(caller) == 200
            first.settimeout(PATIENCE)
            assert first.recv(1) == b"", "it had waited longest"
        finally:
            for each in stalled:
                each.close()
        assert sync(caller) == 200


def test_a_client_that_never_reads_is_given_up() -> None:
    """Its place is free again."""
    with serving() as server, server.dial() as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        end = time.monotonic() + 2 * PATIENCE
        greedy.settimeout(1.0)
        while time.monotonic() < end:
            try:
                greedy.sendall(request * 100)
            except TimeoutError:
                continue
            except OSError:
                return
        pytest.fail("it was never given up")


def test_files_may_be_open_for_all_places() -> None:
    """A shell allows 1,024."""
    with serving() as server:
        limits = Path(f"/proc/{server.process.pid}/limits")
        if not limits.exists():
            pytest.skip("no /proc here")
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        worker = children.read_text().split()[0]
        line = next(
            each
            for each in Path(f"/proc/{worker}/limits").read_text().splitlines()
            if each.startswith("Max open files")
        )
        soft, hard = line.split()[3:5]
        assert soft == hard, os.strerror(24)
