"""The checks of a drill, told in their order whatever the order in which they are decided."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pod_diagnoser.cli.drill.report import Check


@dataclass(slots=True)
class Ledger:
    """What is decided, told in order: a check waits for those before it.

    Attributes:
        tell: is told each check.
        told: what it was told.
        expected: workload and name of the checks that are to come.
        decided: what came of them, told or not.
    """

    tell: Callable[[Check], None]
    told: list[Check] = field(default_factory=list)
    expected: list[tuple[str, str]] = field(default_factory=list)
    decided: dict[tuple[str, str], Check] = field(default_factory=dict)

    def say(self, check: Check) -> None:
        """Tell a check at once."""
        self.told.append(check)
        self.tell(check)

    def expect(self, workload: str, *names: str) -> None:
        """Note which checks are to come."""
        self.expected += [(workload, name) for name in names]

    def decide(self, check: Check) -> None:
        """Note what came of a check, and tell what can be told now."""
        self.decided[check.workload, check.name] = check
        while self.expected and self.expected[0] in self.decided:
            self.say(self.decided[self.expected.pop(0)])

    def is_open(self, workload: str, name: str) -> bool:
        """Whether a check is expected and not decided."""
        key = (workload, name)
        return key in self.expected and key not in self.decided

    @property
    def open(self) -> list[tuple[str, str]]:
        """The checks that are not decided."""
        return [each for each in self.expected if each not in self.decided]
