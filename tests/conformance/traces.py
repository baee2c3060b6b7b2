"""What Metacontroller did, in a form in which two runs can be compared.

What is left out or made alike, and why:

- uids, and names of Events, which are drawn: each becomes the name of the object it stands for.
- resourceVersions, one count for a whole API server: each becomes its rank among those that were
  seen of its object.
- times of this run. Those that a scenario names, of 2020, are compared.
- managedFields: of other objects than Pods it is compared whether Metacontroller is among the
  managers, and with which subresource: that decides whether its second write after a status is a
  change. The simulator does not know which fields are whose, so it does not see when a manager
  owns none of them afterwards.
- the hook's address, pointers in messages of Go, and which of three ways Go takes to say that time
  was up.
- what is written is compared as the API server has read it, since that is what it logs: without
  empty labels and annotations, and what the schema does not know.

How often the customize hook is called for the same version of an object is not determined, as
long as it has not answered: a worker asks, and so does the handler of each related event. So a
request counts once that follows one like it.

What is not determined, too: the order in which different objects are dealt with. Each object has a
stream of its own, of its syncs, of the writes to it and those to its attachments; its customize
requests are another, since they come from the handlers of related objects too, and so are the
writes of Events, which has a queue of its own.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.conformance.script import CLUSTER_DIAGNOSER, Json, subject

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_EVENT_NAME = re.compile(r"^(.+)\.[0-9a-f]{16}$")
_POINTER = re.compile(r"\(0x[0-9a-f]+\)")
_ADDRESS = re.compile(r"(127\.0\.0\.1:\d+|hook\.test)")
_TIMED_OUT = re.compile(
    r"(net/http: request canceled|context deadline exceeded)"
    r"( \(Client\.Timeout exceeded while awaiting headers\))?"
)


@dataclass(frozen=True)
class HookCall:
    """A request to the hook.

    Attributes:
        time: seconds, when it had arrived.
        step: number of the scenario's step.
        endpoint: such as pods/sync.
        request: its body.
        answered: HTTP status of the answer; 0 is none.
        after: seconds that the answer asks to wait (Retry-After).
    """

    time: float
    step: int
    endpoint: str
    request: Json
    answered: int
    after: float = 0.0


@dataclass(frozen=True)
class Written:
    """A write that was sent to the API server, and its answer.

    Attributes:
        time: seconds, when it had arrived.
        step: number of the scenario's step.
        verb: create, update, patch or delete.
        resource: plural name, with a subresource: pods/status.
        name: of the object.
        body: what was sent.
        code: HTTP status of the answer.
        answer: the object as stored, or a Status.
    """

    time: float
    step: int
    verb: str
    resource: str
    name: str
    body: Json
    code: int
    answer: Json


Entry = HookCall | Written
Comparable = list[dict[str, list[Json]]]
"""For each step, and each stream in it, what was requested and written, in order."""


def comparable(entries: Iterable[Entry], steps: int, *, endless: bool = False) -> Comparable:
    """Make the record of a run comparable with that of another.

    Args:
        entries: all of a scenario so far, in order.
        steps: how many steps there have been.
        endless: whether the same thing is done again and again, which then counts once.
    """
    entries = list(entries)
    names = _Names()
    for entry in entries:
        for value in _values(entry):
            names.learn(value)
    found: list[defaultdict[str, list[Json]]] = [defaultdict(list) for _ in range(steps)]
    streams = _Streams()
    for entry in entries:
        found[entry.step][streams.of(entry)].append(_neutral_entry(entry, names))
    for step in found:
        for name, stream in step.items():
            if endless or name.startswith("customize "):
                step[name] = _distinct(stream)
    return [dict(sorted(step.items())) for step in found]


def _distinct(stream: list[Json]) -> list[Json]:
    """Take from a stream what only repeats, and the counts that report it."""
    distinct: list[Json] = []
    for entry in stream:
        plain = entry
        if entry.get("written", "").startswith("patch events "):
            plain = {**entry, "body": {**entry["body"], "count": "a count"}}
            plain.pop("stored", None)
        if not distinct or distinct[-1] != plain:
            distinct.append(plain)
    return distinct


def waits(entries: Iterable[Entry]) -> list[tuple[float, float]]:
    """Return how long Metacontroller was to wait, and how long it did, each time."""
    last: dict[tuple[str, str], HookCall] = {}
    found = []
    for entry in entries:
        if isinstance(entry, HookCall) and "object" in entry.request:
            key = (entry.endpoint, entry.request["object"]["metadata"]["name"])
            before = last.get(key)
            if before is not None and before.after:
                found.append((before.after, entry.time - before.time))
            last[key] = entry
    return found


def _values(entry: Entry) -> tuple[Any, ...]:
    if isinstance(entry, HookCall):
        return ({**entry.request, "controller": None},)
    return (entry.body, entry.answer)


class _Streams:
    """Says which stream an entry belongs to."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], str] = {}

    def of(self, entry: Entry) -> str:
        if isinstance(entry, HookCall):
            obj = subject(entry.request)
            stream = f"{obj['kind']} {obj['metadata']['name']}"
            if obj["kind"] == CLUSTER_DIAGNOSER.name:  # two controllers have it as their parent
                stream = f"{stream} {entry.endpoint.partition('/')[0]}"
            return f"customize {stream}" if "parent" in entry.request else stream
        plural = entry.resource.partition("/")[0]
        key = (plural, entry.name)
        if plural == "events":
            about = entry.body.get("involvedObject")
            if about is not None:
                self._owners[key] = f"events of {about['kind']} {about['name']}"
        else:
            for owner in entry.body.get("metadata", {}).get("ownerReferences", ()):
                if plural == "diagnosistargets" and owner.get("controller"):
                    about = f"{owner['kind']} {owner['name']}"
                    published = owner["kind"] == CLUSTER_DIAGNOSER.name
                    self._owners[key] = f"{about} targets" if published else about
        if plural == CLUSTER_DIAGNOSER.plural:
            return f"{CLUSTER_DIAGNOSER.name} {entry.name} clusters"
        kind = {"pods": "Pod", "poddiagnosers": "PodDiagnoser"}.get(plural, plural)
        return self._owners.get(key, f"{kind} {entry.name}")


