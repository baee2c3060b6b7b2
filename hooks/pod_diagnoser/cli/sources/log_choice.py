"""Which log of a dump is that of a crash. Pure."""

from dataclasses import dataclass
from typing import Final

from pod_diagnoser.api.core_v1 import ContainerView
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.snapshot import Log, LogKey
from pod_diagnoser.cli.sources.tails import TailBudget

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
        self._early: dict[tuple[LogKey, bool], str] = {}
        self._early_bytes = 0

    @property
    def left_out(self) -> int:
        """How many logs were left out for their size."""
        return self._budget.left_out

    def wants(self, key: LogKey, *, previous: bool) -> bool:
        """Say whether a log is that of a crash, and better than what there is."""
        return self._rank(key, previous=previous) > self._chosen.get(key, (0,))[0]

    def wants_of_pod(self, namespace: str, pod: str) -> bool:
        """Say whether logs of a Pod may be wanted."""
        return self._collector.kept(namespace, pod) is not None

    def offer(self, key: LogKey, text: str, *, previous: bool) -> None:
        """Take a log if it is wanted."""
        rank = self._rank(key, previous=previous)
        if text and rank > self._chosen.get(key, (0,))[0]:
            fitted = self._budget.fit(text)
            wish = self._wish(key)
            if fitted and wish is not None:
                self._chosen[key] = (rank, Log(fitted, wish.previous))

    def keep(self, key: LogKey, text: str, *, previous: bool) -> None:
        """Take a log that cannot be read again, whose Pod is perhaps still to come."""
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

    def _rank(self, key: LogKey, *, previous: bool) -> int:
        wish = self._wish(key)
        return 0 if wish is None else wish.rank(previous=previous)

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
