"""The words of a diagnosis: templates, what fills their placeholders, and clauses with a choice.

A clause says what is proved; what is not proved is worded as a possibility, with where the proof
would be found. Nothing depends on the clock or on the state after the crash.
"""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from string import Formatter
from typing import Final

from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.diagnosis.symptoms import SIGNAL_BASE, Symptom

Phrase = Callable[[Symptom], str]
"""Makes words from a symptom."""

_SIGKILL: Final = SIGNAL_BASE + 9


@cache
def _parse(template: str) -> tuple[tuple[str, Phrase], ...]:
    """Split a template into its texts, each with the phrase that follows it."""
    return tuple(
        (text, PLACEHOLDERS[name] if name is not None else _nothing)
        for text, name, _, _ in Formatter().parse(template)
    )


def _nothing(_: Symptom) -> str:
    return ""


def render(text: str | Phrase, symptom: Symptom) -> str:
    """Fill a template, or call a phrase.

    Templates are filled once, and what fills them is never read as a template: names and messages
    of a Pod may hold braces.

    Raises:
        KeyError: the template has a placeholder that is not one of `PLACEHOLDERS`.
    """
    if callable(text):
        return text(symptom)
    rendered = ""
    for literal, phrase in _parse(text):
        rendered += literal + phrase(symptom)
    return rendered


# Phrases that are placeholders of templates


def exit_clause(symptom: Symptom) -> str:
    """How a container ended that was stopped."""
    if symptom.exit_code == _SIGKILL:
        return "it was killed by SIGKILL (exit code 137), as after its grace period"
    if symptom.exit_code == 0:
        return "it left cleanly (exit code 0)"
    return f"it left with exit code {symptom.exit_code_text}"


def _quoted_image(symptom: Symptom) -> str:
    """The image's name in quotation marks."""
    name = symptom.image.replace('"', "'")
    return f'"{name}"' if name else "its image"


def _kubelet_report(symptom: Symptom) -> str:
    """What an Event of the kubelet says in addition."""
    detail = symptom.evidence.detail if symptom.evidence else ""
    return f" ({detail})" if detail else ""


def _probe_output(symptom: Symptom) -> str:
    """What a probe or hook wrote: the application's own words, in quotation marks."""
    output = symptom.evidence.detail.replace('"', "'") if symptom.evidence else ""
    return f' ("{output}")' if output else ""


_UNREAD_EVENTS: Final = {
    EventLookup.EXPIRED: " (Events of that time are gone)",
    EventLookup.REFUSED: " (its Events may not be read by this operator)",
    EventLookup.UNAVAILABLE: " (its Events could not be read)",
}


def _unread_events(symptom: Symptom) -> str:
    """Return why the Events, which could have shown more, were not read; or an empty string."""
    return _UNREAD_EVENTS.get(symptom.evidence.lookup, "") if symptom.evidence else ""


PLACEHOLDERS: Final[Mapping[str, Phrase]] = {
    "Subject": attrgetter("subject_capitalized"),
    "subject": attrgetter("subject"),
    "namespace": attrgetter("namespace"),
    "pod": attrgetter("pod"),
    "node": attrgetter("node_phrase"),
    "reason": attrgetter("reason"),
    "exit_code": attrgetter("exit_code_text"),
    "signal": lambda symptom: str((symptom.exit_code or 0) - SIGNAL_BASE),
    "image": lambda symptom: f" {symptom.image}" if symptom.image else "",
    "quoted_image": _quoted_image,
    "message": lambda symptom: f" ({symptom.message})" if symptom.message else "",
    "deadline": lambda symptom: "" if symptom.deadline is None else f" of {symptom.deadline}",
    "logs_step": attrgetter("logs_step"),
    "exit_clause": exit_clause,
    "kubelet_report": _kubelet_report,
    "probe_output": _probe_output,
    "unread_events": _unread_events,
}
"""What may be in braces in a template."""


# Phrases with a choice


def _possible_kubelet_stops(symptom: Symptom) -> list[str]:
    """Return why the kubelet may have stopped the container, where its Events do not say it."""
    if _events_name_no_stop(symptom):
        return []
    occasions = []
    if symptom.probes:
        occasions.append(f"after a failed {' or '.join(symptom.probes)} probe")
    if symptom.has_post_start_hook:
        occasions.append("after a failed postStart hook")
    if symptom.resizable:
        occasions.append("for a resize")
    return occasions