class _Names:
    """What uids and resourceVersions stand for."""

    def __init__(self) -> None:
        self.uids: dict[str, str] = {}
        self._versions: defaultdict[str, set[int]] = defaultdict(set)

    def learn(self, value: Any, kind: str = "") -> None:
        if isinstance(value, dict):
            uid, version = value.get("uid"), value.get("resourceVersion")
            if uid and uid not in self.uids and "name" in value and kind:
                name = f"{kind} {_plain(value['name'])}"
                number = sum(known.startswith(f"{name} ") for known in self.uids.values())
                self.uids[uid] = f"{name} {number}"
            if uid and version:
                self._versions[uid].add(int(version))
            for key, item in value.items():
                self.learn(item, str(value.get("kind") or "") if key == "metadata" else "")
        elif isinstance(value, list):
            for item in value:
                self.learn(item)

    def rank(self, uid: str, version: str) -> int:
        return sorted(self._versions[uid]).index(int(version))


def _plain(name: str) -> str:
    """Take from a name what was drawn."""
    found = _EVENT_NAME.match(name)
    return f"{found[1]}.*" if found else name


def _neutral_entry(entry: Entry, names: _Names) -> Json:
    if isinstance(entry, HookCall):
        request = {name: item for name, item in entry.request.items() if name != "controller"}
        return {
            "asked": entry.endpoint,
            "controller": _controller(entry.request["controller"]),
            "request": _neutral(request, names),
            "answered": entry.answered,
        }
    written = {
        "written": f"{entry.verb} {entry.resource} {_plain(entry.name)}",
        "body": _neutral(_sent(entry), names),
        "code": entry.code,
    }
    if entry.answer.get("kind") == "Status":
        if entry.answer.get("status") != "Success":
            written["message"] = _neutral(entry.answer["message"], names)
    else:
        neutral = _neutral(entry.answer, names)
        written["stored"] = {
            "resourceVersion": neutral["metadata"].get("resourceVersion"),
            "generation": neutral["metadata"].get("generation"),
            "status": neutral.get("status"),
        }
    return written


def _sent(entry: Written) -> Json:
    if entry.verb != "delete":
        return entry.body
    # Kind and version of the options are logged as the API server has them inside.
    return {key: item for key, item in entry.body.items() if key not in {"apiVersion", "kind"}}


def _controller(controller: Json) -> Json:
    names = _Names()
    names.learn(controller)
    neutral: Json = _neutral(controller, names)
    neutral.pop("managers", None)
    return neutral


def _neutral(value: Any, names: _Names) -> Any:
    if isinstance(value, dict):
        neutral: Json = {}
        for key, item in value.items():
            if key == "managedFields":
                continue
            if key == "resourceVersion" and value.get("uid"):
                neutral[key] = names.rank(value["uid"], item)
            elif key == "name" and isinstance(item, str):
                neutral[key] = _plain(item)
            else:
                neutral[key] = _neutral(item, names)
        managed = (value.get("metadata") or {}).get("managedFields")
        if managed and value.get("kind") != "Pod":
            neutral["managers"] = sorted(
                [entry["manager"], entry.get("subresource", "")]
                for entry in managed
                if entry["manager"] == "metacontroller"
            )
        return neutral
    if isinstance(value, list):
        return [_neutral(item, names) for item in value]
    return _neutral_text(value, names) if isinstance(value, str) else value


def _neutral_text(text: str, names: _Names) -> str:
    if _TIME.fullmatch(text) and not text.startswith("2020"):
        return "a time"
    for uid, name in names.uids.items():
        if uid in text:
            text = text.replace(uid, name)
    text = _POINTER.sub("(a pointer)", _ADDRESS.sub("hook.test", text))
    return _TIMED_OUT.sub("time was up", text)
