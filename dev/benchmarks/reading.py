"""How long the reader of outputs takes for 64 KiB, by what they are: ordinary, and the worst."""

import time
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.spread import Spread
from pod_diagnoser.diagnosis.output import read_output

LENGTH: Final = 65_536

MOST_MILLISECONDS: Final = 50.0


def _filled(*lines: str) -> str:
    """Return lines, over and over, with numbers that differ: `LENGTH` characters."""
    text: list[str] = []
    length = number = 0
    while length < LENGTH:
        line = lines[number % len(lines)].replace("#", str(number))
        text.append(line)
        length += len(line) + 1
        number += 1
    return "\n".join(text)[-LENGTH:]


def _noise(characters: str) -> str:
    random = Random(1)
    return "".join(random.choice(characters) for _ in range(LENGTH))


TEXTS: Final[Mapping[str, str]] = {
    "requests that were served": _filled("10.0.0.1 - - [23/Nov/2026:10:00:00] GET /orders/# 200"),
    "JSON, one error": _filled('{"level":"info","msg":"served","path":"/orders/#"}')
    + '\n{"level":"fatal","msg":"cannot start","error":"dial tcp: connection refused"}',
    "a Java trace": _filled(
        "java.lang.IllegalStateException: no tenant #",
        *["\tat com.example.Orders.find#(Orders.java:#)"] * 40,
        "Caused by: java.net.ConnectException: Connection refused",
    ),
    "a goroutine dump": "panic: no tenant\n\n"
    + _filled("goroutine # [select]:", "main.work(0xc000#)", "\t/src/work.go:# +0x1f"),
    "nothing but errors, JSON": _filled('{"level":"error","msg":"failed #","error":"refused: x"}'),
    "nothing but errors": _filled("error #: cannot open /data/#: No such file or directory"),
    "nothing but short errors": _filled("error: # failed"),
    "nothing but tracebacks": _filled(
        "Traceback (most recent call last):", '  File "a.py", line #, in f', "KeyError: 'A#'"
    ),
    "nothing but warnings of a shell": _filled("run.sh: line #: x#: command not found"),
    "two services": _filled("app-1  | error # failed", "web-1  | GET / 200 #"),
    "one line": _noise("abc: []{}\"'"),
    "one line of escapes": _noise('\\n"'),
    "random lines": _noise("aE: =[]{}\"'\\/.\n\t09"),
    "blank lines": "\n" * LENGTH,
}


def measure(rounds: int, texts: Mapping[str, str] = TEXTS) -> Sequence[Figure]:
    """Measure.

    Args:
        rounds: how many.
        texts: by what they are.
    """
    took: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(rounds):
        for name, text in texts.items():
            begun = time.process_time()
            read_output(text)
            took[name].append((time.process_time() - begun) * 1000)
    aim = Aim.at_most(MOST_MILLISECONDS)
    return [
        Figure(f"{name}: CPU", Spread(tuple(values)), "ms", aim) for name, values in took.items()
    ]
