"""Search for the schedules with which the simulator repeats the recorded traffic.

    python -m tests.simulation.find_schedules

Needed after a change in what the simulator draws at random, or when; a step whose schedule still
holds keeps it. Each step is played again and again, with draws that differ a little from those that
came nearest so far; each try in a process that was forked at the step's beginning. A step takes
seconds to many minutes.
"""

import json
import os
import random
import sys
from collections.abc import Sequence

from tests.simulation.recorded import Exchange, comparable, differences, load_exchanges
from tests.simulation.replay import SCHEDULES, STEPS, Replay

FOUND = 1_000_000.0
STALE = 4_000
"""Tries without progress, after which a step begins anew."""


class WrongTurn(Exception):  # noqa: N818 (not an error: a try that ends)
    """The next request is not the recorded one.

    Attributes:
        score: how far it came: the requests that were right, less a little for how wrong the next.
    """

    def __init__(self, score: float) -> None:
        super().__init__()
        self.score = score


class Step:
    """One step, and the tries at it."""

    def __init__(self, replay: Replay, name: str, expected: list[Exchange]) -> None:
        self._replay = replay
        self._name = name
        self._expected = comparable(expected)
        self._prefixes = [comparable(expected[: count + 1])[-1] for count in range(len(expected))]

    def attempt(self, tape: Sequence[float], seed: float) -> tuple[float, list[float]]:
        """Try a tape, in a process of its own.

        Returns:
            The score, FOUND for the recorded traffic, and the draws that were used.
        """
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as stream:
                json.dump(self._play(tape, seed), stream)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as stream:
            score, used = json.load(stream)
        os.waitpid(child, 0)
        return score, used

    def _play(self, tape: Sequence[float], seed: float) -> tuple[float, list[float]]:
        self._replay.on_request = self._compare  # in this process only
        try:
            self._replay.play(self._name, tape, seed)
        except WrongTurn as turn:
            score = turn.score
        else:
            complete = self._replay.sent() == self._expected
            score = FOUND if complete else len(self._replay.exchanges) - 0.5
        return score, self._replay.tape.used

    def _compare(self) -> None:
        count = len(self._replay.exchanges)
        if count > len(self._prefixes):
            raise WrongTurn(count - 1.5)
        wrong = differences(self._prefixes[count - 1], self._replay.sent()[-1])
        if wrong:
            raise WrongTurn(count - 1 - min(len(wrong), 10_000) / 100_000)


def search(step: Step, rng: random.Random) -> list[float]:
    """Search the tape of a step, by small changes near the end of the best one so far."""
    score, best = _begin(step, rng)
    stale = 0
    while score < FOUND:
        tape = list(best)
        for _ in range(rng.choice([1, 1, 2, 3, 5])):
            place = len(tape) - 1 - int(rng.expovariate(1 / 20))
            tape[max(0, place)] = round(rng.random(), 3)
        if rng.random() < 0.3:
            tape = tape[: max(1, len(tape) - int(rng.expovariate(1 / 15)))]
        reached, used = step.attempt(tape, rng.random())
        stale = 0 if reached > score else stale + 1
        if reached >= score:
            score, best = reached, used
        if stale > STALE:
            stale = 0
            score, best = _begin(step, rng)
    return best


def _begin(step: Step, rng: random.Random) -> tuple[float, list[float]]:
    return max((step.attempt((), rng.random()) for _ in range(50)), key=lambda found: found[0])


def main() -> int:
    """Search every step and write the schedules."""
    recorded = load_exchanges()
    replay = Replay(recorded)
    rng = random.Random(1)  # noqa: S311 (a search, no secret)
    before = json.loads(SCHEDULES.read_text(encoding="utf-8")) if SCHEDULES.exists() else {}
    schedules: dict[str, list[float]] = {}
    for name in STEPS:
        expected = [one for one in recorded if one.step in {*schedules, name}]
        step = Step(replay, name, expected)
        score, tape = step.attempt(before.get(name, ()), 0)
        schedules[name] = tape if score == FOUND else search(step, rng)
        replay.play(name, schedules[name])
        sys.stdout.write(f"{name}: {len(schedules[name])} draws\n")
        sys.stdout.flush()
        SCHEDULES.write_text(json.dumps(schedules) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
