"""Judge what a tool says of a case, by patterns alone. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Case:
    """A Pod, and what is true of it.

    Attributes:
        name: the golden Pod's name.
        title: what happened, in a few words.
        cause: patterns, all of which a text must have that names the cause.
        step: a pattern of the next step that helps.
        words: a pattern of what the container or what refused it said; None where nobody said
            anything.
        false: patterns of claims that are not true.
        public: whether it looks like a case from a public thread.
    """

    name: str
    title: str
    cause: Sequence[str]
    step: str
    words: str | None = None
    false: Sequence[str] = ()
    public: bool = False

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong, so that a tool should say nothing."""
        return not self.cause


@dataclass(frozen=True, slots=True)
class Said:
    """What a tool says of a Pod.

    Attributes:
        text: everything, Events and logs that it repeats included.
        claim: what it says in its own words, or shows as the reason.
        advice: what it says to do next; "" where it gives none.
    """

    text: str = ""
    claim: str = ""
    advice: str = ""

    def __add__(self, other: "Said") -> "Said":
        """Return what was said at two moments."""
        return Said(
            _joined(self.text, other.text),
            _joined(self.claim, other.claim),
            _joined(self.advice, other.advice),
        )


def _joined(first: str, second: str) -> str:
    return first if second in first else f"{first}\n{second}".strip()


@dataclass(frozen=True, slots=True)
class Verdict:
    """How good what was said is.

    Attributes:
        spoke: whether anything was said.
        cause: whether the cause is named anywhere in it.
        step: whether its advice has the step that helps.
        words: whether it has what the container or what refused it said; None where there is none.
        false: whether a claim or an advice is not true; of a healthy Pod, whether anything is said.
    """

    spoke: bool
    cause: bool
    step: bool
    words: bool | None
    false: bool


def judge(case: Case, said: Said) -> Verdict:
    """Judge what a tool said of a case."""
    claimed = f"{said.claim}\n{said.advice}"
    return Verdict(
        spoke=bool(said.text.strip()),
        cause=not case.healthy and all(_has(each, said.text) for each in case.cause),
        step=not case.healthy and _has(case.step, said.advice),
        words=None if case.words is None else _has(case.words, said.text),
        false=bool(said.text.strip())
        if case.healthy
        else any(_has(each, claimed) for each in case.false),
    )


def _has(pattern: str, text: str) -> bool:
    return re.search(pattern, " ".join(text.split()), re.IGNORECASE) is not None


HEADS: Final = ("cause named", "next step", "own words", "false", "silent", "noise")


def score(cases: Sequence[Case], verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Count the verdicts of one tool, in the order of `HEADS`."""
    pairs = list(zip(cases, verdicts, strict=True))
    ill = [verdict for case, verdict in pairs if not case.healthy]
    well = [verdict for case, verdict in pairs if case.healthy]
    words = [verdict.words for verdict in ill if verdict.words is not None]
    return (
        _of(sum(each.cause for each in ill), ill),
        _of(sum(each.step for each in ill), ill),
        _of(sum(words), words),
        _of(sum(each.false for each in ill), ill),
        _of(sum(not each.spoke for each in ill), ill),
        _of(sum(each.false for each in well), well),
    )


def _of(count: int, all_of_them: Iterable[object]) -> str:
    return f"{count} of {len(list(all_of_them))}"


def mark(case: Case, verdict: Verdict) -> str:
    """Say in a few letters what came of one case, for the table of all."""
    if case.healthy:
        return "noise" if verdict.false else "silent"
    if not verdict.spoke:
        return "silent"
    parts = ["**false**"] if verdict.false else []
    parts += ["cause"] if verdict.cause else []
    parts += ["step"] if verdict.step else []
    parts += ["words"] if verdict.words else []
    return ", ".join(parts) or "vague"
