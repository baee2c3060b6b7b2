"""Taking away the namespaces of drills: this one's, and what others left."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from pod_diagnoser.cli.drill.clock import Clock
from pod_diagnoser.cli.drill.cluster import DrillCluster
from pod_diagnoser.cli.drill.report import Check, State
from pod_diagnoser.cli.drill.signals import signals_ignored
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.sources.kubectl import KubectlError

_NAME: Final = "taken away"
_LOOK_EVERY: Final = 1.0
_GONE_SECONDS: Final = 120.0


class TakingAway:
    """Takes away namespaces of drills, and says what came of it.

    Args:
        cluster: where.
        tell: is told each check.
        step: is told what is waited for.
        clock: how time passes.
    """

    def __init__(
        self,
        cluster: DrillCluster,
        tell: Callable[[Check], None],
        step: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self._cluster, self._tell, self._step = cluster, tell, step
        self._clock = clock or Clock()

    def take_away(self, name: str) -> None:
        """Take away a namespace, if it is a drill's.

        The request itself is not interrupted by Ctrl-C; waiting for its end is.
        """
        by_hand = f"kubectl delete namespace {name}"
        try:
            with signals_ignored():
                drill = self._cluster.drill(name)
                if drill is None:
                    return
                self._cluster.delete(drill)
            self._cluster.empty(drill)
            begun = self._clock.now()
            while (now := self._cluster.drill(name)) is not None and now.uid == drill.uid:
                waited = self._clock.now() - begun
                if waited > _GONE_SECONDS:
                    self._say(State.FAILED, f"namespace {name} is still being deleted", by_hand)
                    return
                self._step(f"taking away namespace {name} ({waited:.0f} s)")
                self._clock.sleep(_LOOK_EVERY)
        except (KubectlError, CommandError) as error:
            self._say(State.FAILED, f"namespace {name} is left: {error}", by_hand)
        except KeyboardInterrupt:
            self._say(State.NOT_CHECKED, f"namespace {name} is being deleted")
            raise
        else:
            self._say(State.PASSED, f"namespace {name} is gone")

    def take_away_left_overs(self, *, all_of_them: bool = False) -> int:
        """Take away what drills left that did not come to their end; return how many there were.

        Args:
            all_of_them: also those that were kept, or that are at work.
        """
        try:
            drills = self._cluster.drills()
        except KubectlError as error:
            self._say(State.NOT_CHECKED, f"what an earlier drill may have left: {error}")
            return 0
        now = datetime.now(UTC)
        found = [each for each in drills if all_of_them or each.is_left_over(now)]
        for each in found:
            self.take_away(each.name)
        return len(found)

    def _say(self, state: State, message: str, next_step: str = "") -> None:
        self._tell(Check("", _NAME, state, message, next_step))
