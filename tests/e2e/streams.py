"""Plays what a watch of a Pod recorded again, step by step, as the kubelet of then did."""

import itertools
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dev.envtest import pods
from dev.envtest.client import EVENTS, PODS, ApiError, Json
from pod_diagnoser.api.time import parse_time
from tests.e2e.workspace import Workspace, eventually, shown_metadata
from tests.support import corpus
from tests.support.corpus import Step

MAX_GAP = 7.0
"""Seconds after which the next step comes at the latest, though it took longer then: more than it
takes until Events are read again."""

_NOTHING_MORE = 6.5
"""Seconds after which a crash is not looked at a second time."""

_NODE = "node1"
"""The recorded Node."""


@dataclass(slots=True)
class Take:
    """A stream that has been played.

    Attributes:
        uid: the Pod's.
        before: what it showed before it was deleted: our annotations.
        problem: why it never came to show what it should have; empty if it did.
    """

    uid: str
    before: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def causes(shown: dict[str, str]) -> list[str]:
    """Return the causes of the crashes that a Pod shows, in the order of its terminations.

    Args:
        shown: our annotations on it.

    Returns:
        The causes.
    """
    crashes = json.loads(shown.get("crashes", '{"history": []}'))["history"]
    crashes.sort(key=lambda crash: crash.get("restarts", 0))
    return [crash["cause"] for crash in crashes]


class Player:
    """Plays one stream.

    Args:
        shop: where; no one else plays the kubelet of this namespace.
        name: the stream's name.
    """

    def __init__(self, shop: Workspace, name: str) -> None:
        self._shop = shop
        self._admin = shop.cluster.admin
        self._steps = corpus.stream(name)
        self._events = corpus.event_items(f"kubelet-{name}") or []
        self._posted: dict[str, str] = {}
        self._name: str = self._steps[0].of["metadata"]["name"]
        self._recorded_uid: str = self._steps[0].of["metadata"]["uid"]
        self._shift = timedelta()

    def play(self, complete: Callable[[dict[str, str]], bool]) -> Take:
        """Play it from the Pod's creation to its end.

        Args:
            complete: whether the annotations show all that happened before the deletion.

        Returns:
            Its result.
        """
        first = self._steps[0]
        manifest = pods.as_recorded(first.of, self._name, first.of["metadata"].get("labels"))
        del manifest["spec"]["nodeName"]
        take = Take(self._admin.create(PODS, manifest, self._shop.namespace)["metadata"]["uid"])
        living = [step for step in self._steps if not step.deleted and step.kind != "DELETED"]
        self._follow(living, take.uid)
        try:
            self._await(complete)
        except AssertionError as problem:
            take.problem = str(problem)
        time.sleep(_NOTHING_MORE)
        take.before = shown_metadata(self._shop.pod(self._name))[0]
        self._end(self._steps[len(living) :], take.uid)
        return take

    def leave(self) -> str:
        """Leave the Pod as it was before its deletion, with the Events until then, at once.

        Returns:
            Its name.
        """
        last = [step for step in self._steps if not step.deleted and step.kind != "DELETED"][-1]
        manifest = pods.as_recorded(last.of, self._name, last.of["metadata"].get("labels"))
        manifest["spec"].pop("nodeName", None)
        uid = self._admin.create(PODS, manifest, self._shop.namespace)["metadata"]["uid"]
        self._shift = pods.now() - last.time
        self._post_events(last.time, uid)
        self._show(last, uid)
        return self._name

    def _await(self, complete: Callable[[dict[str, str]], bool]) -> None:
        eventually(lambda: shown_metadata(self._shop.pod(self._name))[0], complete, pause=0.2)

    def _follow(self, steps: Sequence[Step], uid: str) -> None:
        """Play the steps before the deletion, in their time as far as that is short."""
        offsets = [0.0]
        for before, after in itertools.pairwise(steps):
            gap = (after.time - before.time).total_seconds()
            offsets.append(offsets[-1] + min(gap, MAX_GAP))
        begin, now = time.monotonic(), pods.now()
        self._shift = now + timedelta(seconds=offsets[-1]) - steps[-1].time
        for step, offset in zip(steps, offsets, strict=True):
            time.sleep(max(0.0, begin + offset - time.monotonic()))
            self._post_events(step.time, uid)
            self._show(step, uid)

    def _end(self, steps: Sequence[Step], uid: str) -> None:
        """Play the deletion: what ends now is meant to."""
        grace = steps[0].of["metadata"].get("deletionGracePeriodSeconds", 0) if steps else 0
        self._delete(uid, grace)
        before = steps[0].time if steps else None
        for step in steps:
            if before is not None:
                time.sleep(min((step.time - before).total_seconds(), MAX_GAP))
            before = step.time
            self._post_events(step.time, uid)
            try:
                if step.kind != "DELETED":
                    self._show(step, uid)
            except ApiError as gone:  # a terminated Pod is removed at once
                if gone.code != 404:
                    raise
                return
        self._delete(uid, 0)

    def _delete(self, uid: str, grace: int) -> None:
        options = {"gracePeriodSeconds": grace, "preconditions": {"uid": uid}}
        self._admin.delete(PODS, self._name, self._shop.namespace, options)

    def _show(self, step: Step, uid: str) -> None:
        """Report a step's status, after binding the Pod where the scheduler had done so."""
        namespace, kubelet = self._shop.namespace, self._shop.cluster.kubelet
        stored = self._shop.pod(self._name)
        if "nodeName" in step.of["spec"] and "nodeName" not in stored["spec"]:
            kubelet.bind(namespace, self._name)
        if "conditions" in step.of["status"]:
            kubelet.report(namespace, self._name, self._moved(step.of["status"], uid))

    def _post_events(self, until: datetime, uid: str) -> None:
        """Post the Events that there were by then, before what they explain is reported.

        Of one that came again and again only the first and the last time are known.
        """
        for item in self._events:
            first, last = (parse_time(item[f"{which}Timestamp"]) for which in ("first", "last"))
            assert first is not None
            assert last is not None
            key = item["metadata"]["name"]
            moved = self._moved(item, uid)
            if key not in self._posted and first <= until:
                if last > until:
                    moved |= {"lastTimestamp": moved["firstTimestamp"], "count": 1}
                moved["metadata"] = {"name": key}
                self._admin.create(EVENTS, moved, self._shop.namespace)
                self._posted[key] = moved["lastTimestamp"]
            elif key in self._posted and last <= until:
                change = {part: moved[part] for part in ("lastTimestamp", "count")}
                if self._posted[key] != change["lastTimestamp"]:
                    self._admin.patch(EVENTS, key, change, self._shop.namespace)
                    self._posted[key] = change["lastTimestamp"]

    def _moved(self, value: Json, uid: str) -> Json:
        """Return a part of a step or an Event, as if it were of this Pod, here and now."""
        text = localized(json.dumps(value), self._shop.namespace).replace(self._recorded_uid, uid)
        return pods.moved(json.loads(text), self._shift)


def localized(text: str, namespace: str) -> str:
    """Return a recorded text, as if it had been written here.

    Args:
        text: the text.
        namespace: where the Pod is now.

    Returns:
        It, with the namespace and the Node of here.
    """
    return re.sub(rf"\b{_NODE}\b", pods.NODE, re.sub(r"\bcorpus\b", namespace, text))
