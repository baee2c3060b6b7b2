"""Where the secrets are in a text."""

from functools import lru_cache
from typing import Any

from pod_diagnoser.diagnosis.masking.compiling import Span, compile_set
from pod_diagnoser.diagnosis.masking.forms import FORM_RULES, PrivateKeyRule
from pod_diagnoser.diagnosis.masking.gitleaks import GITLEAKS_RULES, GitleaksRule
from pod_diagnoser.diagnosis.masking.named import NAMED_RULES
from pod_diagnoser.diagnosis.masking.places import PLACE_RULES
from pod_diagnoser.diagnosis.masking.rule import OwnRule

_Rule = OwnRule | PrivateKeyRule | GitleaksRule


def find_secrets(text: bytes) -> list[Span]:
    """Return the spans of the secrets in a text, in no order.

    One pass over the text tells which rules have something to search there: most texts have none.
    """
    hints, rules_by_hint = _hints()
    found = hints.Match(text)
    if not found:
        return []
    indexes = sorted({rule for hint in found for rule in rules_by_hint[hint]})
    rules = _rules()
    return [span for index in indexes for span in rules[index].spans(text)]


@lru_cache(maxsize=1)
def _rules() -> tuple[_Rule, ...]:
    return (*NAMED_RULES, *PLACE_RULES, *FORM_RULES, *GITLEAKS_RULES)


@lru_cache(maxsize=1)
def _hints() -> tuple[Any, list[list[int]]]:
    """Return the set of hints, and by the index of a hint the rules that need it."""
    rules_by_hint: dict[str, list[int]] = {}
    for index, rule in enumerate(_rules()):
        for hint in _hints_of(rule):
            rules_by_hint.setdefault(hint, []).append(index)
    return compile_set(list(rules_by_hint)), list(rules_by_hint.values())


def _hints_of(rule: _Rule) -> tuple[str, ...]:
    if isinstance(rule, GitleaksRule):
        return tuple(f"(?i){_escaped(word)}" for word in rule.keywords)
    return rule.hints


def _escaped(word: str) -> str:
    return "".join(letter if letter.isalnum() else f"\\x{{{ord(letter):x}}}" for letter in word)
