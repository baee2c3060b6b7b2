"""gitleaks' rules: secrets of some two hundred services, by their form.

The data is written by ``make gitleaks`` and is gitleaks' own (MIT licence, ``gitleaks.LICENSE``).
Its conditions are kept: a rule is only applied to a text with one of its keywords; a secret has to
have the rule's entropy; what its allowlists name is none.

Sources: ``detect/detect.go`` (detectRule, checkFindingAllowed), ``config/allowlist.go``.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any, Final

from pod_diagnoser.diagnosis.masking.budget import Budget
from pod_diagnoser.diagnosis.masking.compiling import Span, compile_pattern

_NOT_USED: Final = frozenset(
    {
        # It takes whatever follows a name with "key" or "access" in it for a secret, as in
        # `key=web-7d9c8b6f5-x2x4z`. `pod_diagnoser.diagnosis.masking.named` judges names.
        "generic-api-key",
        # Its quotation marks may be anywhere: `named` knows them.
        "hashicorp-tf-password",
    }
)


_NAME_BEFORE: Final = r"[\w.-]{0,50}?"
"""What gitleaks' patterns allow before the name of a service. Where they find a secret does not
depend on it, but without it they begin with fixed letters, for which RE2 searches much faster."""

_COUNT: Final = re.compile(r"\{(\d+)(,\d*)?\}")
_MAX_COUNT: Final = 64
"""How far is counted how long a secret is. RE2 takes the longer for a text the higher it counts,
and from so many characters on it is one: logs truncate them, too."""


@dataclass(frozen=True, slots=True)
class _Allowlist:
    """What is no secret although it matches a rule.

    Attributes:
        regexes: patterns that allow what they match somewhere.
        target: what they search: the ``secret``, the ``match`` or its ``line``.
        stopwords: words that allow a secret that holds one of them.
        is_never_met: whether it demands a path as well, which no log has.
        demands_all: whether regexes and stopwords both have to allow it.
    """

    regexes: tuple[str, ...]
    target: str
    stopwords: tuple[bytes, ...]
    is_never_met: bool = False
    demands_all: bool = False

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "_Allowlist":
        demands_all = str(table.get("condition", "")).upper() in ("AND", "&&")
        return cls(
            tuple(table.get("regexes", ())),
            table.get("regexTarget", "secret"),
            tuple(word.lower().encode() for word in table.get("stopwords", ())),
            is_never_met=demands_all and bool(table.get("paths")),
            demands_all=demands_all,
        )

    def allows(self, text: bytes, match: Span, secret: Span) -> bool:
        """Whether it allows what was found in a text."""
        if self.is_never_met:
            return False
        searched = text[slice(*secret)]
        if self.target == "match":
            searched = text[slice(*match)]
        elif self.target == "line":
            end = text.find(b"\n", match[1])
            searched = text[text.rfind(b"\n", 0, match[0]) + 1 : end if end >= 0 else len(text)]
        lower = text[slice(*secret)].lower()
        results = []
        if self.regexes:
            results.append(_compiled(self.regexes).search(searched) is not None)
        if self.stopwords:
            results.append(any(word in lower for word in self.stopwords))
        return bool(results) and (all if self.demands_all else any)(results)


@dataclass(frozen=True)
class GitleaksRule:
    """A rule.

    Attributes:
        id: gitleaks' name of it.
        regex: the pattern.
        keywords: words, in lower case, of which a text must hold one.
        secret_group: the group that is the secret; 0 for the first one that is not empty.
        entropy: how much Shannon entropy a secret has, in bits a byte; 0 for any.
        allowlists: what is no secret.
    """

    id: str
    regex: str
    keywords: tuple[str, ...]
    secret_group: int = 0
    entropy: float = 0.0
    allowlists: tuple[_Allowlist, ...] = ()

    @cached_property
    def pattern(self) -> Any:
        """The pattern, compiled when it is first needed."""
        return compile_pattern(_COUNT.sub(_bounded, self.regex.replace(_NAME_BEFORE, "")))

    def spans(self, text: bytes, budget: Budget) -> Iterator[Span]:
        """Yield where the secrets are that the rule finds in a text."""
        position = 0
        while (match := self.pattern.search(text, position)) is not None:
            if not budget.allows(*match.span()):
                yield match.start(), len(text)
                return
            secret = self._secret(match)
            position = max(secret[1], match.start() + 1, position + 1)
            if self._is_secret(text, match.span(), secret):
                budget.count_secret()
                yield secret

    def _secret(self, match: Any) -> Span:
        if self.secret_group:
            span: Span = match.span(self.secret_group)
            return span
        groups = (match.span(index) for index in range(1, match.re.groups + 1))
        found: Span = next((each for each in groups if each[0] < each[1]), match.span())
        return found

    def _is_secret(self, text: bytes, match: Span, secret: Span) -> bool:
        if self.entropy and _entropy(text[slice(*secret)]) <= self.entropy:
            return False
        return not any(each.allows(text, match, secret) for each in self.allowlists)


def _entropy(text: bytes) -> float:
    """Return the Shannon entropy of a text, in bits a byte."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values())


@lru_cache(maxsize=1024)
def _compiled(regexes: tuple[str, ...]) -> Any:
    """Compile patterns to one that matches where one of them does."""
    return compile_pattern("|".join(f"(?:{each})" for each in regexes))


def _bounded(count: re.Match[str]) -> str:
    """Count no farther than `_MAX_COUNT`; distances, which may be zero, are left alone."""
    least, rest = int(count[1]), count[2]
    most = least if rest is None else int(rest[1:] or least)
    if least == 0 or most <= _MAX_COUNT:
        return count[0]
    return f"{{{min(least, _MAX_COUNT)},}}"


def _read_rules() -> tuple[GitleaksRule, ...]:
    data = json.loads(files(__package__).joinpath("gitleaks.json").read_text(encoding="utf-8"))
    everywhere = _Allowlist.of(data["allowlist"])
    return tuple(
        GitleaksRule(
            rule["id"],
            rule["regex"],
            tuple(word.lower() for word in rule["keywords"]),
            rule.get("secretGroup", 0),
            rule.get("entropy", 0.0),
            (everywhere, *map(_Allowlist.of, rule.get("allowlists", ()))),
        )
        for rule in data["rules"]
        if rule["id"] not in _NOT_USED
    )


GITLEAKS_RULES: Final = _read_rules()
