"""Reads the definitions of the corpus: programs that fail, and outputs written by hand.

A definition file has headers ``key: value`` that hold for all of its entries, and then entries: a
line ``=== name``, headers, and files, each after a line ``--- name``. An entry of ``written/``
has one file, ``output``: what is printed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass

FOLDER: Final = Path(__file__).parent
PROGRAMS: Final = FOLDER / "programs"
WRITTEN: Final = FOLDER / "written"
UNKNOWN: Final = "-"
"""The runtime of what does not show what wrote it."""

PRINTED: Final = FOLDER / "printed"
"""What the programs printed when they were last run."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An entry of a definition file.

    Attributes:
        name: unique, with the name of its file.
        quotes: parts of the lines that an engineer would quote, best first.
        reason_class: the class of the reason.
        runtime: what wrote the output.
        headers: all others, such as ``run``, ``env``, ``source``.
        files: their texts by name.
    """

    name: str
    quotes: tuple[str, ...]
    reason_class: ReasonClass
    runtime: str
    headers: dict[str, str]
    files: dict[str, str]

    @property
    def printed(self) -> Path:
        """The file that holds what the program printed."""
        return PRINTED / f"{self.name}.log"


def programs() -> Iterator[Definition]:
    """Yield the programs."""
    for path in sorted(PROGRAMS.glob("*.txt")):
        yield from read(path)


def written() -> Iterator[Definition]:
    """Yield what is written by hand."""
    for path in sorted(WRITTEN.glob("*.txt")):
        yield from read(path)


def read(path: Path) -> Iterator[Definition]:
    """Yield the entries of a definition file.

    Args:
        path: the file. Without a header ``runtime`` its name is the runtime.
    """
    text = path.read_text(encoding="utf-8")
    common, *entries = f"\n{text}".split("\n=== ")
    shared = dict(_header(line) for line in common.splitlines() if line)
    for entry in entries:
        name, _, rest = entry.partition("\n")
        head, *parts = f"\n{rest}".split("\n--- ")
        quotes: list[str] = []
        headers = dict(shared)
        for line in filter(None, head.splitlines()):
            key, value = _header(line)
            if key == "quote":
                quotes.append(value)
            else:
                headers[key] = value
        files = {}
        for part in parts:
            title, _, content = part.partition("\n")
            files[title] = f"{content.strip(chr(10))}\n"
        yield Definition(
            f"{path.stem}/{name}",
            tuple(quotes),
            ReasonClass(headers.pop("class")),
            headers.pop("runtime", path.stem).replace(UNKNOWN, ""),
            headers,
            files,
        )


def _header(line: str) -> tuple[str, str]:
    key, colon, value = line.partition(": ")
    assert colon, f"not a header: {line!r}"
    return key, value
