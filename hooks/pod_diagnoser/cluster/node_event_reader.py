"""Reads the Events of nodes, at most once a node and minute.

Crashes come by the hundred from one node, just when something happens to it. What was read of a
node is used by all of them for a minute, and so is that nothing could be read.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from pod_diagnoser.cluster.event_list import events_about_node, parse_event_list
from pod_diagnoser.cluster.shared_reads import SharedReads
from pod_diagnoser.diagnosis.evidence import EventLookup, NodeEvents
from pod_diagnoser.diagnosis.node_events import is_telling

KEPT_SECONDS: Final = 60.0
"""How long what was read of a node is used."""

MAX_NODES: Final = 100
MAX_EVENTS_KEPT: Final = 50
"""Of how many nodes Events are held at a time, and how many of each, the latest. Forgetting a node
costs a call."""

ListEvents = Callable[[str, float], tuple[bytes, datetime] | EventLookup]
"""Reads the Events about a node: its name, and until when by the monotonic clock."""


class NodeEventReader:
    """Reads the Events of nodes.

    Safe to be shared by greenlets and by threads.

    Args:
        list_events: reads the Events of one.
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(self, list_events: ListEvents, monotonic: Callable[[], float]) -> None:
        self._list_events = list_events
        self._monotonic = monotonic
        self._nodes: SharedReads[str, NodeEvents] = SharedReads(MAX_NODES, monotonic)

    def read(self, name: str, until: float) -> NodeEvents | None:
        """Return the Events of a node, at most a minute old.

        Args:
            name: the node's name.
            until: until when it may take, by the monotonic clock.

        Returns:
            The Events; None where they could not be read.
        """
        with self._nodes.hold(name, until) as node:
            if node is None:
                return None
            now = self._monotonic()
            if now >= node.until:
                node.value, node.until = self._read(name, until), now + KEPT_SECONDS
            return node.value

    def _read(self, name: str, until: float) -> NodeEvents | None:
        answer = self._list_events(name, until)
        if isinstance(answer, EventLookup):
            return None
        content, at = answer
        found = parse_event_list(content)
        if found is None:
            return None
        telling = (each for each in events_about_node(name, found.items) if is_telling(each))
        latest = sorted(telling, key=lambda each: str(each.last), reverse=True)
        return NodeEvents(tuple(latest[:MAX_EVENTS_KEPT]), at)
