"""The API server's audit log with what was sent and answered, and the versions of objects in it.

`dev.envtest.audit.full_policy` has it written. A request that came and was never answered is one
during which the API server was killed: it may have had its effect.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dev.envtest.client import Json
from dev.envtest.credentials import METACONTROLLER

ACCOUNTS = "system:serviceaccount:pod-diagnoser-system:"
"""What the hook's users begin with."""

WRITES = ("create", "update", "patch", "delete", "deletecollection")
VERSIONED = ("Pod", "PodDiagnoser", "DiagnosisTarget")
"""The kinds of which versions are kept."""

_BEGINNING = '{"kind":"Event","apiVersion":"audit.k8s.io/'


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API server.

    Attributes:
        user: who sent the request.
        verb: such as ``delete``.
        resource: such as ``pods`` or ``pods/eviction``.
        namespace: empty for what belongs to the cluster.
        name: of the object.
        received: when it came, by the API server's clock.
        answered: when it was answered; when it came, where it was not.
        code: the answer's HTTP status code; 0 where there was none.
        sent: what was sent.
        got: what was answered.
    """

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    received: datetime
    answered: datetime
    code: int = 0
    sent: Json = field(default_factory=dict)
    got: Json = field(default_factory=dict)

    def __str__(self) -> str:
        """Such as ``update pods web-1 200``."""
        return f"{self.verb} {self.resource} {self.namespace}/{self.name} {self.code or 'torn'}"

    @property
    def succeeded(self) -> bool:
        """Whether it was answered with success."""
        return self.code in (200, 201)

    @property
    def by_hook(self) -> bool:
        """Whether the hook sent it."""
        return self.user.startswith(ACCOUNTS)

    @property
    def ours(self) -> bool:
        """Whether the hook or Metacontroller sent it."""
        return self.by_hook or self.user == METACONTROLLER

    @property
    def base(self) -> int:
        """The version that was to be changed; 0 where it does not say."""
        return int(self.sent.get("metadata", {}).get("resourceVersion") or 0)

    @property
    def effective(self) -> bool:
        """Whether it wrote: the API server takes what is stored already, and stores nothing."""
        if self.verb not in WRITES or not self.succeeded:
            return False
        return not (self.verb == "update" and self.base == number_of(self.got) != 0)


def number_of(one: Json) -> int:
    """Return a resourceVersion as a number, which rises with each write; 0 for none."""
    return int(one.get("metadata", {}).get("resourceVersion") or 0)


def read(path: Path) -> list[Call]:
    """Read the log.

    Args:
        path: where the API server writes it.

    Returns:
        All requests, in the order in which they were answered; at last those that never were.
    """
    begun: dict[str, Json] = {}
    calls: list[Call] = []
    with path.open(encoding="utf-8", errors="replace") as lines:
        for entry in _entries(lines):
            if entry["stage"] == "RequestReceived":
                begun[entry["auditID"]] = entry
            else:
                begun.pop(entry["auditID"], None)
                calls.append(_call(entry))
    return calls + [_call(entry) for entry in begun.values()]


def _entries(lines: Iterable[str]) -> Iterator[Json]:
    """Return the records; one that the API server was killed at is left out."""
    for line in lines:
        beginning = line.rfind(_BEGINNING)
        try:
            entry: Json = json.loads(line)
        except ValueError:
            if beginning <= 0:
                continue
            try:
                entry = json.loads(line[beginning:])
            except ValueError:
                continue
        yield entry


def _call(entry: Json) -> Call:
    target = entry.get("objectRef", {})
    answered = entry["stage"] != "RequestReceived"
    sent, got = entry.get("requestObject") or {}, entry.get("responseObject") or {}
    name = target.get("name") or (sent.get("metadata") or {}).get("name", "")
    return Call(
        user=entry["user"]["username"],
        verb=entry["verb"],
        resource="/".join(part for key in ("resource", "subresource") if (part := target.get(key))),
        namespace=target.get("namespace", ""),
        name=name,
        received=datetime.fromisoformat(entry["requestReceivedTimestamp"]),
        answered=datetime.fromisoformat(entry["stageTimestamp"]),
        code=entry.get("responseStatus", {}).get("code", 0) if answered else 0,
        sent=sent,
        got=got,
    )


@dataclass(frozen=True, slots=True)
class Version:
    """An object as it was stored.

    Attributes:
        number: its resourceVersion.
        object: the object.
        call: what it was answered to.
    """

    number: int
    object: Json
    call: Call


class Versions:
    """Every version of objects that a log shows.

    Args:
        calls: the log.
    """

    def __init__(self, calls: Iterable[Call]) -> None:
        self._versions: dict[str, dict[int, Version]] = defaultdict(dict)
        self._kinds: dict[str, set[str]] = defaultdict(set)
        for call in calls:
            kind = call.got.get("kind")
            if not call.succeeded or kind not in VERSIONED or _ends(call):
                continue
            number, uid = number_of(call.got), call.got["metadata"]["uid"]
            known = self._versions[uid].get(number)
            # One and the same version is written by one, and read or left as it is by others.
            if known is None or (call.effective and not known.call.effective):
                self._versions[uid][number] = Version(number, call.got, call)
            self._kinds[kind].add(uid)

    def uids(self, kind: str) -> list[str]:
        """Return the uids of all objects of a kind."""
        return sorted(self._kinds[kind])

    def of(self, uid: str) -> list[Version]:
        """Return the versions of an object, the oldest first."""
        return [self._versions[uid][number] for number in sorted(self._versions.get(uid, ()))]

    def before(self, uid: str, number: int) -> Version | None:
        """Return the latest version of an object that is older than something else."""
        older = [each for each in self._versions.get(uid, ()) if each < number]
        return self._versions[uid][max(older)] if older else None

    def changed_by(self, call: Call) -> Json | None:
        """Return what a write changed; None where the log does not show it."""
        uid = call.got.get("metadata", {}).get("uid", "")
        base = self._versions.get(uid, {}).get(call.base)
        if base is not None:
            return base.object
        earlier = self.before(uid, number_of(call.got))
        # Where others wrote in between, the API server would have refused it.
        return earlier.object if earlier is not None and not call.base else None


def _ends(call: Call) -> bool:
    """Return whether an object was not stored but taken away."""
    grace = call.got.get("metadata", {}).get("deletionGracePeriodSeconds")
    return call.verb == "delete" and not grace
