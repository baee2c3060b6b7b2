"""Faults: between the hook, Metacontroller and the API server, and of clocks.

Operations arm faults, which are injected later, at the n-th call, answer or write from then: each
of these can fail.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from dev.simulator.errors import ApiError
from dev.simulator.resources import Resource
from dev.simulator.writes import Call

CALLS = (
    "killed before the call",
    "killed after the call",
    "refused connection",
    "answer lost",
    "no answer and no effect",
    "effect after the time-out",
    "status 401",
    "status 403",
    "status 409",
    "status 429",
    "status 500",
    "status 503",
)
"""What can happen to a call of the hook."""

ANSWERS = (
    "killed before answering",
    "killed after answering",
    "answer lost on its way",
    "answer too late",
    "answered 429",
    "asked twice",
)
"""What can happen to an answer of the hook."""

WRITES = (
    "write lost before its effect",
    "write lost after its effect",
    "conflict",
    "status 500 before its effect",
    "status 500 after its effect",
    "forbidden",
)
"""What can happen to a write of Metacontroller."""

SKEWS = (-3600.0, -400.0, -90.0, 0.0, 90.0, 400.0, 3600.0)
"""Seconds by which a clock may be wrong."""


@dataclass(slots=True)
class _Armed:
    skip: int
    how: str


class Faults:
    """The faults of a run, as dev.simulator.client.Interference and Lateness.

    Attributes:
        injected: how often what was injected.
        outage: what happens to every call of the hook; "" for nothing.
        max_related: how many bytes the hook reads of what is related to a PodDiagnoser.
        away: paths on which the hook is not there.
        burdens: by namespace, seconds of CPU time that each of its requests takes.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self.injected: Counter[str] = Counter()
        self.outage: str = ""
        self.max_related: int | None = None
        self.away: tuple[str, ...] = ()
        self.burdens: dict[str, float] = {}
        self._time = time
        self._armed: dict[str, list[_Armed]] = {
            "call": [],
            "deletion": [],
            "answer": [],
            "write": [],
        }
        self._stalled: dict[Resource, float] = {}
        self._behind: dict[Resource, float] = {}
        self._past: dict[Resource, float] = {}
        self._versions: list[tuple[float, int]] = [(0.0, 0)]

    def arm(self, place: str, skip: int, how: str) -> None:
        """Have something fail at the n-th time from now."""
        self._armed[place].append(_Armed(skip, how))

    def inject(self, place: str) -> str:
        """Return what happens to this call, answer or write; "" for nothing."""
        if self.outage and place == "call":
            self.injected[self.outage] += 1
            return self.outage
        armed = self._armed[place]
        for fault in armed:
            if not fault.skip:
                armed.remove(fault)
                self.injected[fault.how] += 1
                return fault.how
            fault.skip -= 1
        return ""

    def end(self) -> None:
        """Disarm all faults."""
        for armed in self._armed.values():
            armed.clear()
        self._stalled.clear()
        self._past.clear()
        self.burdens.clear()
        self.outage, self.max_related, self.away = "", None, ()

    # Lateness

    def committed(self, version: int) -> None:
        """Record when a version was the latest."""
        self._versions.append((self._time(), version))

    def stall(self, resource: Resource, seconds: float) -> None:
        """Delay the watch events of a kind that Metacontroller gets."""
        self.injected["watch held up"] += 1
        self._stalled[resource] = self._time() + seconds
        self._behind[resource] = max(self._behind.get(resource, 0.0), self._stalled[resource])

    def behind(self, resource: Resource) -> bool:
        """Return whether a watch event of a kind is still delayed."""
        return self._time() <= self._behind.get(resource, -1.0)

    def show_past(self, resource: Resource, seconds: float) -> None:
        """Have Metacontroller's next list of a kind show what was there some time ago."""
        self._past[resource] = self._time() - seconds

    def watch(self, manager: str, resource: Resource) -> float:
        """See dev.simulator.client.Lateness."""
        if manager != "metacontroller":
            return 0.0
        return max(0.0, self._stalled.get(resource, 0.0) - self._time())

    def listed(self, manager: str, resource: Resource) -> int | None:
        """See dev.simulator.client.Lateness."""
        if manager != "metacontroller" or resource not in self._past:
            return None
        self.injected["list of the past"] += 1
        moment = self._past.pop(resource)
        place = bisect_right(self._versions, moment, key=lambda each: each[0])
        return self._versions[max(0, place - 1)][1]

    # Interference

    def before(self, call: Call) -> Exception | None:
        """See dev.simulator.client.Interference."""
        self._pending = ""
        if call.manager != "metacontroller" or call.verb in ("get", "list"):
            return None
        how = self.inject("write")
        if how == "write lost before its effect":
            return OSError("connection reset by peer")
        if how == "conflict":
            return ApiError.conflict(call.resource.group, call.resource.plural, call.key[1])
        if how == "status 500 before its effect":
            return ApiError(500, "InternalError", "etcdserver: request timed out")
        if how == "forbidden":
            return ApiError(403, "Forbidden", "forbidden")
        self._pending = how
        return None

    def after(self, _: Call) -> Exception | None:
        """See dev.simulator.client.Interference."""
        how, self._pending = self._pending, ""
        if how == "write lost after its effect":
            return OSError("connection reset by peer")
        if how == "status 500 after its effect":
            return ApiError(500, "InternalError", "etcdserver: request timed out")
        return None

    _pending: str = ""
