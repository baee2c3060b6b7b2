"""Hostile outputs of programs, and what must hold of every reading of them.

``python -m tests.fuzz.outputs SECONDS`` (``make fuzz-output``) searches: it changes outputs of the
corpus ever further, checks each reading, and keeps those that take the reader the longest, to
change them further. It prints the slowest; what fails is written to a file and raised.
"""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output import OutputReading, read_output
from tests.output.entries import entries

MAX_CHARS: Final = 65_536

_FRAGMENTS: Final = (
    # Our own words, and those that programs end with
    "Container app exited with code 1: KeyError: 'X' (MissingConfiguration)",
    "diagnostics.local.io/reason: AskedToStop",
    "Nothing: the output does not say why it ended",
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 1, in <module>',
    "Caused by: java.net.ConnectException: Connection refused",
    "\tat com.example.Main.main(Main.java:1)",
    "\t... 12 more",
    "panic: runtime error: index out of range [5] with length 2",
    "goroutine 1 [running]:",
    "thread 'main' panicked at src/main.rs:1:1:",
    "Description:",
    "    ^",
    "terminate called after throwing an instance of 'std::exception'",
    "Received SIGTERM",
    "1:C 1 Jan 2026 00:00:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
    # What wraps lines, opens them, and never closes
    '{"log":"',
    '{"level":"error","msg":"',
    '","stream":"stderr"}',
    "2026-11-23T10:00:00.123456789Z stderr F ",
    "app-1  | ",
    "\x1b[31m",
    "\x1b]0;title",
    "\x1b[",
    "\x07",
    "\x00",
    "\u202e",
    "\ufeff",
    "\ud800",
    "\\n",
    "\\\\",
    '\\"',
    ": ",
    ": : : : ",
    "((((((",
    "[[[[",
    "error=",
    'err="',
    "\r",
    "\r\n",
    "\u2028",
    "\x85",
)


class OutputMutator:
    """Changes outputs.

    Args:
        random: what draws.
        logs: outputs of which parts are put in.
    """

    def __init__(self, random: Random, logs: Sequence[str]) -> None:
        self._random = random
        self._logs = logs

    def fresh(self) -> str:
        """Return an output of the corpus, changed a few times."""
        return self.changed(self._random.choice(self._logs))

    def changed(self, text: str) -> str:
        """Return a text with some changes, at most a little longer than what is read."""
        for _ in range(self._random.randint(1, 6)):
            change = self._random.choice(
                (
                    self._put,
                    self._put,
                    self._repeat,
                    self._cut,
                    self._splice,
                    self._swap,
                    self._long,
                )
            )
            text = change(text)[-MAX_CHARS - 2000 :]
        return text

    def _place(self, text: str) -> int:
        return self._random.randint(0, len(text))

    def _put(self, text: str) -> str:
        at = self._place(text)
        fragment = self._random.choice(_FRAGMENTS)
        if self._random.random() < 0.2:
            fragment = chr(self._random.randrange(0x110000))
        return f"{text[:at]}{fragment}{self._random.choice(['', chr(10)])}{text[at:]}"

    def _repeat(self, text: str) -> str:
        """Repeat a part until the text is long."""
        start = self._place(text)
        part = text[start : start + self._random.choice((1, 2, 5, 20, 100, 1000))]
        if not part:
            return text
        return text[:start] + part * (self._random.choice((50, 1000, MAX_CHARS)) // len(part) + 1)

    def _cut(self, text: str) -> str:
        start, end = sorted((self._place(text), self._place(text)))
        return text[:start] + text[end:] if self._random.random() < 0.5 else text[start:end]

    def _splice(self, text: str) -> str:
        other = self._random.choice(self._logs)
        at = self._place(text)
        return f"{text[:at]}\n{other}{text[at:]}"

    def _swap(self, text: str) -> str:
        """Interleave the lines with those of another output."""
        lines, others = text.split("\n"), self._random.choice(self._logs).split("\n")
        return "\n".join(line for pair in zip(lines, others, strict=False) for line in pair)

    def _long(self, text: str) -> str:
        """Take the ends of lines away, which makes one long line."""
        return text.replace("\n", self._random.choice((" ", "", "\\n", "\t", "\r")))


def check_reading(text: str) -> OutputReading:
    """Read an output, and check what must hold of each reading.

    Args:
        text: any text.

    Returns:
        The reading.
    """
    reading = read_output(text)
    lines = set(re.split(r"[\r\n]", text))
    assert len(reading.lines) <= 3
    assert len(set(reading.lines)) == len(reading.lines)
    for line in reading.lines:
        assert line
        assert line in lines or any(line in each for each in lines), "a line is quoted as it stands"
    if reading.reason_class is ReasonClass.NOTHING:
        assert not reading.lines
    else:
        assert reading.lines, "what is claimed is quoted"
    assert reading.reason_class in set(ReasonClass)
    assert re.fullmatch(r"[a-z+]{0,20}", reading.runtime)
    assert read_output(text) == reading
    return reading


def corpus_logs() -> tuple[str, ...]:
    """Return the outputs of the corpus."""
    return tuple(entry.log for entry in entries())


def main(seconds: float, found: Path) -> None:
    """Search.

    Args:
        seconds: for how long.
        found: where what fails is written.
    """
    mutator = OutputMutator(Random(), corpus_logs())
    slowest: list[tuple[float, str]] = []
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        base = (
            mutator.fresh() if number % 2 or not slowest else slowest[number // 2 % len(slowest)][1]
        )
        text = mutator.changed(base)
        begun = time.process_time()
        try:
            check_reading(text)
        except BaseException:
            found.write_text(text, encoding="utf-8", errors="surrogatepass")
            print(f"written to {found}")
            raise
        took = (time.process_time() - begun) / 2  # it is read twice
        slowest = sorted([*slowest, (took, text)], key=lambda one: -one[0])[:10]
    print(f"{number} outputs; the slowest took, in milliseconds of CPU:")
    for took, text in slowest:
        print(f"{took * 1000:6.1f} of {len(text)} characters: {text[:100]!r}")


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "failed-output.txt"))
