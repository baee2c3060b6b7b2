"""Snapshots of files: lists of objects, and dumps of clusters as folders and archives.

Nothing is unpacked, and nothing but the ends of logs is kept that the collector does not keep. So
dumps are read twice: for objects, and then for the logs of Pods that have something to tell. What
cannot be read is told with its name, and the rest is used.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.decoding import ByteSource, DecodingError, decode_items
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.snapshot import LogKey, Missing
from pod_diagnoser.cli.sources.bounds import LimitError, Peeked, TreeError, allowance
from pod_diagnoser.cli.sources.dump_stream import DumpStream, ForgedMarkerError
from pod_diagnoser.cli.sources.layouts import LogFile, ObjectFile, normal_path, role_of
from pod_diagnoser.cli.sources.log_choice import LogChooser
from pod_diagnoser.cli.sources.tails import read_tail
from pod_diagnoser.cli.sources.trees import (
    HEAD_BYTES,
    STANDARD_INPUT,
    Entry,
    Tree,
    is_regular,
    open_input,
)
from pod_diagnoser.cli.terminal import say
from pod_diagnoser.diagnosis.quoting import quote_whole

_MAX_NAME_BYTES: Final = 200
"""How much of the name of a file is shown."""

_MAX_TOLD: Final = 10
"""How many files are named that cannot be read; the others are counted."""

_STARTS: Final = (b"{", b"[", b"---", b"apiVersion:", b"kind:", b"items:", b"- ", b"\xef\xbb\xbf{")
"""How files of objects begin."""

_NO_OBJECTS: Final = "no Kubernetes objects in it"
_EMPTY: Final = "empty"

_FAILURES: Final = (DecodingError, ForgedMarkerError, LimitError, TreeError, OSError, ValueError)
"""What happens to files; a ValueError for a name with a NUL."""


def read_files(names: Sequence[str], collector: Collector) -> None:
    """Collect what is in files, folders and archives.

    Args:
        names: their names; ``-`` is standard input.
        collector: what collects it.

    Raises:
        CommandError: nothing could be looked at.
    """
    reader = _FileReader(collector)
    for name in names:
        reader.read(name)
    reader.read_logs()
    reader.tell()


def written_at(names: Sequence[str]) -> datetime | None:
    """Return when the last of some files was written; None where one of them is no file."""
    times = [_written_at(name) for name in names]
    known = [each for each in times if each is not None]
    return max(known) if known and len(known) == len(times) else None


def _written_at(name: str) -> datetime | None:
    try:
        found = os.fstat(sys.stdin.fileno()) if name == STANDARD_INPUT else Path(name).stat()
        return datetime.fromtimestamp(found.st_mtime, UTC) if S_ISREG(found.st_mode) else None
    except (OSError, ValueError, OverflowError):
        return None


class _FileReader:
    """Reads files for a collector."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._allowance = allowance()
        self._logs = LogChooser(collector)
        self._with_logs: list[str] = []
        self._failures: list[Missing] = []
        self._untold = self._unknown = self._read = 0

    def read(self, name: str) -> None:
        """Read the objects of a file, a folder or an archive."""
        shown = _shown(name)
        try:
            with open_input(name, self._allowance) as found:
                if isinstance(found, Tree):
                    self._read_tree(name, found)
                else:
                    self._read_objects(shown, _not_empty(found), ObjectFile())
        except _FAILURES as error:
            self._fail(shown, error)

    def read_logs(self) -> None:
        """Read the logs of Pods that have something to tell."""
        for name in dict.fromkeys(self._with_logs):
            try:
                with open_input(name, self._allowance) as found:
                    for entry in found.entries() if isinstance(found, Tree) else ():
                        self._read_log_of(_shown_in(name, entry), entry)
            except _FAILURES as error:
                self._fail(_shown(name), error, "logs were not read")
        self._logs.give()

    def tell(self) -> None:
        """Tell the collector what was not read.

        Raises:
            CommandError: nothing could be looked at.
        """
        failures = self._failures
        if self._untold:
            failures.append(Missing(_count(self._untold, "more file"), "not readable either"))
        if failures and not self._read:
            for each in failures[:-1]:
                say(str(each))
            raise CommandError(str(failures[-1]))
        for each in failures:
            self._collector.add_missing(each)
        if self._unknown:
            what = _count(self._unknown, "other file")
            self._collector.add_missing(Missing(what, "of no kind that is read", "skipped"))
        if self._logs.left_out:
            what = _count(self._logs.left_out, "log")
            self._collector.add_missing(Missing(what, "not read, since there are so many"))

    def _fail(self, shown: str, error: Exception, without: str = "") -> None:
        if len(self._failures) < _MAX_TOLD:
            self._failures.append(Missing(shown, _reason(error), without))
        else:
            self._untold += 1

    def _read_tree(self, name: str, tree: Tree) -> None:
        """Read the objects of a tree; its logs only where it cannot be read again."""
        once, before = not is_regular(name), (self._read, len(self._failures))
        whole: set[str] = set()
        for entry in tree.entries():
            role = ObjectFile() if entry.is_folder else role_of(entry.path)
            if isinstance(role, ObjectFile):
                shown = _shown_in(name, entry)
                if role.also_in not in whole and self._read_object_file(shown, entry, role):
                    whole.add(normal_path(entry.path))
            elif role is None:
                self._unknown += 1
            elif once:
                self._keep_log(entry, role)
            else:
                self._with_logs.append(name)
        if (self._read, len(self._failures)) == before:
            raise DecodingError(_NO_OBJECTS)

    def _read_object_file(self, shown: str, entry: Entry, role: ObjectFile) -> bool:
        """Read a file of a tree; return whether it was read to its end."""
        failures = len(self._failures), self._untold
        try:
            with entry.open() as source:
                head = Peeked(source)
                if role.certain or head.peek(HEAD_BYTES).lstrip().startswith(_STARTS):
                    self._read_objects(shown, head, role)
                else:
                    self._unknown += 1
        except _FAILURES as error:
            if isinstance(error, LimitError):
                raise
            self._fail(shown, error)
        return (len(self._failures), self._untold) == failures

    def _read_objects(self, shown: str, source: ByteSource, role: ObjectFile) -> None:
        """Read a file of objects, or what ``kubectl cluster-info dump`` writes as one file."""
        stream = DumpStream(source)
        values = objects = 0
        before = self._read
        try:
            while True:
                for value in decode_items(stream, role.kind):
                    values += 1
                    objects += self._add(value)
                section = stream.next_section()
                if section is None:
                    break
                key = (section.namespace, section.pod, section.container)
                self._logs.offer(key, stream.skip_section(section), previous=False)
        except _FAILURES as error:
            if isinstance(error, LimitError) or self._read == before:
                raise
            self._fail(shown, error, "what comes before is used")
            return
        if values and not objects:
            self._fail(shown, DecodingError(_NO_OBJECTS))
            return
        self._read += 1
        if role.events_of:
            self._collector.know_events_of(role.events_of)

    def _add(self, value: Any) -> bool:
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            return False
        self._collector.add(value)
        self._read += 1
        return True

    def _keep_log(self, entry: Entry, role: LogFile) -> None:
        with entry.open() as source:
            if role.container:
                key = (role.namespace, role.pod, role.container)
                self._logs.keep(key, read_tail(source), previous=role.previous)
                return
            for key, text in _sections(source, role):
                self._logs.keep(key, text, previous=False)

    def _read_log_of(self, shown: str, entry: Entry) -> None:
        """Read a log if it is that of a crash."""
        role = None if entry.is_folder else role_of(entry.path)
        if not isinstance(role, LogFile) or not self._logs.wants_of_pod(role.namespace, role.pod):
            return
        try:
            if not role.container:
                with entry.open() as source:
                    for key, text in _sections(source, role):
                        self._logs.offer(key, text, previous=False)
                return
            key = (role.namespace, role.pod, role.container)
            if self._logs.wants(key, previous=role.previous):
                with entry.open_end() as source:
                    self._logs.offer(key, read_tail(source), previous=role.previous)
        except (OSError, TreeError) as error:
            self._fail(shown, error)


