"""Who may call the hook over HTTP, and what callers without a token get to see."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dev.local_ports import free_ports
from pod_diagnoser.server.settings import Settings, SettingsError
from tests.http.inprocess import (
    JSON_TYPE,
    LENGTH_REQUIRED,
    NOT_A_REQUEST,
    NOT_FOUND,
    TOO_LARGE,
    WRONG_METHOD,
    WRONG_TYPE,
    Hook,
    Reply,
)
from tests.http.recorded import ONE_EACH, PATHS, Recorded, recorded
from tests.http.server import (
    PATIENCE,
    Server,
    environment,
    exchange,
    head,
    read_all,
    serving,
)
from tests.http.test_command import run

UNAUTHORIZED = (401, b"a valid bearer token is required\n")
MIB = 1024 * 1024

TOKEN = "canary-" + "0123456789abcdef" * 3
OTHER = "another-" + "0123456789abcdef" * 3
CRASHED = recorded("pods-sync.crashed")

VALID = f"Authorization: Bearer {TOKEN}"

each_path = pytest.mark.parametrize("path", PATHS)
each_hook = pytest.mark.parametrize("request_", ONE_EACH, ids=lambda each: each.path)

REFUSED = {
    "none": None,
    "empty": "",
    "scheme alone": "Bearer",
    "no credentials": "Bearer ",
    "wrong": f"Bearer {OTHER}",
    "cut off": f"Bearer {TOKEN[:-1]}",
    "longer": f"Bearer {TOKEN}0",
    "twice": f"Bearer {TOKEN},Bearer {TOKEN}",
    "Basic": f"Basic {TOKEN}",
    "no scheme": TOKEN,
    "not ASCII": "Bearer \xe9\xff",
    "line end": f"Bearer {TOKEN}\r\nX-Injected: canary",
    "huge": "Bearer " + "canary" * 10_000,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one token."""
    (tmp_path / "token-a").write_text(TOKEN + "\n")
    return tmp_path


@pytest.fixture
def guarded(folder: Path) -> Hook:
    """The hook, for callers with a token."""
    return Hook(Settings(token_folder=folder))


class Unread:
    """A body that must not be read."""

    def read(self, _size: int, /) -> bytes:
        """Fail."""
        pytest.fail("the body was read")


def ask(
    hook: Hook,
    path: str,
    authorization: str | None,
    method: str = "POST",
    variables: Mapping[str, str] | None = None,
) -> Reply:
    """Send a request whose body must not be read."""
    given = {"CONTENT_TYPE": JSON_TYPE, "CONTENT_LENGTH": "2", **(variables or {})}
    if authorization is not None:
        given["HTTP_AUTHORIZATION"] = authorization
    return hook.call(method, path, Unread(), given)


@each_path
@pytest.mark.parametrize("authorization", REFUSED.values(), ids=REFUSED)
def test_a_caller_without_a_valid_token_is_401(
    guarded: Hook, path: str, authorization: str | None
) -> None:
    """The body is not read; all get the same short text, which repeats nothing of the request."""
    reply = ask(guarded, path, authorization)
    assert reply.outcome == UNAUTHORIZED
    assert reply.headers == {
        "www-authenticate": "Bearer",
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(UNAUTHORIZED[1])),
    }
    (line,) = guarded.take_log()
    entry = json.loads(line)
    del entry["timestamp"]
    assert entry == {
        "event": "Request refused",
        "level": "warning",
        "endpoint": path,
        "status": 401,
        "problem": UNAUTHORIZED[1].decode().strip(),
    }


@each_hook
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_caller_with_a_valid_token_is_answered(
    guarded: Hook, request_: Recorded, scheme: str
) -> None:
    """As without tokens, and the token is neither in the answer nor in the log."""
    given = {"HTTP_AUTHORIZATION": f"{scheme} {TOKEN}"}
    reply = guarded.post(request_.path, request_.body, environment=given)
    assert reply == Hook().post(request_.path, request_.body)
    assert reply.status == 200
    assert b"canary" not in reply.sent
    assert "canary" not in "".join(guarded.take_log())


