"""What ``kubectl cluster-info dump`` writes: objects, and between them logs in marked sections.

A log may hold a marker too. A section ends only where what follows begins as kubectl goes on, and
none begins twice: then a log has forged one, and reading stops.

Source: ``printContainer`` in ``clusterinfo_dump.go`` of kubectl.
"""

import re
from dataclasses import dataclass
from typing import Final

from pod_diagnoser.cli.decoding import ByteSource
from pod_diagnoser.cli.sources.tails import Tail

_MARK: Final = b"==== START logs for container "
_HEADER: Final = re.compile(
    rb"==== START logs for container ([a-z0-9.-]{1,63}) of pod "
    rb"([a-z0-9-]{1,63})/([a-z0-9.-]{1,253}) ====(?:\r?\n|\Z)"
)
_MAX_HEADER: Final = 512
_GOES_ON: Final = (_MARK, b"{", b"---", b"apiVersion:")
"""How kubectl goes on after a section: the next one, or an object in JSON or YAML."""
_CHUNK_BYTES: Final = 256 * 1024


class ForgedMarkerError(Exception):
    """A log holds the markers of a dump."""


@dataclass(frozen=True, slots=True)
class Section:
    """The log of a container.

    Attributes:
        namespace: the Pod's namespace.
        pod: its name.
        container: the container.
    """

    namespace: str
    pod: str
    container: str


class DumpStream:
    """Reads the objects of a dump, up to each section of a log.

    Args:
        source: the dump; or any other file, which has no sections.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._buffer = b""
        self._ended = False
        self._at_line_start = True
        self._seen: set[Section] = set()

    def read(self, size: int, /) -> bytes:
        """Read objects; nothing at a section, and at the end."""
        self._fill(max(size, len(_MARK)))
        if self._at_line_start and self._buffer.startswith(_MARK):
            return b""
        found = self._buffer.find(b"\n" + _MARK)
        if found >= 0:
            end = found + 1
        elif self._ended:
            end = len(self._buffer)
        else:
            end = max(len(self._buffer) - len(_MARK), 1)
        content, self._buffer = self._buffer[:end], self._buffer[end:]
        if content:
            self._at_line_start = content.endswith(b"\n")
        return content

    def next_section(self) -> Section | None:
        """Go on behind the header of a section; None where there is none, or the dump ends.

        Raises:
            ForgedMarkerError: there was one of this container before.
        """
        self._fill(_MAX_HEADER)
        header = _HEADER.match(self._buffer) if self._at_line_start else None
        if header is None:
            return None
        container, namespace, pod = (each.decode() for each in header.groups())
        section = Section(namespace, pod, container)
        if section in self._seen:
            raise ForgedMarkerError
        self._seen.add(section)
        self._buffer = self._buffer[header.end() :]
        return section

    def skip_section(self, section: Section) -> str:
        """Go on behind the end of a section; return the end of its log."""
        end = (
            f"==== END logs for container {section.container} of pod "
            f"{section.namespace}/{section.pod} ====\n"
        ).encode()
        tail = Tail()
        while True:
            self._fill(_CHUNK_BYTES)
            found = self._buffer.find(end)
            while found >= 0 and not self._goes_on(found + len(end)):
                found = self._buffer.find(end, found + 1)
            if found >= 0:
                tail.add(self._buffer[:found])
                self._buffer = self._buffer[found + len(end) :]
                break
            keep = 0 if self._ended else len(end) + len(_MARK)
            cut = len(self._buffer) - keep
            tail.add(self._buffer[:cut])
            self._buffer = self._buffer[cut:]
            if self._ended:
                break
        self._at_line_start = True
        return tail.text()

    def _goes_on(self, position: int) -> bool:
        self._fill(position + len(_MARK))
        rest = self._buffer[position : position + len(_MARK)]
        return (not rest and self._ended) or rest.startswith(_GOES_ON)

    def _fill(self, size: int) -> None:
        """Have at least so many bytes in memory, or all that are left."""
        while len(self._buffer) < size and not self._ended:
            more = self._source.read(max(size, _CHUNK_BYTES))
            self._ended = not more
            self._buffer += more
