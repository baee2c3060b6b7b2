"""Headless Chromium, driven through its debugging pipe.

It takes no library: Chromium reads commands from its file descriptor 3 and writes answers and
events to 4, as JSON that a zero byte ends. It ends when the pipe does.
Source: ``--remote-debugging-pipe`` and https://chromedevtools.github.io/devtools-protocol/.
"""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

_ABOVE = 10  # of the descriptors that Chromium uses
_PATIENCE = 60.0


class BrowserError(RuntimeError):
    """Chromium ended, refused a command, or a page did not become as wanted."""


class Browser:
    """One page. A context manager: Chromium runs inside of it.

    Args:
        folder: where its profile is written.
        width: of the page, in pixels.
        height: of the page, in pixels.

    Attributes:
        requested: the URLs that pages asked for, so far.
    """

    def __init__(self, folder: Path, width: int = 1280, height: int = 900) -> None:
        self.requested: list[str] = []
        self._folder = folder
        self._size = f"--window-size={width},{height}"
        self._numbers = itertools.count(1)
        self._session: dict[str, str] = {}
        self._buffer = b""
        self._pid = self._read = self._write = -1

    def __enter__(self) -> Self:
        """Start Chromium with an empty page.

        Raises:
            BrowserError: there is none, or it does not start.
        """
        if CHROMIUM is None:
            msg = "there is no Chromium"
            raise BrowserError(msg)
        (commands, self._write), (self._read, answers) = _pipe(), _pipe()
        log = os.open(self._folder / "chromium.log", os.O_CREAT | os.O_WRONLY, 0o600)
        self._pid = os.posix_spawn(
            CHROMIUM,
            self._arguments(CHROMIUM),
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, commands, 3),
                (os.POSIX_SPAWN_DUP2, answers, 4),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setpgroup=0,
        )
        for each in (commands, answers, log):
            os.close(each)
        try:
            target = self.command("Target.createTarget", url="about:blank")["targetId"]
            session = self.command("Target.attachToTarget", targetId=target, flatten=True)
            self._session = {"sessionId": session["sessionId"]}
            self.command("Network.enable")
        except BrowserError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it, with all its processes."""
        os.close(self._write)
        os.close(self._read)
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def open(self, url: str) -> None:
        """Go to a page, and wait for nothing.

        Raises:
            BrowserError: it cannot be reached.
        """
        if problem := self.command("Page.navigate", url=url).get("errorText"):
            msg = f"{url}: {problem}"
            raise BrowserError(msg)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page, as JSON has it.

        Raises:
            BrowserError: it throws.
        """
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    def wait_for(self, expression: str, timeout: float = _PATIENCE) -> None:
        """Wait until a JavaScript expression is true in the page.

        Raises:
            BrowserError: it is not in time; the message shows the page's text.
        """
        deadline = time.monotonic() + timeout
        while not self.evaluate(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                msg = f"not so: {expression}\n{self.evaluate('document.body?.innerText')}"
                raise BrowserError(msg)
            time.sleep(0.1)

    def picture(self, path: Path, expression: str | None = None) -> None:
        """Write what the page shows as a PNG.

        Args:
            path: the file.
            expression: JavaScript for the element that is in the picture; None means all.
        """
        clip = {}
        if expression:
            box = f"(({expression}).getBoundingClientRect().toJSON())"
            names = ("x", "y", "width", "height")
            clip = {"clip": {name: self.evaluate(box)[name] for name in names} | {"scale": 1}}
        answer = self.command("Page.captureScreenshot", format="png", **clip)
        path.write_bytes(base64.b64decode(answer["data"]))

    def command(self, method: str, **parameters: Any) -> Any:
        """Send a command; return its result.

        Raises:
            BrowserError: it is refused, or not answered in time.
        """
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        try:
            os.write(self._write, json.dumps(message).encode() + b"\0")
        except BrokenPipeError as problem:
            raise BrowserError(self._ended()) from problem
        while (answer := self._message()).get("id") != number:
            if answer.get("method") == "Network.requestWillBeSent":
                self.requested.append(answer["params"]["request"]["url"])
        if "error" in answer:
            msg = f"{method}: {answer['error']['message']}"
            raise BrowserError(msg)
        return answer["result"]

    def _message(self) -> Any:
        """Read the next answer or event."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], _PATIENCE)
            part = os.read(self._read, 65_536) if ready else b""
            if not part:
                raise BrowserError(self._ended())
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", maxsplit=1)
        return json.loads(message)

    def _ended(self) -> str:
        log = (self._folder / "chromium.log").read_text(encoding="utf-8", errors="replace")
        return f"Chromium ended, or does not answer:\n{log[-2000:]}"

    def _arguments(self, program: str) -> list[str]:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        return [
            program,
            "--headless",
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--hide-scrollbars",
            f"--user-data-dir={self._folder / 'profile'}",
            self._size,
            *sandbox,
        ]


def _pipe() -> tuple[int, int]:
    """Make a pipe whose ends are none of the descriptors that the program gets."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for each in ends)
    for each in ends:
        os.close(each)
    return moved[0], moved[1]
