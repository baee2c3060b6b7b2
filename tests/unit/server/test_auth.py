"""Bearer tokens: files that change while the hook runs."""

import hmac
import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.server import auth
from pod_diagnoser.server.auth import (
    MAX_TOKEN_BYTES,
    MAX_TOKENS,
    MIN_TOKEN_BYTES,
    REREAD_SECONDS,
    UNKNOWN_REREAD_SECONDS,
    Tokens,
)

OLD = "old-" + "a" * 60
NEW = "new-" + "b" * 60
OTHER = "other-" + "c" * 58


class ManualClock:
    """A clock that moves only when it is set or slept on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> ManualClock:
    """The clock of a test."""
    return ManualClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one token."""
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "token-a").write_text(OLD)
    return folder


@pytest.fixture
def tokens(folder: Path, clock: ManualClock) -> Tokens:
    """The tokens of the folder."""
    return Tokens(folder, clock, clock.sleep)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Record every reading of a folder."""
    noted: list[Path] = []
    read = auth._read

    def reading(folder: Path) -> tuple[bytes, ...]:
        noted.append(folder)
        return read(folder)

    monkeypatch.setattr(auth, "_read", reading)
    return noted


def bearer(token: str) -> str:
    """Return the header for a token."""
    return f"Bearer {token}"


def valid(tokens: Tokens, *candidates: str) -> list[bool]:
    """Return which tokens are valid."""
    return [tokens.allow(bearer(each)) for each in candidates]


def mount(folder: Path, generation: int, **files: str) -> None:
    """Write files as the kubelet mounts a Secret: links to a folder that is swapped at once."""
    data = folder / f"..{generation}"
    data.mkdir(parents=True)
    for name, content in files.items():
        (data / name).write_text(content)
    (folder / "..data_tmp").symlink_to(data.name)
    (folder / "..data_tmp").rename(folder / "..data")
    for name in files:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    for link in folder.iterdir():
        if not link.name.startswith("..") and link.name not in files:
            link.unlink()


def test_two_tokens_are_valid_in_a_rotation(folder: Path, tokens: Tokens) -> None:
    """The old and the new one, each by itself; no combination of both is."""
    (folder / "token-b").write_text(NEW)
    assert valid(tokens, OLD, NEW, OTHER, OLD + NEW, f"{OLD} {NEW}", f"{OLD},{NEW}") == (
        [True, True, False, False, False, False]
    )


def test_a_new_token_is_valid_at_once(folder: Path, tokens: Tokens, clock: ManualClock) -> None:
    """Its first call is not refused because of what was read before."""
    assert valid(tokens, OLD, NEW) == [True, False]
    for number in range(5):
        token = f"{NEW}-{number}"
        (folder / f"token-{number % 2}").write_text(token)
        assert valid(tokens, token) == [True]
    assert clock.now - 1000 <= 6 * UNKNOWN_REREAD_SECONDS + 1e-6


def test_a_token_that_comes_while_another_waits_is_valid(
    folder: Path, tokens: Tokens, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are read after the wait: what was written in it counts."""
    assert valid(tokens, OLD, OTHER) == [True, False]
    clock.now += UNKNOWN_REREAD_SECONDS / 2

    def sleep(seconds: float) -> None:
        clock.now += seconds
        (folder / "token-b").write_text(NEW)

    monkeypatch.setattr(tokens, "_sleep", sleep)
    assert valid(tokens, NEW) == [True]


def test_unknown_tokens_cause_few_readings(
    tokens: Tokens, clock: ManualClock, readings: list[Path]
) -> None:
    """However many come: ten readings a second in all."""
    start = clock.now
    for number in itertools.count():
        if clock.now >= start + 10:
            break
        assert not tokens.allow(bearer(f"{OTHER}-{number}"))
        clock.now += 0.001
    assert 50 <= len(readings) <= 10 * 10 + 1


def test_waiting_calls_share_one_reading(
    folder: Path, tokens: Tokens, clock: ManualClock, readings: list[Path]
) -> None:
    """Calls that come while one waits wait for the same reading."""
    depth = 0
    allowed: list[bool] = []

    def sleep(_seconds: float) -> None:
        nonlocal depth
        depth += 1
        clock.now += 0.001
        if depth < 50:
            allowed.append(tokens.allow(bearer(NEW)))  # another greenlet, while this one waits
        else:
            (folder / "token-b").write_text(NEW)
            clock.now += UNKNOWN_REREAD_SECONDS

    assert not tokens.allow(bearer(OTHER))
    clock.now += 0.01
    tokens._sleep = sleep
    del readings[:]
    allowed.append(tokens.allow(bearer(NEW)))
    assert allowed == [True] * 50
    assert len(readings) == 1