@each_hook
@pytest.mark.parametrize("authorization", [None, "", f"Bearer {OTHER}", "Basic x"])
def test_without_a_folder_of_tokens_anyone_may_call(
    hook: Hook, request_: Recorded, authorization: str | None
) -> None:
    """On a loopback address, or where `unauthenticated` is set; a header changes nothing."""
    given = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
    assert hook.post(request_.path, request_.body, environment=given).status == 200


@each_path
def test_with_an_empty_folder_every_call_is_refused(tmp_path: Path, path: str) -> None:
    """Tokens that are not there yet do not mean that none are needed."""
    for folder in (tmp_path, tmp_path / "none"):
        hook = Hook(Settings(token_folder=folder))
        for authorization in (None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}"):
            assert ask(hook, path, authorization).outcome == UNAUTHORIZED


WRONG = {
    "method": ("PUT", {}, WRONG_METHOD),
    "HEAD": ("HEAD", {}, (405, b"")),
    "type": ("POST", {"CONTENT_TYPE": "text/plain"}, WRONG_TYPE),
    "no length": ("POST", {"CONTENT_LENGTH": ""}, LENGTH_REQUIRED),
    "chunked": ("POST", {"HTTP_TRANSFER_ENCODING": "chunked"}, LENGTH_REQUIRED),
}


@each_path
@pytest.mark.parametrize(("method", "variables", "outcome"), WRONG.values(), ids=WRONG)
def test_other_problems_are_named_to_callers_with_a_token_only(
    guarded: Hook,
    path: str,
    method: str,
    variables: dict[str, str],
    outcome: tuple[int, bytes],
) -> None:
    """Without one, 401 comes before everything else; none has the body read."""
    for authorization in (None, f"Bearer {OTHER}"):
        reply = ask(guarded, path, authorization, method, variables)
        assert reply.outcome == ((401, b"") if method == "HEAD" else UNAUTHORIZED)
        assert reply.headers["www-authenticate"] == "Bearer"
        assert "allow" not in reply.headers
    reply = ask(guarded, path, f"Bearer {TOKEN}", method, variables)
    assert reply.outcome == outcome
    assert "www-authenticate" not in reply.headers


def test_the_size_limit_is_named_to_callers_with_a_token_only(guarded: Hook) -> None:
    """413 is no answer to others."""
    large = {"CONTENT_LENGTH": str(Settings().max_pod_body + 1)}
    assert ask(guarded, "/pods/sync", None, "POST", large).outcome == UNAUTHORIZED
    assert ask(guarded, "/pods/sync", f"Bearer {TOKEN}", "POST", large).outcome == TOO_LARGE


@pytest.mark.parametrize("authorization", [None, f"Bearer {OTHER}", f"Bearer {TOKEN}"])
def test_paths_without_tokens_answer_alike_with_and_without_one(
    guarded: Hook, authorization: str | None
) -> None:
    """Probes, metrics, unknown paths. Neither the kubelet nor Prometheus has a token."""
    for path in ("/healthz", "/readyz"):
        assert ask(guarded, path, authorization, "GET").outcome == (200, b"ok\n")
        assert ask(guarded, path, authorization).outcome == WRONG_METHOD
    assert ask(guarded, "/metrics", authorization).outcome == WRONG_METHOD
    for path in ("/", "/pods", "/pods/sync/", "/pods/sync\0", "//pods/sync", "/Pods/sync"):
        for method in ("GET", "POST"):
            assert ask(guarded, path, authorization, method).outcome == NOT_FOUND


def test_metrics_are_open_and_contain_no_token(guarded: Hook) -> None:
    """Refused calls are counted, by endpoint and status alone."""
    for authorization in REFUSED.values():
        ask(guarded, "/pods/sync", authorization)
    reply = guarded.call("GET", "/metrics")
    assert reply.status == 200
    counted = (
        f'pod_diagnoser_hook_requests_total{{endpoint="/pods/sync",status="401"}} {len(REFUSED)}.0'
    )
    assert counted in reply.body.decode()
    assert b"canary" not in reply.sent


def test_tokens_are_rotated_without_a_restart(guarded: Hook, folder: Path) -> None:
    """Both are valid during a rotation, and no call with either of them is refused."""

    def status(token: str) -> int:
        given = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        return guarded.post(CRASHED.path, CRASHED.body, environment=given).status

    assert status(TOKEN) == 200
    (folder / "token-b").write_text(OTHER)
    assert [status(OTHER), status(TOKEN)] == [200, 200]
    (folder / "token-a").write_text(OTHER + "2")
    assert [status(OTHER + "2"), status(OTHER), status(TOKEN)] == [200, 200, 401]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server's tokens."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "token-a").write_text(TOKEN)
    return folder


