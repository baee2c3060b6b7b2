"""Containers and probes with scripted behaviour."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dev.simulator.kubelet.runtime import Exit, ImageError, Process, StartError
from dev.simulator.objects import Object
from dev.simulator.scheduling import Scheduler

SIGTERM, SIGKILL = 15, 9


@dataclass(frozen=True)
class Run:
    """One run of a container.

    Attributes:
        seconds: until it ends by itself; None is never.
        end: how it ends by itself.
        on_term: how it ends on SIGTERM; None ignores it.
        term_seconds: from SIGTERM to that end.
        fails: message of the runtime that cannot start it, "" where it can.
        registry: the registry's error about its image, "" where the image exists.
        hook: exit code and output of its postStart hook.
    """

    seconds: float | None = None
    end: Exit = field(default_factory=lambda: Exit(0))
    on_term: Exit | None = field(default_factory=lambda: Exit(0))
    term_seconds: float = 0.1
    fails: str = ""
    registry: str = ""
    hook: tuple[int, str] = (0, "")


class ScriptedRuntime:
    """Starts scripted runs, in order; the last one is repeated.

    Attributes:
        starts: how many runs were started.
        processes: the running ones, by Pod name.
    """

    def __init__(self, scheduler: Scheduler, runs: Sequence[Run] = (Run(),)) -> None:
        self.starts = 0
        self.processes: dict[str, ScriptedProcess] = {}
        self._scheduler = scheduler
        self._runs = runs

    def start(self, pod: Object, container: Object, exited: Callable[[Exit], None]) -> Process:
        """See dev.simulator.kubelet.runtime.Runtime."""
        run = self._runs[min(self.starts, len(self._runs) - 1)]
        self.starts += 1
        if run.registry:
            raise ImageError.absent(container, run.registry)
        if run.fails:
            raise StartError(run.fails)
        process = ScriptedProcess(self._scheduler, run, exited)
        self.processes[pod["metadata"]["name"]] = process
        return process

    def execute(
        self,
        _pod: Object,
        _container: Object,
        _command: Sequence[str],
        done: Callable[[int, str], None],
    ) -> None:
        """See dev.simulator.kubelet.runtime.Runtime."""
        hook = self._runs[min(self.starts - 1, len(self._runs) - 1)].hook
        self._scheduler.call_later(0.1, lambda: done(*hook))


class ScriptedProcess:
    """A process that ends as scripted, or on request."""

    def __init__(self, scheduler: Scheduler, run: Run, exited: Callable[[Exit], None]) -> None:
        self._scheduler = scheduler
        self._run = run
        self._exited = exited
        self._alive = True
        self._callbacks: list[Callable[[Exit], None]] = []
        if run.seconds is not None:
            scheduler.call_later(run.seconds, lambda: self.end(run.end))

    def end(self, how: Exit) -> None:
        """End now."""
        if self._alive:
            self._alive = False
            self._exited(how)
            for callback in self._callbacks:
                callback(how)

    def on_end(self, callback: Callable[[Exit], None]) -> None:
        """Add a function that is called with the end, beside the kubelet's."""
        self._callbacks.append(callback)

    def signal(self, number: int) -> None:
        """Take a signal."""
        if number == SIGKILL:
            self.end(Exit(-SIGKILL))
        elif number == SIGTERM and (end := self._run.on_term) is not None:
            self._scheduler.call_later(self._run.term_seconds, lambda: self.end(end))


class ScriptedProber:
    """Answers probes with a function's result, after a delay."""

    def __init__(
        self, scheduler: Scheduler, healthy: Callable[[str], bool], seconds: float = 0.3
    ) -> None:
        self._scheduler = scheduler
        self._healthy = healthy
        self._seconds = seconds

    def ask(
        self, _pod: Object, _container: Object, probe: Object, done: Callable[[str | None], None]
    ) -> None:
        """See dev.simulator.kubelet.runtime.Prober."""
        healthy = self._healthy(probe.get("httpGet", {}).get("path", ""))
        failure = None if healthy else "HTTP probe failed with statuscode: 500"
        self._scheduler.call_later(self._seconds, lambda: done(failure))