def test_known_tokens_cause_a_reading_every_two_seconds(
    tokens: Tokens, clock: ManualClock, readings: list[Path]
) -> None:
    """However many calls there are, and none waits."""
    for _ in range(10_000):
        assert tokens.allow(bearer(OLD))
        clock.now += 0.001
    assert 4 <= len(readings) <= 6
    assert not clock.slept


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        bearer("short"),
        bearer("x" * (MIN_TOKEN_BYTES - 1)),
        bearer("x" * (MAX_TOKEN_BYTES + 1)),
        bearer("two words of a token"),
        bearer("\N{LATIN SMALL LETTER E WITH ACUTE}" * 20),
        bearer("\x1b" * 20),
        f"Basic {OLD}",
        f"Basic {NEW}",
        NEW,
    ],
    ids=lambda each: repr(each[:24]),
)
def test_what_cannot_be_a_token_causes_no_reading(
    tokens: Tokens, clock: ManualClock, readings: list[Path], authorization: str
) -> None:
    """Only a token that might be valid is looked for."""
    assert tokens.allow(bearer(OLD))
    clock.now += 1
    for _ in range(3):
        assert not tokens.allow(authorization)
    assert len(readings) == 1
    assert not clock.slept


@pytest.mark.parametrize("ask_meanwhile", [False, True])
@pytest.mark.parametrize(
    "remove",
    [
        lambda folder: (folder / "token-a").unlink(),
        lambda folder: (folder / "token-a").write_text(NEW),
        lambda folder: (folder / "token-a").write_text(""),
        lambda folder: folder.rename(folder.with_name("elsewhere")),
    ],
    ids=["file removed", "file changed", "file emptied", "folder removed"],
)
def test_a_removed_token_stops_being_valid(
    folder: Path,
    tokens: Tokens,
    clock: ManualClock,
    remove: Callable[[Path], object],
    *,
    ask_meanwhile: bool,
) -> None:
    """Two seconds later at the latest, also when it is shown all the time."""
    assert tokens.allow(bearer(OLD))
    remove(folder)
    for _ in range(19 if ask_meanwhile else 0):
        clock.now += REREAD_SECONDS / 20
        tokens.allow(bearer(OLD))
    clock.now = 1000.0 + REREAD_SECONDS + 0.001
    assert not tokens.allow(bearer(OLD))


def test_a_reading_for_an_unknown_token_ends_a_removed_one(folder: Path, tokens: Tokens) -> None:
    """What was read for one caller counts for all."""
    assert tokens.allow(bearer(OLD))
    (folder / "token-a").write_text(NEW)
    assert valid(tokens, NEW, OLD) == [True, False]


def test_a_secret_is_swapped_by_the_kubelet(tmp_path: Path, clock: ManualClock) -> None:
    """The files are links into a folder that is a link itself, and is swapped at once."""
    folder = tmp_path / "mounted"
    mount(folder, 1, **{"token-a": OLD, "token-b": OTHER})
    tokens = Tokens(folder, clock, clock.sleep)
    assert valid(tokens, OLD, NEW, OTHER) == [True, False, True]
    mount(folder, 2, **{"token-a": NEW, "token-b": OTHER})
    assert valid(tokens, NEW, OLD, OTHER) == [True, False, True]
    mount(folder, 3, **{"token-b": NEW})
    clock.now += REREAD_SECONDS + 0.001
    assert valid(tokens, OTHER, NEW, OLD) == [False, True, False]


def test_a_folder_that_is_created_later_is_found(tmp_path: Path, clock: ManualClock) -> None:
    """Every call is refused while there is none; a token is valid as soon as there is one."""
    folder = tmp_path / "mounted"
    tokens = Tokens(folder, clock, clock.sleep)
    assert valid(tokens, OLD) == [False]
    mount(folder, 1, token=OLD)
    assert valid(tokens, OLD) == [True]


