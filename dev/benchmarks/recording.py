"""Record what Metacontroller sends to the hook and what it is answered: a line for each request.

Run as ``python -m dev.benchmarks.recording UPSTREAM PORT FILE`` it stands before the hook, in a
process of its own. It costs time, so what is timed is measured without it.
"""

import hashlib
import json
import queue
import sys
import time
from pathlib import Path
from typing import Any

from dev.envtest.client import Json
from dev.envtest.process import Process
from dev.envtest.proxy import Answer, Forward, Proxy, Request
from dev.local_ports import free_ports

_OK = 200


class Recording:
    """The process that stands before one of the hook's.

    Args:
        name: of the hook's process.
        upstream: its URL.
        folder: where `file_of` it is.

    Attributes:
        url: where it listens.
    """

    def __init__(self, name: str, upstream: str, folder: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._process = Process(
            f"recording-{name}",
            [sys.executable, "-m", __name__, upstream, str(port), file_of(name, folder)],
            folder,
        )

    def start(self) -> None:
        """Begin to listen; Metacontroller retries what comes too early."""
        self._process.start()

    def stop(self) -> None:
        """End."""
        self._process.stop(grace=0)


def file_of(name: str, folder: Path) -> Path:
    """Return where the lines of one of the hook's processes go; each has its own file."""
    return folder / f"syncs-{name}.jsonl"


def line(path: str, body: bytes, code: int, answer: bytes, at: float, answered: float) -> Json:
    """Return what is kept of a request and its answer.

    Args:
        path: the endpoint.
        body: the request's.
        code: the answer's HTTP status; 0 where none came.
        answer: its body.
        at: when the request had come, in seconds.
        answered: when the answer had, by the same clock.

    Returns:
        Sizes and times; of the object and of related ones what tells versions apart; of the answer
        what it changes.
    """
    request = json.loads(body)
    found = {
        "path": path,
        "at": at,
        "seconds": answered - at,
        "sent": len(body),
        "received": len(answer),
        "code": code,
    }
    if not path.endswith("/sync"):
        return found
    shown = request["object"]
    related = [one for group in request["related"].values() for one in group.values()]
    attached = [one for group in request["attachments"].values() for one in group.values()]
    found |= {
        "object": _state(shown),
        "related": {one["metadata"]["uid"]: _state(one) for one in related},
        "attached": {one["metadata"]["uid"]: _state(one) for one in attached},
    }
    if code == _OK:
        found |= _effect(request, json.loads(answer))
    return found


def _state(one: Json) -> Json:
    """Return what tells versions of an object apart."""
    metadata = one["metadata"]
    return {
        "uid": metadata["uid"],
        "kind": one["kind"],
        "version": metadata["resourceVersion"],
        "labels": metadata.get("labels", {}),
        "annotations": _hash(metadata.get("annotations", {})),
        "spec": _hash(one.get("spec")),
        "status": _hash(one.get("status")),
        "deleted": "deletionTimestamp" in metadata,
    }


def _effect(request: Json, answer: Json) -> Json:
    """Return what Metacontroller makes of an answer."""
    metadata = request["object"]["metadata"]
    changes = [
        key
        for key in ("labels", "annotations")
        if any(
            metadata.get(key, {}).get(name) != value
            for name, value in (answer.get(key) or {}).items()
        )
    ]
    status = answer.get("status")
    if status is not None and status != request["object"].get("status"):
        changes.append("status")
    existing = [one for group in request["attachments"].values() for one in group.values()]
    wanted = answer.get("attachments") or []
    if len(existing) != len(wanted) or not all(
        any(_holds(there, one) for there in existing) for one in wanted
    ):
        changes.append("attachments")
    return {"changes": changes, "resync": answer.get("resyncAfterSeconds") or 0}


def _holds(stored: Any, wanted: Any) -> bool:
    """Say whether all that is wanted is stored, whatever else is."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        return all(key in stored and _holds(stored[key], value) for key, value in wanted.items())
    return bool(stored == wanted)


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def main() -> int:
    """Stand before the hook until killed."""
    upstream, port, file = sys.argv[1:]
    proxy = Proxy(upstream, int(port))
    seen: queue.SimpleQueue[tuple[str, bytes, int, bytes, float, float]] = queue.SimpleQueue()

    def rule(request: Request, onward: Forward) -> Answer | None:
        proxy.requests.clear()  # those of a PodDiagnoser have megabytes each
        at, code, body = time.time(), 0, b""
        try:
            answer = onward()
            code, body = answer.code, answer.body
        finally:
            seen.put((request.path, request.body, code, body, at, time.time()))
        return answer

    proxy.rule = rule
    with proxy, Path(file).open("a", encoding="utf-8") as lines:
        while True:
            found = json.dumps(line(*seen.get()), separators=(",", ":"))
            lines.write(f"{found}\n")
            lines.flush()


if __name__ == "__main__":
    raise SystemExit(main())
