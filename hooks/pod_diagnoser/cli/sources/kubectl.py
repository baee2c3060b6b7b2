"""kubectl as a subprocess: contexts, exec plug-ins and proxies are its own; no kubeconfig is read.

It is asked for JSON in chunks, and what it prints is read object by object: of ten thousand Pods
never more than one is in memory as text.
"""

import json
import os
import re
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from select import POLLIN, poll
from threading import Thread, Timer
from time import monotonic
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Self

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.diagnosis.redaction import redact_head

if TYPE_CHECKING:
    from pod_diagnoser.cli.decoding import ByteSource

CHUNK_SIZE: Final = 500
"""How many objects kubectl asks for at a time."""

READ_BYTES: Final = 1024 * 1024
_LOOK_MILLISECONDS: Final = 100
"""How often it is looked whether kubectl has ended, while nothing arrives."""

_LISTEN_SECONDS: Final = 1.0
"""How long what kubectl said is waited for when it has ended: it is there, unless something that
kubectl started keeps standard error open."""

MAX_WHOLE_BYTES: Final = 128 * 1024 * 1024
"""The most bytes of an answer that is not written as kubectl writes lists."""

TOO_LONG: Final = "kubectl printed more than can be read at once"

_MAX_ERROR_LINES: Final = 20
_MAX_LINE_BYTES: Final = 300
"""How much of what kubectl says on standard error is kept."""

_ITEMS: Final = re.compile(rb'\n    "items": \[\n')
_ITEM_END: Final = b"\n        }"
"""kubectl indents by four blanks; a line feed in a text is escaped, so that each line that begins
so ends an item of a list."""

_KLOG: Final = re.compile(r"[EWIF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w.]+:\d+\] ")
_REPEATED: Final = re.compile(r"couldn't get current server API group list|memcache\.go")


