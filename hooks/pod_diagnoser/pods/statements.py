"""The lines of a diagnosis, with the history and with other broken containers."""

from collections.abc import Iterator, Sequence

from pod_diagnoser.diagnosis.cause_rules import state
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.quoting import name
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES, Statement, with_suffix
from pod_diagnoser.diagnosis.symptoms import LastingCondition, SymptomKind
from pod_diagnoser.pods.history_text import NO_HISTORY, HistorySummary, summarize_history
from pod_diagnoser.pods.observation import PodObservation

MAX_ADDED_BYTES = 78
"""For how much of what is added the proof itself may be shortened."""


def statement_with_history(diagnosis: Diagnosis, observation: PodObservation) -> Statement:
    """Return the lines of a diagnosis with the history of its container."""
    return add_context(diagnosis, _history(diagnosis, observation), ())


def statement_in_context(diagnosis: Diagnosis, observation: PodObservation) -> Statement:
    """Return the lines of a diagnosis with the history, and the other broken containers."""
    others = tuple(_other_containers(diagnosis, observation))
    return add_context(diagnosis, _history(diagnosis, observation), others)


def _history(diagnosis: Diagnosis, observation: PodObservation) -> HistorySummary:
    record = observation.records[diagnosis.id]
    return summarize_history(
        observation.reportable_history, record, record.restarts or 0, backing_off=record.backOff
    )


def _other_containers(diagnosis: Diagnosis, observation: PodObservation) -> Iterator[str]:
    """Name the other containers that are broken now, each with its cause."""
    named = {diagnosis.container, ""}
    for other in observation.diagnoses:
        if _waits_for_the_same(diagnosis, other):
            continue
        if other.container not in named and _is_broken_now(other):
            named.add(other.container)
            yield f"{name(other.container)} ({other.cause})"


def _waits_for_the_same(one: Diagnosis, other: Diagnosis) -> bool:
    """Say whether two containers are not created for one reason, such as a volume of their Pod."""
    kinds = {one.symptom.kind, other.symptom.kind}
    if kinds != {SymptomKind.LASTING_CONDITION} or one.cause is not other.cause:
        return False
    return one.symptom.reason == other.symptom.reason == LastingCondition.NOT_CREATED


def _is_broken_now(diagnosis: Diagnosis) -> bool:
    """Say whether a container does not run: it waits, or has ended and was not restarted."""
    symptom = diagnosis.symptom
    if diagnosis.was_requested:
        return False
    return symptom.kind is not SymptomKind.TERMINATED or symptom.backing_off or symptom.final


def add_context(diagnosis: Diagnosis, summary: HistorySummary, others: Sequence[str]) -> Statement:
    """Add to the lines of a diagnosis.

    How often the container terminated belongs into the line of the diagnosis; where that is full,
    for hints of the history and for other broken containers, the line of evidence is shortened. The
    rest stands there as far as there is room.

    Args:
        diagnosis: the diagnosis.
        summary: the history of its container.
        others: the other broken containers, in words.
    """
    lines = diagnosis.statement
    if summary is NO_HISTORY and not others:
        return lines
    first = with_suffix(lines.diagnosis, summary.times)
    counted = ""
    if first is None and summary.times:
        counted = f"; {summary.times[-1].removeprefix(', for ')}"
    added = counted + summary.hints
    added += _also(others, MAX_ADDED_BYTES - len(added))
    evidence = lines.evidence
    if added and len(evidence.encode()) + len(added.encode()) > MAX_LINE_BYTES:
        limit = MAX_LINE_BYTES - len(added.encode())
        evidence = state(diagnosis.rule, diagnosis.symptom, limit).evidence
    evidence += added
    evidence = with_suffix(evidence, summary.details_beside(evidence)) or evidence
    return Statement(first or lines.diagnosis, evidence, lines.next_step)


def _also(others: Sequence[str], room: int) -> str:
    """Name as many other containers as there is room for, whole; how many, where it is for none."""
    for count in range(len(others), 0, -1):
        more = len(others) - count
        text = f"; also broken: {', '.join(others[:count])}{f' and {more} more' if more else ''}"
        if len(text.encode()) <= room:
            return text
    return f"; also broken: {len(others)} more" if others else ""
