"""Lists as the API server sends them, by ``kubectl get --raw``, chunk by chunk.

For ``-o json`` kubectl decodes each object and prints it anew: of a thousand Pods that takes it 3 s
of CPU and 380 MB, where passing on what the API server sends takes 0.1 s and 46 MB. Contexts,
exec plug-ins and proxies are kubectl's own here, too.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

from pod_diagnoser.cli.sources.kubectl import (
    CHUNK_SIZE,
    MAX_WHOLE_BYTES,
    READ_BYTES,
    TOO_LONG,
    Call,
    Kubectl,
    KubectlError,
    split_any,
)

STALE_SECONDS: Final = 30.0
"""After so long an answer that nobody has read is asked for anew: the API server ends a request
after 60 s, and what waits to be read is a request that has not ended."""

_HEAD: Final = re.compile(
    rb'\{"kind":"\w{1,64}List","apiVersion":"v1","metadata":(\{[^{}]{0,8192}\}),"items":\['
)
_HEAD_BYTES: Final = 16 * 1024
_BETWEEN: Final = b'},{"metadata":{'
"""What is between two Pods or Events: outside of strings, as quotation marks are escaped in those,
and neither kind has an array whose items begin so."""
_END: Final = b"]}"

_CUT_OFF: Final = "kubectl printed a list that is cut off"


class ApiList:
    """A list that is being read: while one chunk is read, the next is asked for already.

    As a context manager it ends with the block, whatever happens.

    Args:
        kubectl: starts kubectl.
        path: the path of the API.
        selectors: ``labelSelector``, ``fieldSelector``.
    """

    def __init__(self, kubectl: Kubectl, path: str, selectors: Mapping[str, str]) -> None:
        self._kubectl, self._path, self._selectors = kubectl, path, selectors
        self._warnings: dict[str, None] = {}
        self._open: list[Call] = []
        self._ahead: Call | None = None
        self._since = monotonic()
        self._ask()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for call in self._open:
            call.close()

    @property
    def warnings(self) -> Sequence[str]:
        """What kubectl said on standard error although it did what it was asked for."""
        return tuple(self._warnings)

    def objects(self) -> Iterator[bytes]:
        """Yield the JSON of each item; where the API server has forgotten the list, some again.

        Raises:
            KubectlError: kubectl failed, or was too slow; what was yielded before is right.
        """
        if monotonic() - self._since > STALE_SECONDS:
            self._close(self._ahead)
            self._ask()
        try:
            yield from self._chunks()
        except KubectlError as error:
            if error.kind != "expired":
                raise
            # As client-go's pager does: all at once.
            self._ask(limited=False)
            yield from self._chunks()

    def _chunks(self) -> Iterator[bytes]:
        while (call := self._ahead) is not None:
            self._ahead = None
            chunk = _Chunk(call)
            if chunk.next_token:
                self._ask(chunk.next_token)
            yield from chunk.items()
            self._warnings.update(dict.fromkeys(call.warnings))
            self._close(call)

    def _ask(self, token: str = "", *, limited: bool = True) -> None:
        query = {
            **self._selectors,
            **({"limit": str(CHUNK_SIZE)} if limited else {}),
            **({"continue": token} if token else {}),
        }
        question = f"?{urlencode(query, safe='=,')}" if query else ""
        self._ahead = self._kubectl.start("get", "--raw", f"{self._path}{question}")
        self._open.append(self._ahead)
        self._since = monotonic()

    def _close(self, call: Call | None) -> None:
        if call is not None:
            self._open.remove(call)
            call.close()


class _Chunk:
    """A part of a list, of which the start has been read.

    Attributes:
        next_token: what the part after it is asked for with; empty where it is the last.

    Raises:
        KubectlError: it could not be read.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._buffer = call.read(READ_BYTES)
        self._head = _HEAD.match(self._buffer, 0, _HEAD_BYTES)
        self.next_token = _token(self._head[1]) if self._head else ""

    def items(self) -> Iterator[bytes]:
        """Yield the JSON of each item.

        Raises:
            KubectlError: as `ApiList.objects`.
        """
        if self._head:
            yield from _split(self._buffer, self._head.end(), self._call)
            return
        # Not as an API server sends it; or nothing, since it was refused.
        yield from split_any(self._buffer, self._call)
        self._call.check()


def _split(buffer: bytes, position: int, call: Call) -> Iterator[bytes]:
    """Yield the JSON of each item in what the API server sends."""
    searched = position
    while True:
        end = buffer.find(_BETWEEN, searched)
        if end >= 0:
            yield buffer[position : end + 1]
            position = searched = end + 2
            continue
        more = call.read(READ_BYTES)
        if not more:
            break
        if len(buffer) - position > MAX_WHOLE_BYTES:
            raise KubectlError(TOO_LONG)
        searched = max(position, len(buffer) - len(_BETWEEN)) - position
        buffer, position = buffer[position:] + more, 0
    call.check()
    rest = buffer[position:].rstrip()
    if not rest.endswith(_END):
        raise KubectlError(_CUT_OFF)
    if last := rest.removesuffix(_END):
        yield last


def _token(metadata: bytes) -> str:
    with suppress(ValueError, RecursionError):
        value = json.loads(metadata)
        token = value.get("continue") if isinstance(value, dict) else ""
        return token if isinstance(token, str) else ""
    return ""