def _not_empty(source: ByteSource) -> ByteSource:
    """Return a source from its beginning.

    Raises:
        DecodingError: it is empty: whatever was to write it has failed, and not found no Pods.
    """
    head = Peeked(source)
    if not head.peek(HEAD_BYTES).strip():
        raise DecodingError(_EMPTY)
    return head


def _sections(source: ByteSource, role: LogFile) -> list[tuple[LogKey, str]]:
    """Read the sections of a file with all logs of a Pod; those that name another are left out."""
    stream = DumpStream(source)
    found: list[tuple[LogKey, str]] = []
    while True:
        while stream.read(HEAD_BYTES):
            pass
        try:
            section = stream.next_section()
        except ForgedMarkerError:  # by a container of the Pod, whose logs then say nothing certain
            return []
        if section is None:
            return found
        text = stream.skip_section(section)
        if (section.namespace, section.pod) == (role.namespace, role.pod):
            found.append(((section.namespace, section.pod, section.container), text))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "cannot be read"
    if isinstance(error, ForgedMarkerError):
        return (
            "a log in it holds the marks by which logs are found, so the rest is not read: "
            "use kubectl cluster-info dump --output-directory"
        )
    return "cannot be read" if type(error) is ValueError else str(error) or "cannot be read"


def _shown(name: str) -> str:
    if name == STANDARD_INPUT:
        return "standard input"
    return quote_whole(sanitize(name, _MAX_NAME_BYTES))


def _shown_in(name: str, entry: Entry) -> str:
    return f"{_shown(name)}, {'folder' if entry.is_folder else 'file'} {_shown(entry.path)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