@pytest.fixture(scope="module")
def server(tokens: Path) -> Iterator[Server]:
    """A server for callers with a token."""
    with serving({"POD_DIAGNOSER_TOKEN_DIR": str(tokens)}) as server:
        yield server


@pytest.fixture(autouse=True)
def _log_names_no_token(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check after each test that the server's log names no token."""
    yield
    if "server" in request.fixturenames:
        server: Server = request.getfixturevalue("server")
        log = json.dumps(server.log())
        assert TOKEN not in log
        assert OTHER not in log
        assert "canary" not in log.lower()


LAST = head("/healthz", None, "Connection: close", method="GET")


def replies(received: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each of the answers on a connection."""
    found = []
    while received:
        lines, _, rest = received.partition(b"\r\n\r\n")
        assert lines.startswith(b"HTTP/1.1 ")
        (length,) = (
            int(line.split(b":")[1])
            for line in lines.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        found.append((int(lines.split()[1]), rest[:length]))
        received = rest[length:]
    return found


def test_the_server_answers_callers_with_a_token(server: Server, tokens: Path) -> None:
    """Also with one that is written while it runs, from its first use on."""
    call = head(CRASHED.path, len(CRASHED.body), VALID, "Connection: close") + CRASHED.body
    ((status, body),) = replies(server.raw(call))
    assert status == 200
    assert json.loads(body)
    new = call.replace(TOKEN.encode(), OTHER.encode())
    assert replies(server.raw(new)) == [UNAUTHORIZED]
    (tokens / "token-b").write_text(OTHER)
    try:
        for call_ in (new, call):
            ((status, _),) = replies(
                server.raw(call_)
            )  # its body contains the time of the observation
            assert status == 200
    finally:
        (tokens / "token-b").unlink()


@each_path
def test_401_does_not_wait_for_the_body(server: Server, path: str) -> None:
    """50 MB are announced and not sent: the answer is there, and later the connection ends."""
    with server.dial() as connection:
        connection.sendall(head(path, 50_000_000))
        received = b""
        while not received.endswith(UNAUTHORIZED[1]):
            chunk = connection.recv(4096)
            assert chunk
            received += chunk
        assert replies(received) == [UNAUTHORIZED]
        assert b"\r\nWWW-Authenticate: Bearer\r\n" in received
        if path == PATHS[0]:
            assert read_all(connection) == b""


@pytest.mark.parametrize(
    ("path", "headers", "length", "outcome"),
    [
        *((path, [], 50_000_000, UNAUTHORIZED) for path in PATHS),
        ("/pods/sync", [f"Authorization: Bearer {OTHER}"], 2, UNAUTHORIZED),
        ("/pods/sync", [VALID], 50_000_000, TOO_LARGE),
        ("/pods/sync", [VALID, "Transfer-Encoding: chunked"], None, LENGTH_REQUIRED),
        ("/elsewhere", [VALID], 2, NOT_FOUND),
        ("/healthz", [], 2, WRONG_METHOD),
    ],
    ids=str,
)
def test_the_body_of_a_refused_client_is_not_read(
    server: Server, path: str, headers: list[str], length: int | None, outcome: tuple[int, bytes]
) -> None:
    """Expect: 100-continue gets the refusal alone. A body may follow: the connection is closed."""
    received = server.raw(head(path, length, "Expect: 100-continue", *headers))
    assert replies(received) == [outcome]
    assert b"\r\nConnection: close\r\n" in received


def test_the_body_of_a_client_with_a_token_is_read(server: Server) -> None:
    """Expect: 100-continue gets its 100, once, and the connection goes on afterwards."""
    with server.dial() as connection:
        for _ in range(3):
            expect = head(CRASHED.path, len(CRASHED.body), VALID, "Expect: 100-continue")
            connection.sendall(expect)
            assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(CRASHED.body)
            assert connection.recv(12) == b"HTTP/1.1 200"
            while not connection.recv(65536).endswith(b"}"):
                pass
        connection.sendall(LAST)
        assert replies(read_all(connection)) == [(200, b"ok\n")]


@each_path
def test_an_unread_body_is_not_taken_for_a_request(server: Server, path: str) -> None:
    """What looks like a request in a refused body is not answered; what follows it is."""
    hidden = head("/pods/sync", len(CRASHED.body), VALID) + CRASHED.body
    for body in (hidden, hidden * 50, b"{}" + hidden, b""):
        received = server.raw(head(path, len(body)) + body + LAST)
        assert replies(received) == [UNAUTHORIZED, (200, b"ok\n")]
        chunks = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        sent = head(path, None, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n" + LAST
        assert replies(server.raw(sent)) == [UNAUTHORIZED, (200, b"ok\n")]


def test_a_token_is_good_for_one_request(server: Server) -> None:
    """The next request on the same connection needs one again."""
    connection = server.connect()
    before = connection.sock
    for _ in range(3):
        connection.request(
            "POST",
            CRASHED.path,
            CRASHED.body,
            {"Content-Type": JSON_TYPE, "Authorization": f"Bearer {TOKEN}"},
        )
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        refused = exchange(connection, "POST", CRASHED.path, CRASHED.body)
        assert refused.outcome == UNAUTHORIZED
        assert refused.headers["connection"] == "keep-alive"
        assert connection.sock is before
    connection.close()


SENT = {
    "two valid": [VALID, VALID],
    "valid, then wrong": [VALID, f"Authorization: Bearer {OTHER}"],
    "wrong, then valid": [f"Authorization: Bearer {OTHER}", VALID],
    "valid, then empty": [VALID, "Authorization:"],
    "empty, then valid": ["Authorization:", VALID],
    "another scheme, then valid": ["Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==", VALID],
    "underscore": [f"Authorization_: Bearer {TOKEN}"],
    "name of the variable": [f"HTTP_AUTHORIZATION: Bearer {TOKEN}"],
    "for a proxy": [f"Proxy-Authorization: Bearer {TOKEN}"],
    "original": [f"X-Original-Authorization: Bearer {TOKEN}"],
    "cookie": [f"Cookie: Authorization=Bearer {TOKEN}"],
    "space before the colon": [f"Authorization : Bearer {TOKEN}"],
    "folded": [f"Authorization: Bearer\r\n {TOKEN}"],
    "bare CR": [f"X: y\rAuthorization: Bearer {TOKEN}"],
    "bare LF": [f"X: y\nAuthorization: Bearer {TOKEN}"],
    "NUL": [f"Authorization: Bearer {TOKEN}\0"],
    "escape": [f"Authorization: Bearer {TOKEN}\x1b"],
    "tab": [f"Authorization: Bearer\t{TOKEN}"],
    "no-break space": [f"Authorization: Bearer {TOKEN}\xa0"],
    "UTF-8": [f"Authorization: Bearer {TOKEN}é"],
    "quotes": [f'Authorization: Bearer "{TOKEN}"'],
    "8 KB": [f"Authorization: Bearer {TOKEN}" + "0" * 8000],
    "64 KB": [f"Authorization: Bearer {TOKEN}" + "0" * 65_000],
    "in a trailer": ["Transfer-Encoding: chunked"],
}


@pytest.mark.parametrize("headers", SENT.values(), ids=SENT)
def test_other_forms_of_the_header_are_refused(server: Server, headers: list[str]) -> None:
    """With 401, or as no HTTP request, whose connection is closed; the token is not repeated."""
    if headers == SENT["in a trailer"]:
        sent = head(CRASHED.path, None, *headers, "Connection: close")
        sent += b"%x\r\n%s\r\n0\r\n" % (len(CRASHED.body), CRASHED.body)
        sent += f"{VALID}\r\n\r\n".encode()
    else:
        sent = head(CRASHED.path, len(CRASHED.body), *headers, "Connection: close") + CRASHED.body
    with server.dial() as connection:
        connection.sendall(sent)
        try:
            received = read_all(connection)
        except ConnectionResetError:  # it need not read on what is no request
            received = b""
    assert all(each in (UNAUTHORIZED, (400, b"bad request\n")) for each in replies(received))
    assert b"canary" not in received


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}  ", f"  Bearer   {TOKEN}\t", f"bEARER {TOKEN}"])
@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_white_space_and_case_of_the_header_do_not_matter(
    server: Server, name: str, value: str
) -> None:
    """White space around a header's value is no part of it, and names have no case."""
    sent = head(CRASHED.path, 1, f"{name}: {value}", "Connection: close") + b"{"
    assert replies(server.raw(sent)) == [NOT_A_REQUEST]


@pytest.mark.parametrize(
    ("path", "headers", "start"),
    [
        ("/pods/sync", [], b"HTTP/1.1 401 "),
        ("/pods/sync", [VALID], b"HTTP/1.1 413 "),
        ("/elsewhere", [], b"HTTP/1.1 404 "),
        ("/poddiagnosers/sync", [VALID], b""),
    ],
    ids=["401", "413", "404", "accepted"],
)
def test_a_client_that_sends_without_end_delays_no_other(
    server: Server, path: str, headers: list[str], start: bytes
) -> None:
    """However fast it sends, others get their answers while it does; a refused one is cut off."""
    flowing, ended, enough = threading.Event(), threading.Event(), threading.Event()

    def send() -> None:
        with server.dial() as connection:
            connection.sendall(head(path, 10**12, *headers))
            assert connection.recv(len(start)) == start
            block = b" " * MIB
            try:
                for number in range(10**6):
                    connection.sendall(block)
                    if number == 20:
                        flowing.set()
                    if enough.is_set():
                        return
            except OSError:
                ended.set()

    client = threading.Thread(target=send, daemon=True)
    client.start()
    assert flowing.wait(PATIENCE)
    for _ in range(20):
        assert server.call("GET", "/healthz").status == 200
        sent = head(CRASHED.path, 1, VALID, "Connection: close") + b"{"
        assert replies(server.raw(sent)) == [NOT_A_REQUEST]
    if start == b"HTTP/1.1 401 ":
        assert ended.wait(PATIENCE)
    enough.set()
    client.join()


LOOPBACK = ["127.0.0.1", "127.8.9.10", "::1", "localhost", ""]
ELSEWHERE = [
    "0.0.0.0",
    "::",
    "0",
    "192.0.2.1",
    "2001:db8::1",
    "::ffff:192.0.2.1",
    "::ffff:0.0.0.0",
    "pod-diagnoser.example",
    "localhost.example",
    "*",
    " ",
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_loopback_address_needs_no_tokens(host: str) -> None:
    """Where only this machine can call; an empty variable is the default, which is that."""
    settings = Settings.from_environment({"POD_DIAGNOSER_HOST": host})
    assert settings.token_folder is None
    assert settings.host == (host or "127.0.0.1")


@pytest.mark.parametrize("host", ELSEWHERE)
def test_any_other_address_needs_tokens_or_the_setting(host: str) -> None:
    """A folder of tokens, or that there are to be none; empty or false is neither."""
    given = {"POD_DIAGNOSER_HOST": host, "POD_DIAGNOSER_PLAIN_HTTP": "true"}
    for word in ("", "false"):
        for folder in ({}, {"POD_DIAGNOSER_TOKEN_DIR": ""}):
            with pytest.raises(SettingsError, match="POD_DIAGNOSER_TOKEN_DIR must name a folder"):
                Settings.from_environment(
                    {**given, **folder, "POD_DIAGNOSER_UNAUTHENTICATED": word}
                )
    folder = {"POD_DIAGNOSER_TOKEN_DIR": "/tokens"}
    assert Settings.from_environment({**given, **folder}).token_folder == Path("/tokens")
    anyone = {"POD_DIAGNOSER_UNAUTHENTICATED": "true"}
    assert Settings.from_environment({**given, **anyone}).token_folder is None


@pytest.mark.parametrize("host", [*LOOPBACK, *ELSEWHERE])
def test_tokens_and_no_tokens_contradict_each_other(host: str) -> None:
    """With both variables it does not guess which one is meant, at any address."""
    both = {"POD_DIAGNOSER_TOKEN_DIR": "/tokens", "POD_DIAGNOSER_UNAUTHENTICATED": "true"}
    given = {"POD_DIAGNOSER_HOST": host, "POD_DIAGNOSER_PLAIN_HTTP": "true"}
    with pytest.raises(SettingsError, match="must be empty"):
        Settings.from_environment(given | both)
    both["POD_DIAGNOSER_UNAUTHENTICATED"] = "false"
    settings = Settings.from_environment(given | both)
    assert settings.token_folder == Path("/tokens")


@pytest.mark.parametrize("host", ELSEWHERE)
def test_any_other_address_needs_tls_or_the_setting(host: str) -> None:
    """A folder with a certificate, or that there is to be none; not both, at any address."""
    given = {"POD_DIAGNOSER_HOST": host, "POD_DIAGNOSER_TOKEN_DIR": "/tokens"}
    for word in ("", "false"):
        with pytest.raises(SettingsError, match="POD_DIAGNOSER_TLS_DIR must name a folder"):
            Settings.from_environment(given | {"POD_DIAGNOSER_PLAIN_HTTP": word})
    secured = given | {"POD_DIAGNOSER_TLS_DIR": "/tls"}
    assert Settings.from_environment(secured).tls_folder == Path("/tls")
    plain = {"POD_DIAGNOSER_PLAIN_HTTP": "true"}
    assert Settings.from_environment(given | plain).tls_folder is None
    with pytest.raises(SettingsError, match="POD_DIAGNOSER_TLS_DIR must be empty"):
        Settings.from_environment(secured | plain)


@pytest.mark.parametrize("word", ["1", "yes", "True", "TRUE", " true", "on", "flase"])
def test_an_unknown_setting_is_named(word: str) -> None:
    """Neither yes nor no is guessed from it."""
    with pytest.raises(SettingsError, match="UNAUTHENTICATED must be one of true, false"):
        Settings.from_environment({"POD_DIAGNOSER_UNAUTHENTICATED": word})


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--host", "0.0.0.0"], {}),
        (["--host", "::"], {}),
        ([], {"POD_DIAGNOSER_HOST": "0.0.0.0"}),
        (["--host", "hook.example"], {"POD_DIAGNOSER_UNAUTHENTICATED": "false"}),
        ([], {"POD_DIAGNOSER_UNAUTHENTICATED": "yes"}),
        ([], {"POD_DIAGNOSER_UNAUTHENTICATED": "true", "POD_DIAGNOSER_TOKEN_DIR": "/tokens"}),
    ],
    ids=str,
)
def test_the_command_refuses_to_serve_unauthenticated_callers(
    arguments: list[str], variables: dict[str, str]
) -> None:
    """Exit code 2, and one line that names the variable to set."""
    ended = run("serve", *arguments, "--port", str(free_ports(1)[0]), **variables)
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("pod-diagnoser: POD_DIAGNOSER_")
    assert "POD_DIAGNOSER_UNAUTHENTICATED" in line
    assert "must be" in line


@pytest.mark.parametrize("variables", [{}, {"GUNICORN_CMD_ARGS": "--bind 0.0.0.0:%d"}], ids=str)
def test_gunicorn_refuses_to_serve_unauthenticated_callers(variables: dict[str, str]) -> None:
    """Its options, which go before ours, are no way around it."""
    port = free_ports(1)[0]
    given = {key: value % port for key, value in variables.items()}
    bind = [] if variables else ["--bind", f"0.0.0.0:{port}"]
    ended = subprocess.run(
        [
            Path(sys.executable).with_name("gunicorn"),
            "--config",
            "python:pod_diagnoser.server.gunicorn_conf",
            *bind,
            "pod_diagnoser.server.app:create_app()",
        ],
        env=environment() | given,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode != 0
    assert "POD_DIAGNOSER_TOKEN_DIR must name a folder" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"POD_DIAGNOSER_HOST": "localhost"},
        {
            "POD_DIAGNOSER_HOST": "0.0.0.0",
            "POD_DIAGNOSER_UNAUTHENTICATED": "true",
            "POD_DIAGNOSER_PLAIN_HTTP": "true",
        },
        {"POD_DIAGNOSER_UNAUTHENTICATED": "true"},
    ],
    ids=str,
)
def test_unauthenticated_callers_are_served_where_it_is_set(variables: dict[str, str]) -> None:
    """By the address or by the setting; the log says that there are no tokens."""
    with serving(variables) as server:
        assert server.call("POST", CRASHED.path, CRASHED.body).status == 200
        (serving_,) = [entry for entry in server.log() if entry["event"] == "Serving"]
        assert serving_["authenticated"] is False
