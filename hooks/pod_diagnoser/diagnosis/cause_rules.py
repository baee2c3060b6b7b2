"""From a symptom to its cause: the table of causes.

`CAUSE_RULES` is one ordered table: the first row whose predicate holds names the cause and words
the three lines. The same crash always gives the same words, whichever moment of it is observed
first.
"""

from collections.abc import Callable
from functools import lru_cache

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis.phrases import render, with_output
from pod_diagnoser.diagnosis.reason_steps import step_for
from pod_diagnoser.diagnosis.rules.lasting import LASTING_RULES
from pod_diagnoser.diagnosis.rules.pod import POD_RULES
from pod_diagnoser.diagnosis.rules.row import LOGS_STEP, CauseRule
from pod_diagnoser.diagnosis.rules.terminated import TERMINATED_RULES
from pod_diagnoser.diagnosis.rules.waiting import WAITING_RULES
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES, Statement
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind

CAUSE_RULES = (*POD_RULES, *WAITING_RULES, *LASTING_RULES, *TERMINATED_RULES)
"""The table of causes, in the order in which the rows are tried. The last one always holds."""


def _candidates(
    kind: SymptomKind, *, with_finding: bool
) -> tuple[tuple[Callable[[Symptom], bool], CauseRule], ...]:
    return tuple(
        (rule.predicate.holds, rule)
        for rule in CAUSE_RULES
        if rule.predicate.kind in (None, kind)
        and (with_finding or "evidence" not in rule.predicate.fields)
    )


_CANDIDATES = {
    kind: (_candidates(kind, with_finding=False), _candidates(kind, with_finding=True))
    for kind in SymptomKind
}
"""The rows that may hold for a symptom at all, without and with an event finding, so that not all
are tried for each one."""


def rule_for(symptom: Symptom) -> CauseRule:
    """Return the first row of `CAUSE_RULES` that is about such a symptom and holds for it."""
    for holds, rule in _CANDIDATES[symptom.kind][symptom.event_finding is not None]:
        if holds(symptom):
            return rule
    return CAUSE_RULES[-1]


@lru_cache(maxsize=1024)
def state(rule: CauseRule, symptom: Symptom, evidence_limit: int = MAX_LINE_BYTES) -> Statement:
    """Word what a row says about a symptom. Remembered: a Pod is synced several times a crash.

    Args:
        rule: the row.
        symptom: the symptom that it is about.
        evidence_limit: the most bytes of the line of evidence, where more has to follow it.
    """
    evidence, next_step = rule.evidence, rule.next_step
    if symptom.output is not None:
        if rule.cause is not Cause.APPLICATION_ERROR:  # whose rows quote it themselves
            evidence = with_output(evidence)
        if next_step == LOGS_STEP:
            next_step = step_for(symptom.output) or LOGS_STEP
    return Statement(
        render(rule.diagnosis, symptom),
        render(evidence, symptom, evidence_limit),
        render(next_step, symptom),
    )
