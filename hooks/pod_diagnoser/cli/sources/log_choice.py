"""Which log of a dump is that of a crash. Pure."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from pod_diagnoser.api.core_v1 import ContainerView
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.snapshot import Log, LogKey
from pod_diagnoser.cli.sources.tails import TailBudget
from pod_diagnoser.poddiagnosers.workload_names import workload_of

MAX_ALIKE: Final = 2
"""Of how many Pods of a workload the logs of a container are read: they say much the same."""

MAX_EARLY_BYTES: Final = 64 * 1024 * 1024
"""How much is kept of logs that come before their Pods, where nothing can be read again."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """Which log of a container is wanted.

    Attributes:
        previous: whether it is the one from before the last restart.
        current_is_same: whether the container has not been restarted yet, so that both are one.
            Source: ``validateContainerLogStatus`` in ``pkg/kubelet/kubelet_pods.go``.
    """

    previous: bool
    current_is_same: bool

    def rank(self, *, previous: bool) -> int:
        """Say how good a log is: 0 if it is of another run of the container."""
        if previous == self.previous:
            return 2
        return int(self.current_is_same and not previous)


class LogChooser:
    """Chooses from the logs of a dump those of crashes.

    Args:
        collector: what has the Pods, and is given the logs.
    """

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._budget = TailBudget()
        self._chosen: dict[LogKey, tuple[int, Log]] = {}
        self._alike: Counter[tuple[str, str, str]] = Counter()
        self._early: dict[tuple[LogKey, bool], str] = {}
        self._early_bytes = 0

    @property
    def left_out(self) -> int:
        """How many logs were left out for their size."""
        return self._budget.left_out

    def wants(self, key: LogKey, *, previous: bool) -> bool:
        """Say whether a log is that of a crash, better than what there is, and not one of many."""
        wish = self._wish(key)
        if wish is None or wish.rank(previous=previous) <= self._chosen.get(key, (0,))[0]:
            return False
        return key in self._chosen or self._alike[self._kind(key)] < MAX_ALIKE

    def wants_of_pod(self, namespace: str, pod: str) -> bool:
        """Say whether logs of a Pod may be wanted."""
        return self._collector.kept(namespace, pod) is not None

    def offer(self, key: LogKey, text: str, *, previous: bool) -> None:
        """Take a log if it is wanted."""
        wish = self._wish(key)
        if not text or wish is None or not self.wants(key, previous=previous):
            return
        fitted = self._budget.fit(text)
        if fitted:
            if key not in self._chosen:
                self._alike[self._kind(key)] += 1
            self._chosen[key] = (wish.rank(previous=previous), Log(fitted, wish.previous))

    def keep(self, key: LogKey, text: str, *, previous: bool) -> None:
        """Take a log that cannot be read again, whose Pod is perhaps still to come."""
        namespace, name, _ = key
        if self._collector.knows(namespace, name):
            self.offer(key, text, previous=previous)
            return
        if self._early_bytes + len(text) > MAX_EARLY_BYTES:
            self._budget.left_out += 1
            return
        self._early_bytes += len(text)
        self._early[key, previous] = text

    def give(self) -> None:
        """Give what was chosen to the collector, once all Pods are known."""
        for (key, previous), text in self._early.items():
            self.offer(key, text, previous=previous)
        self._early.clear()
        for (namespace, pod, container), (_, log) in self._chosen.items():
            self._collector.add_log(namespace, pod, container, log)

    def _kind(self, key: LogKey) -> tuple[str, str, str]:
        """Return what a log has in common with those of other Pods; nothing for one asked for."""
        namespace, name, container = key
        pod = self._collector.kept(namespace, name)
        if pod is None or self._collector.is_asked_for(pod):
            return namespace, f"pod/{name}", container
        return namespace, workload_of(pod).key, container

    def _wish(self, key: LogKey) -> _Wish | None:
        namespace, name, container = key
        pod = self._collector.kept(namespace, name)
        views = pod.containers() if pod is not None else ()
        return next((_wish_of(each) for each in views if each.status.name == container), None)


def _wish_of(container: ContainerView) -> _Wish | None:
    if container.terminated is not None:
        return _Wish(previous=False, current_is_same=False)
    if container.last_terminated is not None:
        return _Wish(previous=True, current_is_same=container.running is None)
    return None
