"""The few statistics of the benchmarks."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import add, truediv


@dataclass(frozen=True, slots=True)
class Spread:
    """What several measurements of one figure gave.

    Attributes:
        values: one of each round, in order.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest value."""
        return max(self.values)

    def over(self, other: "Spread") -> "Spread":
        """Return the ratio of two figures, round by round: what hit both in a round drops out.

        Args:
            other: measured in the same rounds.

        Raises:
            ValueError: they do not have the same number of rounds.
        """
        return self._round_by_round(truediv, other)

    def plus(self, other: "Spread") -> "Spread":
        """Return the sum of two figures, round by round.

        Args:
            other: measured in the same rounds.

        Raises:
            ValueError: they do not have the same number of rounds.
        """
        return self._round_by_round(add, other)

    def _round_by_round(
        self, combine: Callable[[float, float], float], other: "Spread"
    ) -> "Spread":
        pairs = zip(self.values, other.values, strict=True)
        return Spread(tuple(combine(mine, its) for mine, its in pairs))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that is not below so many per cent of all (the nearest rank).

    Args:
        values: at least one.
        percent: above 0, up to 100.

    Raises:
        ValueError: there is no value, or no such per cent.
    """
    if not values or not 0 < percent <= 100:
        message = "a percentile needs values and a per cent above 0, up to 100"
        raise ValueError(message)
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