def test_without_tokens_every_call_is_refused(tmp_path: Path, clock: ManualClock) -> None:
    """No folder, a file in its place, an empty folder; with whatever header."""
    (tmp_path / "file").write_text(OLD)
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "none", tmp_path / "file", tmp_path / "empty"):
        tokens = Tokens(folder, clock, clock.sleep)
        for authorization in ("", "Bearer", "Bearer ", bearer(OLD), bearer("\0"), OLD):
            assert not tokens.allow(authorization)


def pipe(path: Path) -> None:
    """Make a pipe, on which reading waits for a writer."""
    os.mkfifo(path)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b" \r\n"),
        lambda path: path.write_bytes(b"x" * (MIN_TOKEN_BYTES - 1) + b"\n"),
        lambda path: path.write_bytes(b"x" * (MAX_TOKEN_BYTES + 1)),
        lambda path: path.write_bytes(b"x" * MAX_TOKEN_BYTES + b" " + b"x" * 10_000),
        lambda path: path.write_bytes(b"x" * 20 + b"\n" + b"y" * 20),
        lambda path: path.write_bytes(bytes(range(256))),
        lambda path: path.write_bytes(b"\0" * 64),
        lambda path: path.write_bytes("\ufeff".encode() + OTHER.encode()),
        lambda path: path.write_bytes("ä".encode() * 32),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("/dev/zero"),
        pipe,
    ],
    ids=[
        "empty",
        "blank",
        "too short",
        "too long",
        "longest and more",
        "two lines",
        "binary",
        "NUL",
        "byte order mark",
        "not ASCII",
        "folder",
        "dangling link",
        "link to itself",
        "device",
        "pipe",
    ],
)
def test_files_that_are_no_token_are_skipped(
    folder: Path, tokens: Tokens, make: Callable[[Path], object]
) -> None:
    """The others are tokens all the same."""
    make(folder / "a-first")
    (folder / "z-last").write_text(NEW)
    assert valid(tokens, OLD, NEW) == [True, True]
    assert tokens._tokens == (OLD.encode(), NEW.encode())


