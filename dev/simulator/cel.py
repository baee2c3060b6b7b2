"""The part of CEL that the validation rules of our CRDs use.

Members and indexes, lists, comparisons, sums, the usual string methods, size, has, dyn, bytes, in,
all, exists, exists_one and filter over keys or items, and the logical operators. A rule with
anything else is refused when the CRD is read, so that no rule passes for checked that is not.

Source: https://kubernetes.io/docs/reference/using-api/cel/
"""

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

Expression = Callable[[Mapping[str, Any]], Any]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+)
      | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<symbol>&&|\|\||==|!=|<=|>=|[!<>().,\[\]+-])
    )""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
}
_METHODS: dict[str, Callable[..., Any]] = {
    "size": len,
    "matches": lambda text, pattern: re.search(re2(pattern), text) is not None,
    "startsWith": lambda text, prefix: text.startswith(prefix),
    "endsWith": lambda text, suffix: text.endswith(suffix),
    "contains": lambda text, part: part in text,
    "indexOf": lambda text, part: text.find(part),
    "lowerAscii": lambda text: text.lower(),
}
_LITERALS = {"true": True, "false": False, "null": None}
_MACROS: dict[str, Callable[[list[Any], list[bool]], Any]] = {
    "all": lambda _, outcomes: all(outcomes),
    "exists": lambda _, outcomes: any(outcomes),
    "exists_one": lambda _, outcomes: sum(outcomes) == 1,
    "filter": lambda items, outcomes: [*itertools.compress(items, outcomes)],
}
"""Each of the items, and of what the body says of them."""


def re2(pattern: str) -> str:
    """Translate an RE2 pattern: there $ is the end of the text, never before a last newline."""
    return re.sub(r"(?<!\\)\$", r"\\Z", pattern)


def compile_rule(rule: str) -> Callable[[Any], bool]:
    """Compile a rule of x-kubernetes-validations.

    Args:
        rule: the CEL expression.

    Returns:
        A function of self. As in CEL, a rule that meets a missing field, or a pattern that is none,
        does not hold.

    Raises:
        ValueError: the rule uses what is not supported here.
    """
    expression = _Parser(rule).parse()

    def holds(value: Any) -> bool:
        try:
            return bool(expression({"self": value}))
        except (AttributeError, IndexError, KeyError, TypeError, re.error):
            return False

    return holds


class _Parser:
    """Recursive descent; each method returns the expression it read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if not found:
                raise self._unsupported(text[position:])
            kind = found.lastgroup or ""
            self._tokens.append((kind, found[kind]))
            position = found.end()
        self._next = 0

    def parse(self) -> Expression:
        expression = self._or()
        if self._next < len(self._tokens):
            raise self._unsupported(self._tokens[self._next][1])
        return expression

    def _or(self) -> Expression:
        parts = [self._and()]
        while self._take("||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda scope: any(part(scope) for part in parts)

    def _and(self) -> Expression:
        parts = [self._comparison()]
        while self._take("&&"):
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else lambda scope: all(part(scope) for part in parts)

    def _comparison(self) -> Expression:
        left = self._sum()
        if self._take("in"):
            container = self._sum()
            return lambda scope: left(scope) in container(scope)
        for symbol, compare in _COMPARISONS.items():
            if self._take(symbol):
                right = self._sum()
                return lambda scope: compare(left(scope), right(scope))
        return left

    def _sum(self) -> Expression:
        total = self._unary()
        while self._at("+") or self._at("-"):
            sign = 1 if self._advance()[1] == "+" else -1
            total = _added(total, self._unary(), sign)
        return total

    def _unary(self) -> Expression:
        if self._take("!"):
            inner = self._unary()
            return lambda scope: not inner(scope)
        if self._take("-"):
            negative = self._unary()
            return lambda scope: -negative(scope)
        return self._postfix(self._primary())

    def _primary(self) -> Expression:
        kind, text = self._advance()
        if text == "(":
            inner = self._or()
            self._expect(")")
            return inner
        if kind == "name" and text in _FUNCTIONS and self._take("("):
            inner = self._or()
            self._expect(")")
            function = _FUNCTIONS[text]
            return lambda scope: function(inner, scope)
        if kind == "name" and text not in _LITERALS:
            return lambda scope: scope[text]
        if text == "[":
            items = self._until("]")
            return lambda scope: [item(scope) for item in items]
        if kind == "symbol":
            raise self._unsupported(text)
        literal = _literal(kind, text)
        return lambda _: literal

    def _postfix(self, target: Expression) -> Expression:
        while self._at(".") or self._at("["):
            if self._take("["):
                target = _index(target, self._or())
                self._expect("]")
                continue
            self._expect(".")
            kind, member = self._advance()
            if kind != "name":
                raise self._unsupported(member)
            target = self._call(target, member) if self._take("(") else _member(target, member)
        return target

    def _call(self, target: Expression, method: str) -> Expression:
        if method in _MACROS:
            kind, variable = self._advance()
            if kind != "name":
                raise self._unsupported(variable)
            self._expect(",")
            body = self._or()
            self._expect(")")
            quantify = _MACROS[method]

            def applied(scope: Mapping[str, Any]) -> Any:
                items = [*target(scope)]
                return quantify(items, [bool(body({**scope, variable: item})) for item in items])

            return applied
        if method not in _METHODS:
            raise self._unsupported(method)
        arguments = self._until(")")
        apply = _METHODS[method]
        return lambda scope: apply(target(scope), *(argument(scope) for argument in arguments))

    def _until(self, end: str) -> list[Expression]:
        found: list[Expression] = []
        while not self._take(end):
            found.append(self._or())
            self._take(",")
        return found

    def _at(self, text: str) -> bool:
        return self._next < len(self._tokens) and self._tokens[self._next][1] == text

    def _take(self, text: str) -> bool:
        found = self._at(text)
        self._next += found
        return found

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unsupported(text + " that is missing")

    def _advance(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise _unsupported(self._text, "its end")
        self._next += 1
        return self._tokens[self._next - 1]

    def _unsupported(self, what: str) -> ValueError:
        return _unsupported(self._text, what)


def _unsupported(rule: str, what: str) -> ValueError:
    return ValueError(f"CEL rule {rule!r}: {what!r} is not supported by the simulator")


def _literal(kind: str, text: str) -> bool | int | str | None:
    if kind == "number":
        return int(text)
    if kind == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return _LITERALS[text]


def _member(target: Expression, name: str) -> Expression:
    return lambda scope: target(scope)[name]


def _added(left: Expression, right: Expression, sign: int) -> Expression:
    return lambda scope: left(scope) + sign * right(scope)


def _index(target: Expression, index: Expression) -> Expression:
    return lambda scope: target(scope)[index(scope)]


def _has(inner: Expression, scope: Mapping[str, Any]) -> bool:
    try:
        inner(scope)
    except KeyError:
        return False
    return True


_FUNCTIONS: dict[str, Callable[[Expression, Mapping[str, Any]], Any]] = {
    "size": lambda inner, scope: len(inner(scope)),
    "has": _has,
    "dyn": lambda inner, scope: inner(scope),
    "bytes": lambda inner, scope: inner(scope).encode(),
}
