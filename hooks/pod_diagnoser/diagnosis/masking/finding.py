"""Where the secrets are in a text."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from pod_diagnoser.diagnosis.masking.budget import Budget
from pod_diagnoser.diagnosis.masking.compiling import Span, compile_set
from pod_diagnoser.diagnosis.masking.forms import FORM_RULES, PrivateKeyRule
from pod_diagnoser.diagnosis.masking.gitleaks import GITLEAKS_RULES, GitleaksRule
from pod_diagnoser.diagnosis.masking.named import NAMED_RULES
from pod_diagnoser.diagnosis.masking.places import PLACE_RULES
from pod_diagnoser.diagnosis.masking.rule import OwnRule

_Rule = OwnRule | PrivateKeyRule | GitleaksRule


MAX_RULES: Final = 96
"""How many rules search one text. One of which more have something to search is masked as a whole:
of some sixty lines, each from another program, only fifty have."""


def find_secrets(text: bytes) -> list[Span]:
    """Return the spans of the secrets in a text, in no order.

    One pass over the text tells which rules have something to search there: most texts have none.
    """
    found = [rule for rules in _rules() for rule in rules.with_hints_in(text)]
    if len(found) > MAX_RULES:
        return [(0, len(text))]
    budget = Budget(len(text))
    return [span for rule in found for span in rule.spans(text, budget)]


class _Rules:
    """Rules of which one pass over a text tells which have something to search there.

    Their hints are short and without repetition: RE2 builds its automaton as texts demand, a state
    for each combination of hints that are half matched, some microseconds each.
    """

    def __init__(self, rules: Sequence[_Rule]) -> None:
        self._rules = rules
        rules_by_hint: dict[str, list[int]] = {}
        for index, rule in enumerate(rules):
            for hint in _hints_of(rule):
                rules_by_hint.setdefault(hint, []).append(index)
        self._hints = compile_set(list(rules_by_hint))
        self._indexes = list(rules_by_hint.values())

    def with_hints_in(self, text: bytes) -> list[_Rule]:
        """Return the rules of which there is a hint in a text, in their order."""
        found = self._hints.Match(text)
        if not found:
            return []
        indexes = {index for hint in found for index in self._indexes[hint]}
        return [self._rules[index] for index in sorted(indexes)]


@lru_cache(maxsize=1)
def _rules() -> tuple[_Rules, ...]:
    """Return the rules in groups, each with an automaton of its own, which stays small."""
    return tuple(map(_Rules, ((*NAMED_RULES, *PLACE_RULES), FORM_RULES, GITLEAKS_RULES)))


def _hints_of(rule: _Rule) -> tuple[str, ...]:
    if isinstance(rule, GitleaksRule):
        return tuple(f"(?i){_escaped(word)}" for word in rule.keywords)
    return rule.hints


def _escaped(word: str) -> str:
    return "".join(letter if letter.isalnum() else f"\\x{{{ord(letter):x}}}" for letter in word)
