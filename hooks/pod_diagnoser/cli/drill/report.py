"""What a drill found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What came of a check."""

    PASSED = "Passed"
    FAILED = "Failed"
    NOT_CHECKED = "NotChecked"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        workload: of which workload; empty where it is the drill as a whole.
        name: what was looked at, in one or two words.
        state: what came of it.
        message: what was found, or why not, in words that are safe to show.
        next_step: what to do where it failed, or was not checked; may be empty.
    """

    workload: str
    name: str
    state: State
    message: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class DrillReport:
    """A drill that is over.

    Attributes:
        namespace: in which it was.
        image: what its containers were started from.
        began: when it began, in UTC.
        seconds: how long it took.
        kept: whether the namespace was left.
        checks: what was looked at, in order.
    """

    namespace: str
    image: str
    began: datetime
    seconds: float
    kept: bool
    checks: Sequence[Check]

    def count(self, state: State) -> int:
        """Return of how many checks that came."""
        return sum(each.state is state for each in self.checks)

    @property
    def failed(self) -> bool:
        """Whether anything did not work."""
        return self.count(State.FAILED) > 0
