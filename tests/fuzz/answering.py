"""Answers the same mutated requests in a process of its own, to be compared with another's.

``python -m tests.fuzz.answering NUMBER ORDER``: prints, for each of so many requests, a digest of
what was sent and of what came back, by number; ORDER is ``forwards`` or ``backwards``.
"""

import hashlib
import sys
from typing import Final

from tests.fuzz.mutating import Mutator, seeded
from tests.fuzz.seeds import SYNCS, everything, seeds
from tests.http.inprocess import Hook
from tests.http.recorded import Json

_DIGITS: Final = 16


def mutated(number: int, donors: tuple[Json, ...]) -> tuple[str, bytes]:
    """Make a request.

    Args:
        number: which one.
        donors: requests of which parts are put in.

    Returns:
        The endpoint and the body.
    """
    random = seeded(number)
    path = random.choice(SYNCS)
    seed = random.choice(seeds(path))
    return path, Mutator(random, donors).body(seed.json)


def main(number: int, order: str) -> None:
    """Answer so many requests, in one order or the other."""
    hook = Hook()
    donors = tuple(seed.json for seed in everything())
    numbers = range(number) if order == "forwards" else reversed(range(number))
    lines = []
    for each in numbers:
        path, body = mutated(each, donors)
        reply = hook.post(path, body)
        sent = hashlib.sha256(body).hexdigest()[:_DIGITS]
        answered = hashlib.sha256(reply.sent).hexdigest()[:_DIGITS]
        lines.append(f"{each} {path} {sent} {reply.status} {answered}")
    sys.stdout.write("\n".join(sorted(lines)) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
