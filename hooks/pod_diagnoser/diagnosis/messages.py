"""What kubelets, the scheduler, runtimes, plug-ins and registries say, understood. Pure.

`read_message` takes the layers off a message (`layers`), keeps the names that matter and says which
kind of problem it is, what that means and what to do next (`problem_rules`, `problem_words`). It
takes time in proportion to the length of a message, of which it reads a bounded part.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.layers import NODES_AVAILABLE, unwrap
from pod_diagnoser.diagnosis.message_fields import as_field, fields_of
from pod_diagnoser.diagnosis.message_text import GAP, NAMED, fit, opened_text
from pod_diagnoser.diagnosis.problem_rules import OTHERS_WORDS, PROBLEM_RULES
from pod_diagnoser.diagnosis.problem_words import PROBLEM_WORDS, UNSPECIFIC, ProblemKind
from pod_diagnoser.diagnosis.problems.images import PULL_PATTERNS
from pod_diagnoser.diagnosis.problems.rule import ProblemRule
from pod_diagnoser.diagnosis.problems.scheduling import SCHEDULING_RULES


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong by a message.

    Attributes:
        kind: the kind.
        source: where the words that prove it are made.
        proof: the words that prove it, as the tables of `problem_rules` write them.
        fields: what fills the placeholders of `meaning` and `next_step` that are not in
            `SYMPTOM_PLACEHOLDERS`: short and fit for a sentence. Without one its group is left out.
    """

    kind: ProblemKind
    source: str
    proof: tuple[str, ...]
    fields: Mapping[str, str] = field(hash=False)

    @property
    def is_specific(self) -> bool:
        """Whether no other message is likely to say more."""
        return self.kind not in UNSPECIFIC

    @property
    def meaning(self) -> str:
        """What is wrong, in plain words: one clause, as a template; empty where there is none."""
        return PROBLEM_WORDS[self.kind].meaning

    @property
    def next_step(self) -> str:
        """What to do, as a template."""
        return PROBLEM_WORDS[self.kind].next_step


@dataclass(frozen=True, slots=True)
class Message:
    """A message, read. Its texts come from outside: whoever shows them quotes them.

    Attributes:
        cause: the part that says what is wrong, on one line and at most `MAX_CHARS` long; empty
            for a message that says nothing.
        names: what it is about, from the layers that were taken off: `volume "data"`,
            `network plug-in "calico"`, `mount at "/etc/app"`. Each at most once, outermost first.
        problem: what is wrong; None where the message is not known, and for what a probe or a hook
            of the container said.
    """

    cause: str
    names: tuple[str, ...] = ()
    problem: Problem | None = None

    @property
    def text(self) -> str:
        """The cause, after the names that it does not hold itself."""
        missing = [name for name in self.names if name not in self.cause]
        return ": ".join(filter(None, (*missing, self.cause)))

    def fit(self, limit: int) -> str:
        """Return the text in at most so many bytes, with its end and the words of its proof."""
        return fit(self.text, limit, self.problem.proof if self.problem else ())


# Problems

_NAME: Final = r"[^\s\"'`]{0,512}"
_EXEC_NAME: Final = re.compile(r'exec: "[^"]{0,512}"')
_SUB_PATH_NAME: Final = re.compile(
    rf"[\"`]/var/lib/kubelet/pods/[0-9a-f-]{{36}}/volume-subpaths/{_NAME}[\"`]"
)
_QUOTED_NAME: Final = re.compile(rf'"{_NAME}"')
_BACK_QUOTED_NAME: Final = re.compile(rf"`{_NAME}`")


_NAMED: Final = tuple((re.compile(meant), name) for name, meant in NAMED.items())


def _without_names(text: str) -> str:
    """An opened message as the patterns of the table see it (see `problem_rules`)."""
    for meant, name in _NAMED:
        text = meant.sub(name, text)
    text = _EXEC_NAME.sub('exec: ""', text)
    text = _SUB_PATH_NAME.sub("volume-subpath", text)
    text = _BACK_QUOTED_NAME.sub("``", _QUOTED_NAME.sub('""', text))
    return f" {text.lower()} "


def _occurs(parts: tuple[str, ...], text: str) -> bool:
    """Whether the parts of a pattern stand in a text, one after the other."""
    position = 0
    for part in parts:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True


