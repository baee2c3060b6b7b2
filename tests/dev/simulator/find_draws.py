"""Search for the draws with which the simulator repeats the recorded traffic.

    python -m tests.dev.simulator.find_draws

Needed after a change in what the simulator draws at random, or when; a step whose draws still hold
keeps them. Each step is played again and again, with draws that differ a little from those that
came nearest so far; each try in a process that was forked at the step's beginning. A step takes
seconds to many minutes.
"""

import json
import os
import random
import sys

from tests.dev.simulator.recorded import Exchange, comparable, differences, load_exchanges
from tests.dev.simulator.replay import DRAWS, STEPS, Draws, Replay

FOUND = 1_000_000.0
STALE = 4_000
"""Tries without progress, after which a step starts over."""


class WrongTurnError(Exception):
    """The next request is not the recorded one.

    Attributes:
        score: how far it came: the requests that were right, less a little for how wrong the next.
    """

    def __init__(self, score: float) -> None:
        super().__init__()
        self.score = score


class Step:
    """One step, and the attempts at it."""

    def __init__(self, replay: Replay, name: str, expected: list[Exchange]) -> None:
        self._replay = replay
        self._name = name
        self._expected = comparable(expected)
        self._prefixes = [comparable(expected[: count + 1])[-1] for count in range(len(expected))]

    def attempt(self, draws: Draws, seed: float) -> tuple[float, Draws]:
        """Try draws, in a process of its own.

        Returns:
            The score, FOUND for the recorded traffic, and the draws that were used.
        """
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as stream:
                json.dump(self._play(draws, seed), stream)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as stream:
            score, used = json.load(stream)
        os.waitpid(child, 0)
        return score, used

    def _play(self, draws: Draws, seed: float) -> tuple[float, Draws]:
        self._replay.on_request = self._compare  # in this process only
        try:
            self._replay.play(self._name, draws, seed)
        except WrongTurnError as turn:
            score = turn.score
        else:
            # Each request was right by the versions seen until then; now by those of the whole.
            wrong = differences(self._expected, self._replay.sent())
            score = FOUND if not wrong else len(self._replay.exchanges) - 0.5 - _little(wrong)
        return score, self._replay.tape.used

    def _compare(self) -> None:
        count = len(self._replay.exchanges)
        if count > len(self._prefixes):
            raise WrongTurnError(count - 1.5)
        wrong = differences(self._prefixes[count - 1], self._replay.sent()[-1])
        if wrong:
            raise WrongTurnError(count - 1 - _little(wrong))


def _little(wrong: list[str]) -> float:
    return min(len(wrong), 10_000) / 100_000


def search(step: Step, rng: random.Random) -> Draws:
    """Search the draws of a step, by small changes of the best one so far."""
    score, best = _begin(step, rng)
    stale = 0
    while score < FOUND:
        reached, used = step.attempt(_changed(best, rng), rng.random())
        stale = 0 if reached > score else stale + 1
        if reached >= score:
            score, best = reached, used
        if stale > STALE:
            stale = 0
            score, best = _begin(step, rng)
    return best


def _begin(step: Step, rng: random.Random) -> tuple[float, Draws]:
    return max((step.attempt({}, rng.random()) for _ in range(50)), key=lambda found: found[0])


def _changed(draws: Draws, rng: random.Random) -> Draws:
    """Redraw a few values, preferably late ones."""
    changed = {kind: list(values) for kind, values in draws.items()}
    for _ in range(rng.choice([1, 1, 2, 3, 5])):
        values = changed[rng.choice(sorted(changed))]
        place = len(values) - 1 - int(rng.expovariate(1 / 8))
        values[max(0, place)] = rng.choice([0.0, 0.999, round(rng.random(), 3)])
    return changed


def main() -> int:
    """Search every step and write the draws."""
    recorded = load_exchanges()
    replay = Replay(recorded)
    rng = random.Random(1)
    before = json.loads(DRAWS.read_text(encoding="utf-8")) if DRAWS.exists() else {}
    found: dict[str, Draws] = {}
    for name in STEPS:
        expected = [one for one in recorded if one.step in {*found, name}]
        step = Step(replay, name, expected)
        score, draws = step.attempt(before.get(name, {}), 0)
        found[name] = draws if score == FOUND else search(step, rng)
        replay.play(name, found[name])
        sys.stdout.write(f"{name}: {sum(map(len, found[name].values()))} draws\n")
        sys.stdout.flush()
        DRAWS.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
