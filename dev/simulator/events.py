"""Recording Events as client-go does (tools/record): similar ones combined, repeated ones counted.

A repeated Event is one object whose count rises; more than 25 of one source about one object pass
at the rate of one in five minutes; ten that differ in the message alone become one "(combined from
similar events)".
"""

from dataclasses import dataclass, field

from dev.simulator.client import Client
from dev.simulator.errors import ApiError
from dev.simulator.objects import Object, name_of, namespace_of, timestamp, uid_of, version_of
from dev.simulator.resources import EVENT, Key
from dev.simulator.scheduling import Channel, Clock, Task
from dev.simulator.timing import TokenBucket

SPAM_BURST, SPAM_PER_SECOND = 25, 1 / 300
COMBINE_FROM, COMBINE_WITHIN = 10, 600.0
"""Distinct messages, and seconds since the last of them."""


@dataclass
class _Similar:
    """Events that differ in their message alone."""

    messages: set[str] = field(default_factory=set)
    last: float = float("-inf")


@dataclass
class _Seen:
    """An Event that was recorded before."""

    key: Key
    count: int


class EventRecorder:
    """Writes core/v1 Events about objects, in the background and in order."""

    def __init__(self, client: Client, clock: Clock, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._source = {"component": component, **({"host": host} if host else {})}
        self._queue: Channel[Object] = Channel(client.scheduler)
        self._similar: dict[tuple[str, ...], _Similar] = {}
        self._seen: dict[tuple[str, ...], _Seen] = {}
        self._spam: dict[tuple[str, ...], TokenBucket] = {}
        self._named = 0
        self._task: Task[None] = client.scheduler.spawn(self._write_all())

    def stop(self) -> None:
        """Drop what is not written yet, as the end of the process does."""
        self._task.cancel()

    def record(
        self, obj: Object, kind: str, reason: str, message: str, field_path: str = ""
    ) -> None:
        """Record an Event.

        Args:
            obj: what it is about.
            kind: "Normal" or "Warning".
            reason: CamelCase.
            message: for people.
            field_path: which part of the object, such as spec.containers{app}.
        """
        now = self._clock.now()
        # Nanoseconds; no two are recorded in the same one, which simulated time would allow.
        self._named = max(self._named + 1, int(now.timestamp() * 1e9))
        involved = {
            "kind": obj["kind"],
            "namespace": namespace_of(obj),
            "name": name_of(obj),
            "uid": uid_of(obj),
            "apiVersion": obj["apiVersion"],
            "resourceVersion": version_of(obj),
        }
        if field_path:
            involved["fieldPath"] = field_path
        self._queue.put(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": f"{name_of(obj)}.{self._named:x}",
                    "namespace": namespace_of(obj) or "default",
                },
                "involvedObject": {key: value for key, value in involved.items() if value},
                "reason": reason,
                "message": message,
                "source": self._source,
                "firstTimestamp": timestamp(now),
                "lastTimestamp": timestamp(now),
                "count": 1,
                "type": kind,
                "eventTime": None,
                "reportingComponent": self._source["component"],
                "reportingInstance": self._source.get("host", ""),
            }
        )

    async def _write_all(self) -> None:
        while True:
            event = await self._queue.get()
            correlated = self._correlate(event)
            if correlated is not None:
                await self._write(*correlated)

    def _correlate(self, event: Object) -> tuple[Object, _Seen] | None:
        """Follow EventCorrelator.EventCorrelate; None where the Event is dropped as spam."""
        involved = event["involvedObject"]
        about = tuple(
            involved.get(name, "") for name in ("kind", "namespace", "name", "uid", "apiVersion")
        )
        group = (*about, event["type"], event["reason"])
        full = (*group, involved.get("fieldPath", ""), event["message"])
        now = self._client.scheduler.time()
        similar = self._similar.get(group)
        if similar is None or now - similar.last > COMBINE_WITHIN:
            similar = self._similar[group] = _Similar()
        similar.messages.add(event["message"])
        similar.last = now
        identity = full
        if len(similar.messages) >= COMBINE_FROM:
            similar.messages.pop()
            event["message"] = f"(combined from similar events): {event['message']}"
            event["reportingComponent"] = ""  # such an Event is created again, without it
            identity = group
        seen = self._seen.get(identity)
        if seen is None:
            key = (event["metadata"]["namespace"], event["metadata"]["name"])
            seen = self._seen[identity] = _Seen(key, 0)
        seen.count += 1
        spam = (*about, event["type"])
        if spam not in self._spam:
            self._spam[spam] = TokenBucket(self._client.scheduler, SPAM_PER_SECOND, SPAM_BURST)
        return (event, seen) if self._spam[spam].try_accept() else None

    async def _write(self, event: Object, seen: _Seen) -> None:
        count = seen.count
        try:
            if count > 1:
                patch = {
                    "count": count,
                    "lastTimestamp": event["lastTimestamp"],
                    "message": event["message"],
                }
                try:
                    await self._client.patch(EVENT, seen.key, patch)
                except ApiError as error:
                    if not error.is_not_found:
                        raise
                else:
                    return
            event["metadata"]["name"] = seen.key[1]
            event["count"] = count
            await self._client.create(EVENT, event)
        except (ApiError, OSError):
            # A lost Event must not fail its caller. (The real recorder retries a lost connection.)
            return
