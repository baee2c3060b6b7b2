"""Validation rules in CEL, evaluated by cel-python.

Of what Kubernetes adds to CEL there is what our CRDs use: ``indexOf``; patterns are RE2's. A rule
with an unknown function, or with ``oldSelf``, is refused when the CRD is read: otherwise it would
silently go unchecked.

Evaluating a rule takes up to some milliseconds, so its outcomes are cached by the fields that it
reads.

Source: https://kubernetes.io/docs/reference/using-api/cel/
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]
from celpy import Environment
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.celtypes import BoolType, IntType, StringType
from celpy.evaluation import CELEvalError, base_functions
from lark import Token, Tree

_OUTCOMES = 1 << 12
"""How many outcomes of each rule are kept."""

_MACROS = {"has", "dyn", "all", "exists", "exists_one", "filter", "map"}
_FIELDS_OF_SELF = re.compile(r"\bself\b((?:\.[A-Za-z_]\w*(?![\w(]))*)")


@cache
def compile_pattern(pattern: str) -> Any:
    """Compile a pattern as the API server does, by RE2.

    Raises:
        re2.error: it is not a valid pattern.
    """
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


@cache
def compile_rule(rule: str) -> Callable[[Any], bool]:
    """Compile a rule of x-kubernetes-validations.

    Args:
        rule: the CEL expression.

    Returns:
        A function of self. As in CEL, a rule that meets a missing field, or an invalid pattern,
        does not hold.

    Raises:
        ValueError: the rule uses what is not supported here.
    """
    environment = _environment()
    try:
        tree = environment.compile(rule)
    except CELParseError as error:
        raise _unsupported(rule, "its syntax") from error
    for name in _names(tree):
        if name not in {*base_functions, *_FUNCTIONS, *_MACROS}:
            raise _unsupported(rule, name)
    if re.search(r"\boldSelf\b", rule):
        raise _unsupported(rule, "oldSelf")
    program = environment.program(tree, functions=_FUNCTIONS)
    paths = {tuple(found.split(".")[1:]) for found in _FIELDS_OF_SELF.findall(rule)}

    @lru_cache(_OUTCOMES)
    def outcome(text: str) -> bool:
        try:
            return bool(program.evaluate({"self": json_to_cel(json.loads(text))}))
        except CELEvalError:
            return False

    return lambda value: outcome(json.dumps(_part(value, paths)))


def _part(value: Any, paths: set[tuple[str, ...]]) -> Any:
    """Return a value with nothing but the fields at some paths; all of it for the empty path."""
    if () in paths or not isinstance(value, dict):
        return value
    inner: dict[str, set[tuple[str, ...]]] = {}
    for name, *rest in paths:
        inner.setdefault(name, set()).add(tuple(rest))
    return {name: _part(value[name], rest) for name, rest in inner.items() if name in value}


def _names(tree: Any) -> Iterator[str]:
    """Yield the names of the functions and methods that an expression calls."""
    for call in tree.iter_subtrees():
        if isinstance(call, Tree) and call.data in {"ident_arg", "dot_ident_arg", "member_dot_arg"}:
            yield from (str(part) for part in call.children if isinstance(part, Token))


def _matches(text: StringType, pattern: StringType) -> BoolType | CELEvalError:
    try:
        return BoolType(compile_pattern(str(pattern)).search(text) is not None)
    except re2.error as error:
        return CELEvalError("not a pattern", type(error), error.args)


def _index_of(text: StringType, part: StringType) -> IntType:
    return IntType(text.find(part))


_FUNCTIONS: dict[str, Callable[..., Any]] = {"indexOf": _index_of, "matches": _matches}


@cache
def _environment() -> Environment:
    return Environment()


def _unsupported(rule: str, what: str) -> ValueError:
    return ValueError(f"CEL rule {rule!r}: {what} is not supported by the simulator")