_TOKEN: Final = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table, ready to be looked for."""

    number: int
    rule: ProblemRule
    parts: tuple[str, ...]


class _Table:
    """A table of problems, with an index by a word that a message must have for a row to hold.

    A message has dozens of words, the table hundreds of rows: this leaves few to look for.
    """

    def __init__(self, rules: Sequence[ProblemRule]) -> None:
        words_of = [_TOKEN.findall(rule.pattern) for rule in rules]
        frequency = Counter(word for words in words_of for word in set(words))
        self._rows_by_word: dict[str, list[_Row]] = {}
        for number, (rule, words) in enumerate(zip(rules, words_of, strict=True)):
            rarest = min(words, key=lambda word: (frequency[word], -len(word)))
            row = _Row(number, rule, tuple(rule.pattern.split(GAP)))
            self._rows_by_word.setdefault(rarest, []).append(row)

    def rule_for(self, text: str) -> ProblemRule | None:
        """The first row that holds for a text without names."""
        words = self._rows_by_word.keys() & set(_TOKEN.findall(text))
        rows = [row for word in words for row in self._rows_by_word[word]]
        about_pull: bool | None = None
        for row in sorted(rows, key=attrgetter("number")):
            if row.rule.pull_only:
                if about_pull is None:
                    about_pull = any(pattern in text for pattern in PULL_PATTERNS)
                if not about_pull:
                    continue
            if _occurs(row.parts, text):
                return row.rule
        return None


_PROBLEMS: Final = _Table(PROBLEM_RULES)
_SCHEDULING: Final = _Table(SCHEDULING_RULES)
_RULES_BY_KIND: Final = {
    kind: [rule for rule in (*PROBLEM_RULES, *SCHEDULING_RULES) if rule.kind is kind]
    for kind in ProblemKind
}


# What the scheduler says of its nodes

_REASON: Final = re.compile(r"(?:(\d{1,6}) )?(.*)", re.DOTALL)
_LESS_LIKELY: Final = (
    ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"),
    ("Pod's node affinity", "-enforced node affinity", "node selector", "requested node name"),
    ("were unschedulable", "node.kubernetes.io/unschedulable"),
    ("volume node affinity", "PersistentVolume's node affinity", "no available volume zone"),
)
"""What reasons say for which nodes are left out on purpose, the least likely trouble first."""


class _Reason(NamedTuple):
    """Why nodes were not chosen: how many, the words without that number, and all words."""

    nodes: int
    words: str
    clause: str


def _reasons_of(text: str, nodes: str) -> Iterator[_Reason]:
    """The reasons for which nodes were not chosen."""
    for clause in re.split(r", (?=\d{1,6} )", text):
        if found := _REASON.match(clause):
            yield _Reason(int(found[1] or nodes), found[2].rstrip(". "), clause.rstrip(". "))


def _likelihood(reason: _Reason) -> tuple[int, int]:
    """Order the reasons: least likely is one for which nodes are left out on purpose."""
    for rank, marks in enumerate(_LESS_LIKELY):
        if any(mark in reason.words for mark in marks):
            return rank, reason.nodes
    return len(_LESS_LIKELY), reason.nodes


def _likeliest_reason(text: str) -> tuple[ProblemRule, str, _Reason] | None:
    """Of a message that says why nodes were not chosen: what it proves, and by which reason.

    Returns:
        The rule, how many nodes there are, and the reason; None for other messages.
    """
    start = NODES_AVAILABLE.match(text)
    if start is None:
        return None
    reasons = list(_reasons_of(text[start.end() :], start[1]))
    for reason in sorted(reasons, key=_likelihood, reverse=True):
        rule = _SCHEDULING.rule_for(_without_names(reason.words))
        if rule is not None:
            return rule, start[1], reason
    return None


def _scheduling_problem(cause: str) -> Problem | None:
    """The problem of a message that says why nodes were not chosen."""
    found = _likeliest_reason(cause)
    if found is None:
        return None
    rule, nodes, reason = found
    fields = {"which": _which(reason.nodes, int(nodes)), **fields_of(reason.words, rule.kind)}
    return Problem(rule.kind, rule.source, _proof_of_reason(reason), MappingProxyType(fields))


def _which(nodes: int, of: int) -> str:
    """So many of all nodes, in words."""
    if nodes < of:
        return f"{nodes} of {of} nodes"
    return {1: "the only node", 2: "both nodes"}.get(of, f"all {of} nodes")


def _proof_of_reason(reason: _Reason) -> tuple[str, ...]:
    words = _without_names(reason.clause).strip()
    return (words,) if len(words) <= _MAX_PROOF_CHARS else ()


_MAX_PROOF_CHARS: Final = 90


def _problem_of(opened: str, cause: str, names: Collection[str]) -> Problem | None:
    """What is wrong by an opened message, with all its layers: they tell what an error is about."""
    if opened.lower().startswith(OTHERS_WORDS):
        return None
    if problem := _scheduling_problem(cause):
        return problem
    rule = _PROBLEMS.rule_for(_without_names(opened))
    if rule is None:
        return None
    fields = MappingProxyType(fields_of(opened, rule.kind, names))
    return Problem(rule.kind, rule.source, tuple(rule.pattern.split(GAP)), fields)


_MAX_FIELD_BYTES: Final = 253


def rebuild_problem(kind: ProblemKind, fields: Mapping[str, str]) -> Problem | None:
    """Make a problem from what was stored of it, where somebody may have made that up.

    Returns:
        The problem, with fields that may stand in a sentence; None where its words need others.
    """
    words = {key: " ".join(text.strip('"').split()) for key, text in fields.items()}
    safe = {key: sanitize(text, _MAX_FIELD_BYTES) for key, text in words.items()}
    rebuilt = {key: as_field(key, text) for key, text in safe.items() if text}
    if not PROBLEM_WORDS[kind].needs <= rebuilt.keys():
        return None
    return Problem(kind, "", (), MappingProxyType(rebuilt))


def proof_of(kind: ProblemKind, text: str) -> tuple[str, ...]:
    """Find in a text what shows a problem, for `fit`.

    Args:
        kind: what is wrong.
        text: what is shown of the message that said so.

    Returns:
        Parts of the text, as the tables write them; none where it does not show it.
    """
    if found := _likeliest_reason(text):
        return _proof_of_reason(found[2])
    seen = _without_names(text)
    for rule in _RULES_BY_KIND[kind]:
        parts = tuple(rule.pattern.split(GAP))
        if _occurs(parts, seen):
            return parts
    return ()


def read_message(message: str) -> Message:
    """Read a message of the kubelet, the scheduler, a runtime, a plug-in or a registry.

    Args:
        message: of a waiting or terminated container, of a Pod's status, of a condition or of an
            Event: any text, as it came, with all its layers.

    Returns:
        What it says. The text of the result is read to itself, as long as nobody nests layers in
        layers; its problem is known best from the message with all its layers.
    """
    opened = opened_text(message)
    cause, names = unwrap(opened)
    return Message(cause, names, _problem_of(opened, cause, names))
