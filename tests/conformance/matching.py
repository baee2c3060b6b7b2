"""Whether what one Metacontroller did is something that the simulator's may do.

Where things happen at once, several courses are right: a sync may begin before or after the watch
reports a write. The simulator takes each of them with some seed. A recorded trace is matched if
there is a seed for each step with which the simulator does just the same, request by request and
write by write.
"""

from collections.abc import Iterable, Iterator, Sequence

from tests.conformance.script import Json, Scenario
from tests.conformance.simulated import simulate
from tests.conformance.traces import Comparable, Entry, comparable
from tests.dev.simulator.recorded import differences

SEEDS = 300
"""How many courses of a step are tried; nearly all are found with the first ten."""


class Matcher:
    """Compares a course of a scenario with those of the simulator.

    Args:
        scenario: which.
        crds: the kinds beside Pods.
        seeds: how many courses of a step are tried.
    """

    def __init__(self, scenario: Scenario, crds: Sequence[Json], seeds: int = SEEDS) -> None:
        self._scenario, self._crds, self._seeds = scenario, crds, seeds
        self._courses: dict[tuple[int, ...], list[tuple[int, Comparable]]] = {}
        self._tried: dict[tuple[int, ...], int] = {}

    def course(self, entries: Iterable[Entry], steps: int) -> Comparable:
        """Make a record comparable.

        Args:
            entries: what Metacontroller did.
            steps: in how many steps.
        """
        return comparable(entries, steps, endless=self._scenario.endless)

    def find(self, course: Comparable) -> list[int] | None:
        """Find the seeds with which the simulator does the same.

        Args:
            course: the first steps of the scenario, or all.

        Returns:
            A seed for each step, or None.
        """
        seeds: list[int] = []
        for _ in course:
            seed = self._next(course, seeds)
            if seed is None:
                return None
            seeds.append(seed)
        return seeds

    def explain(self, course: Comparable) -> list[str]:
        """Say what differs from the closest course of the simulator.

        Args:
            course: all steps of the scenario.

        Returns:
            The differences in the first step that is not matched; nothing if all are.
        """
        seeds: list[int] = []
        for number in range(len(course)):
            seed = self._next(course, seeds)
            if seed is not None:
                seeds.append(seed)
                continue
            sofar = course[: number + 1]
            found = [differences(sofar, other) for _, other in self._distinct(tuple(seeds))]
            return [f"step {number}, recorded != simulated", *min(found, key=len)]
        return []

    def _next(self, course: Comparable, seeds: list[int]) -> int | None:
        sofar = course[: len(seeds) + 1]
        for seed, other in self._distinct(tuple(seeds)):
            if other == sofar:
                return seed
        return None

    def _distinct(self, seeds: tuple[int, ...]) -> Iterator[tuple[int, Comparable]]:
        """Go through the courses that the next step may take, each with its first seed."""
        known = self._courses.setdefault(seeds, [])
        yield from tuple(known)
        for seed in range(self._tried.get(seeds, 0), self._seeds):
            self._tried[seeds] = seed + 1
            entries = simulate(self._scenario, self._crds, (*seeds, seed))
            course = self.course(entries, len(seeds) + 1)
            if all(course != other for _, other in known):
                known.append((seed, course))
                yield seed, course