def test_an_unreadable_file_is_skipped(
    folder: Path, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that the hook may not read, or that goes away while it does."""
    (folder / "token-b").write_text(NEW)
    open_ = Path.open

    def refuse(path: Path, mode: str) -> object:
        if path.name == "token-a":
            raise PermissionError
        return open_(path, mode)

    monkeypatch.setattr(Path, "open", refuse)
    assert valid(tokens, OLD, NEW) == [False, True]


def test_subfolders_are_not_searched(folder: Path, tokens: Tokens) -> None:
    """Only files of the folder itself are tokens."""
    (folder / "more").mkdir()
    (folder / "more" / "token").write_text(NEW)
    assert valid(tokens, NEW) == [False]


@pytest.mark.parametrize("name", [".token", "..data", ".token.swp"])
def test_hidden_files_are_no_tokens(folder: Path, tokens: Tokens, name: str) -> None:
    """An editor's copies and the kubelet's links are hidden."""
    (folder / name).write_text(NEW)
    assert valid(tokens, NEW) == [False]


def test_the_first_of_too_many_are_valid(folder: Path, tokens: Tokens) -> None:
    """In the order of their names; what is no token does not count."""
    (folder / "a-0").write_text("short")
    extra = [f"{OTHER}-{number}" for number in range(MAX_TOKENS + 2)]
    for number, token in enumerate(extra):
        (folder / f"a-{number + 1}").write_text(token)
    assert valid(tokens, *extra) == [True] * MAX_TOKENS + [False] * 2
    assert valid(tokens, OLD) == [False]


@pytest.mark.parametrize("length", [MIN_TOKEN_BYTES, MAX_TOKEN_BYTES])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", " \n\n"], ids=repr)
def test_white_space_around_a_token_is_no_part_of_it(
    folder: Path, tokens: Tokens, length: int, end: str
) -> None:
    """Editors end a file with a line break; Metacontroller removes it as well."""
    token = "t" * length
    (folder / "token-b").write_text(f"{end}{token}{end}")
    assert valid(tokens, token, token[:-1], token + "t") == [True, False, False]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_case_insensitive(tokens: Tokens, scheme: str) -> None:
    """RFC 9110, 11.1; one or more spaces follow it."""
    for space in (" ", "   "):
        assert tokens.allow(f"{scheme}{space}{OLD}")


@pytest.mark.parametrize(
    "authorization",
    [
        f"Basic {OLD}",
        f"Token {OLD}",
        f"Bearerx {OLD}",
        f"Bearer:{OLD}",
        f"Bearer\t{OLD}",
        f"Bearer\xa0{OLD}",
        f"Bearer{OLD}",
        f" Bearer {OLD}",
        f"Bearer, Bearer {OLD}",
        f"Bearer {OLD},Bearer {OLD}",
        f"Bearer {OLD}, Bearer {OLD}",
        f"Bearer {NEW},Bearer {OLD}",
        f"Bearer {OLD},",
        f"Bearer Bearer {OLD}",
        f'Bearer "{OLD}"',
        f"Bearer token={OLD}",
        f"Bearer {OLD}\xa0",
        f"Bearer \x1c{OLD}",
        f"Bearer {OLD}\x85",
        f"Bearer {OLD}\0",
        f"Bearer \0{OLD}",
        f"Bearer {OLD}\r\nX: y",
        f"Bearer {OLD}\n",
        f"Bearer \ufeff{OLD}",
        f"Bearer {OLD[:-1]}\N{CYRILLIC SMALL LETTER A}",
        f"Bearer {OLD.upper()}",
        f"Bearer {OLD[::-1]}",
        f"Bearer {OLD[1:]}",
        f"Bearer {OLD[:-1]}",
        f"Bearer {OLD}a",
        "Bearer \ud800\udfff",
        "\N{KELVIN SIGN}" * 20,
        OLD,
    ],
    ids=ascii,
)
def test_what_only_resembles_a_token_is_refused(tokens: Tokens, authorization: str) -> None:
    """Other schemes, more or less than a token, and what text functions would take for it."""
    assert not tokens.allow(authorization)
    assert tokens.allow(bearer(OLD))


@given(st.text(), st.sampled_from(["", "Bearer ", "bearer  ", "Basic "]))
def test_no_header_raises(text: str, start: str) -> None:
    """Whatever it holds, also what no server passes on: it is refused."""
    tokens = Tokens(Path(__file__).parent / "none", lambda: 0.0, lambda _: None)
    assert tokens.allow(start + text) is False


@pytest.mark.parametrize("which", range(MAX_TOKENS))
def test_all_tokens_are_compared_in_constant_time(
    folder: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    """A match ends no comparison: each token is compared, by `hmac.compare_digest`."""
    (folder / "token-a").unlink()
    known = [f"{OTHER}-{number}" for number in range(MAX_TOKENS)]
    for number, token in enumerate(known):
        (folder / f"token-{number}").write_text(token)
    tokens = Tokens(folder, clock, clock.sleep)
    compared: list[tuple[str, str]] = []
    compare = hmac.compare_digest

    def note(left: bytes, right: bytes) -> bool:
        compared.append((left.decode(), right.decode()))
        return compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", note)
    assert tokens.allow(bearer(known[which]))
    assert compared == [(known[which], each) for each in known]
    del compared[:]
    assert not tokens.allow(bearer(NEW))
    assert set(compared) == {(NEW, each) for each in known}


def test_nothing_else_compares_tokens(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `hmac.compare_digest` says alone decides."""
    monkeypatch.setattr(hmac, "compare_digest", lambda _left, _right: False)
    assert not tokens.allow(bearer(OLD))
    monkeypatch.setattr(hmac, "compare_digest", lambda _left, _right: True)
    assert tokens.allow(bearer(NEW))


def test_threads_share_tokens(folder: Path, readings: list[Path]) -> None:
    """Valid tokens are valid in all of them while others are unknown and files are swapped."""
    mounted = folder.with_name("mounted")
    mount(mounted, 0, **{"token-a": OLD, "token-b": NEW})
    tokens = Tokens(mounted)
    wrong: list[str] = []
    done = threading.Event()

    def call(token: str, expected: bool) -> None:
        while not done.is_set():
            if tokens.allow(bearer(token)) is not expected:
                wrong.append(token)

    threads = [
        threading.Thread(target=call, args=each)
        for each in ((OLD, True), (NEW, True), (OTHER, False), (OTHER * 2, False))
    ]
    for thread in threads:
        thread.start()
    for generation in range(1, 30):
        mount(mounted, generation, **{"token-a": OLD, "token-b": NEW})
    while len(readings) < 4:
        done.wait(0.01)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