class KubectlError(Exception):
    """kubectl failed; its message says why, in its own words, in one line that is safe to show.

    Attributes:
        kind: what it was, as far as that is known: ``forbidden``, ``not found``,
            ``already exists``, ``no such kind``, ``expired`` (a list of which the rest was asked
            for too late), ``no server``, ``timeout``, or an empty string.
        objects_before: how many objects had been read.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind, self.objects_before = kind, 0


class Kubectl:
    """Starts kubectl.

    Args:
        executable: the program: a name on the PATH, or a path.
        options: options for each call, such as ``--context``.
        timeout: after how many seconds without an answer a call is ended; what its answer waits
            until it is read does not count.
    """

    def __init__(self, executable: str, options: Sequence[str], timeout: float) -> None:
        self._executable, self._options, self._timeout = executable, tuple(options), timeout

    def start(self, *arguments: str) -> "Call":
        """Start a call.

        Raises:
            CommandError: there is no such program.
        """
        return Call(self._process(arguments, subprocess.DEVNULL), self._timeout)

    def send(self, document: Mapping[str, Any], *arguments: str) -> "Call":
        """Start a call that reads an object from its standard input.

        Raises:
            CommandError: there is no such program.
        """
        process = self._process(arguments, subprocess.PIPE)
        assert process.stdin is not None  # noqa: S101 - for mypy: it is a pipe
        # kubectl reads all of it before it prints anything; one that ended says why itself.
        with suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(json.dumps(document).encode())
        return Call(process, self._timeout)

    def _process(self, arguments: Sequence[str], stdin: int) -> subprocess.Popen[bytes]:
        command = (self._executable, *self._options, *arguments)
        try:
            return subprocess.Popen(  # noqa: S603 - the user's own kubectl, without a shell
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except FileNotFoundError:
            message = (
                f"{sanitize(self._executable, _MAX_LINE_BYTES)}: not found. kubectl reads the "
                "cluster; without it, diagnose files: -f FILE"
            )
            raise CommandError(message) from None
        except OSError as error:
            message = f"{sanitize(self._executable, _MAX_LINE_BYTES)}: {error.strerror}"
            raise CommandError(message) from None

    def get(self, what: str, *arguments: str) -> "Call":
        """Start to read objects, as JSON."""
        return self.start("get", what, "-o", "json", f"--chunk-size={CHUNK_SIZE}", *arguments)


class Call:
    """A running kubectl. As a context manager it ends with the block, whatever happens."""

    def __init__(self, process: subprocess.Popen[bytes], timeout: float) -> None:
        self._process, self._timed_out, self._timeout = process, False, timeout
        self._waiting_since: float | None = None
        self._errors: deque[str] = deque(maxlen=_MAX_ERROR_LINES)
        self._arrived = poll()
        self._arrived.register(self._stdout.fileno(), POLLIN)
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._start_timer(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def objects(self) -> Iterator[bytes]:
        """Yield the JSON of each object that is printed; of lists, of each item.

        Raises:
            KubectlError: kubectl failed, or was too slow; what was yielded before is right.
        """
        yield from split_list(self)
        self.check()

    def tail(self, limit: int) -> bytes:
        """Return the end of what is printed.

        Raises:
            KubectlError: as `objects`.
        """
        kept = b""
        while chunk := self.read(READ_BYTES):
            kept = (kept + chunk)[-limit:]
        self.check()
        return kept

    def read(self, size: int, /) -> bytes:
        """Read so many bytes of what is printed, or all that are left."""
        self._waiting_since = monotonic()
        content = bytearray()
        while size > len(content) and (piece := self._piece(size - len(content))):
            content += piece
        self._waiting_since = None
        return bytes(content)

    def _piece(self, size: int) -> bytes:
        """Read what there is, and at most so many bytes; nothing at the end.

        The end is also where kubectl has ended and nothing is left: what it started itself, such as
        a plug-in for credentials, may keep the pipe open for as long as it likes.
        """
        while not self._arrived.poll(_LOOK_MILLISECONDS):
            if self._process.poll() is not None and not self._arrived.poll(0):
                return b""
        return os.read(self._stdout.fileno(), min(size, READ_BYTES))

    @property
    def warnings(self) -> Sequence[str]:
        """What kubectl said on standard error although it did what it was asked for."""
        return tuple(dict.fromkeys(self._errors))

    def close(self) -> None:
        """End it, if it runs on."""
        self._timer.cancel()
        with suppress(OSError):
            self._process.kill()
        self._stdout.close()
        self._process.wait()
        self._listener.join(_LISTEN_SECONDS)

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - for mypy: it is a pipe
        return self._process.stdout

    def _listen(self) -> None:
        """Keep the end of what it says on standard error: if nobody read that, it would wait."""
        assert self._process.stderr is not None  # noqa: S101 - as above
        with self._process.stderr as stderr:
            while line := stderr.readline(READ_BYTES):
                text = _KLOG.sub("", line.decode(errors="replace").strip())
                if text:
                    self._errors.append(redact_head(text, _MAX_LINE_BYTES).replace("\n", " "))

    def _start_timer(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._time_out)
        self._timer.daemon = True
        self._timer.start()

    def _time_out(self) -> None:
        """End it if it has been waited for all the time; otherwise look again."""
        if self._process.returncode is not None:
            return
        since = self._waiting_since
        left = self._timeout if since is None else since + self._timeout - monotonic()
        if left > 0:
            self._start_timer(left)
            return
        self._timed_out = True
        with suppress(OSError):
            self._process.kill()

    def check(self) -> None:
        """Wait for its end, once everything has been read.

        Raises:
            KubectlError: it failed, or was too slow.
        """
        self._waiting_since = monotonic()
        code = self._process.wait()
        self._timer.cancel()
        self._listener.join(_LISTEN_SECONDS)
        if self._timed_out:
            message = f"kubectl did not answer within {self._timeout:g} s"
            raise KubectlError(message, "timeout")
        if code != 0:
            raise _error_of(self._errors, code)


_WITHOUT_A_SERVER: Final = " (without a cluster, diagnose files: -f FILE)"

_KINDS: Final = (
    ("forbidden", re.compile(r"\(Forbidden\)|is forbidden:")),
    ("not found", re.compile(r"\(NotFound\)")),
    ("already exists", re.compile(r"\(AlreadyExists\)")),
    ("expired", re.compile(r"\((?:Expired|Gone)\)")),
    ("no such kind", re.compile(r"the server doesn't have a resource type")),
    (
        "no server",
        re.compile(r"to the server .{1,300} was refused|Unable to connect to the server"),
    ),
    ("timeout", re.compile(r"timed out|timeout|deadline exceeded", re.IGNORECASE)),
)


def _error_of(lines: Sequence[str], code: int) -> KubectlError:
    """Make an error of what kubectl said: of its last line, which sums up."""
    said = [line for line in lines if not _REPEATED.search(line)] or list(lines)
    if not said:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return KubectlError(f"kubectl {how} and said nothing")
    kind = next((name for name, pattern in _KINDS if pattern.search(said[-1])), "")
    line = said[-1].removeprefix("error: ").removeprefix("Error from server ")
    return KubectlError(line + _WITHOUT_A_SERVER * (kind == "no server"), kind)


def split_list(stream: "ByteSource") -> Iterator[bytes]:
    """Yield the JSON of each item of a list that kubectl prints; or of another object, whole.

    Args:
        stream: what it prints.

    Raises:
        KubectlError: it is longer than what is read at once, and no list as kubectl prints them.
    """
    buffer = stream.read(READ_BYTES)
    start = _ITEMS.search(buffer, 0, 4096)
    if start is None:
        yield from split_any(buffer, stream)
        return
    position = start.end()
    while True:
        end = buffer.find(_ITEM_END, position)
        if end >= 0:
            end += len(_ITEM_END)
            item = buffer[position:end].lstrip(b", \n")
            if item.startswith(b"{"):
                yield item
            position = end
            continue
        more = stream.read(READ_BYTES)
        if not more:
            return
        if len(buffer) - position > MAX_WHOLE_BYTES:
            raise KubectlError(TOO_LONG)
        buffer, position = buffer[position:] + more, 0


def split_any(buffer: bytes, stream: "ByteSource") -> Iterator[bytes]:
    """Yield the JSON of the objects in JSON of any form."""
    content = buffer + stream.read(MAX_WHOLE_BYTES)
    if not content.strip():
        return
    if len(content) > MAX_WHOLE_BYTES:
        raise KubectlError(TOO_LONG)
    try:
        value = json.loads(content.decode(errors="replace"))
    except (ValueError, RecursionError):
        message = "kubectl printed something else than JSON"
        raise KubectlError(message) from None
    items = value.get("items", [value]) if isinstance(value, dict) else [value]
    for each in items if isinstance(items, list) else ():
        yield json.dumps(each).encode()