def _events_name_no_stop(symptom: Symptom) -> bool:
    """Whether its Events were read in time, and none is about a stop of the container."""
    return symptom.evidence is not None and symptom.evidence.lookup is EventLookup.NOTHING


def _events_expired(symptom: Symptom) -> bool:
    return symptom.evidence is not None and symptom.evidence.lookup is EventLookup.EXPIRED


def completed(symptom: Symptom) -> str:
    """What exit code 0 means."""
    exited = f"{symptom.subject_capitalized} exited with code 0"
    if symptom.container_kind is ContainerKind.INIT:
        return (
            f"{exited}, as it should, and was run again, as init containers are "
            "when a Pod's sandbox is created again"
        )
    unread = _unread_events(symptom)
    stops = _possible_kubelet_stops(symptom)
    if stops:
        return (
            f"{exited}: the application ended by itself, or the kubelet stopped "
            f"it {' or '.join(stops)} and it left cleanly{unread}"
        )
    no_stop = (
        ", and its Events name no stop by the kubelet" if _events_name_no_stop(symptom) else ""
    )
    return f"{exited}, without an error of its own{no_stop}{unread}"


def completed_step(symptom: Symptom) -> str:
    """Where to look after exit code 0."""
    if symptom.container_kind is ContainerKind.INIT:
        node = symptom.node_phrase
        return f"look for a restart of {node}, its runtime or its network plugin"
    if _possible_kubelet_stops(symptom) and not _events_expired(symptom):
        return f"Events named Killing or Unhealthy tell which; otherwise {symptom.logs_step}"
    return (
        "a container that should keep running must stay in the foreground, one that should end "
        f"belongs in a Job; {symptom.logs_step}"
    )


def out_of_memory(symptom: Symptom) -> str:
    """What a kill for lack of memory means."""
    known = f"{symptom.subject_capitalized} was killed for lack of memory (OOMKilled); "
    if symptom.memory_limit:
        return known + f"its memory limit is {symptom.memory_limit}"
    return known + (
        "it has no memory limit of its own, so the Pod's limit or the node's memory was used up"
    )


def out_of_memory_step(symptom: Symptom) -> str:
    """Where to look after a kill for lack of memory."""
    if symptom.memory_limit:
        return "compare its memory use over time with the limit, then fix the leak or raise it"
    node = symptom.node_phrase
    return f"compare the memory use of the Pod with its limits and with what {node} has"


def child_out_of_memory_step(symptom: Symptom) -> str:
    """Where to look after a child process was killed for lack of memory."""
    limit = symptom.memory_limit
    compare = f"compare its memory use with its limit {limit}; " if limit else ""
    return compare + symptom.logs_step


def killed(symptom: Symptom) -> str:
    """What SIGKILL means."""
    known = (
        f"{symptom.subject_capitalized} was killed by SIGKILL (exit code 137), unless the "
        "application itself chose that code; lack of memory was not reported, and "
    )
    if _events_name_no_stop(symptom):
        return known + (
            "its Events name no stop by the kubelet, which points to a process in the container or "
            "to something on the node"
        )
    suspects = [
        "a process in the container",
        *(f"the kubelet {occasion}" for occasion in _possible_kubelet_stops(symptom)),
    ]
    return known + (
        "the Pod does not tell who killed it "
        f"({', '.join(suspects)} or something on the node){_unread_events(symptom)}"
    )


def killed_step(symptom: Symptom) -> str:
    """Where to look after SIGKILL."""
    node = symptom.node_phrase
    if _events_name_no_stop(symptom) or _events_expired(symptom):
        return f"look at {node} and at what else can signal the process; {symptom.logs_step}"
    return f"look at the Pod's Events (Killing, Unhealthy) and at {node}"


def terminated(symptom: Symptom) -> str:
    """What SIGTERM means."""
    if _events_name_no_stop(symptom):
        possibly = "; its Events name no stop by the kubelet"
    else:
        stops = " or ".join(_possible_kubelet_stops(symptom))
        possibly = f", perhaps the kubelet {stops}" if stops else ""
    return (
        f"{symptom.subject_capitalized} was stopped by SIGTERM (exit code 143; something asked "
        f"it to stop{possibly}), unless the application itself chose that code"
        f"{_unread_events(symptom)}"
    )


def terminated_step(symptom: Symptom) -> str:
    """Where to look after SIGTERM."""
    if _events_name_no_stop(symptom) or _events_expired(symptom):
        return symptom.logs_step
    return "the Pod's Events (Killing, Unhealthy) tell if the kubelet asked"
