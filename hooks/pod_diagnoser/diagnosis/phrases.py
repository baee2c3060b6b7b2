"""How sentences about endings are worded. Pure.

A clause says what is proved; what is not proved is worded as a possibility, with where the proof
would be found. Nothing in it depends on the clock or on the state after the crash.
"""

from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.diagnosis.symptoms import Symptom

_MAX_QUOTE_BYTES = 160
_KILLED = 128 + 9
"""The exit code that SIGKILL leaves."""


def quoted(text: str) -> str:
    """What kubelet or runtime say, in brackets; nothing where they say nothing."""
    said = sanitize(text.strip().rstrip("."), _MAX_QUOTE_BYTES)
    return f" ({said})" if said else ""


def logs_step(t: Symptom) -> str:
    """Where to look: what it wrote."""
    return t.logs_step


def _possible_kubelet_stops(t: Symptom) -> list[str]:
    """For what the kubelet may have stopped it, as far as Events do not tell."""
    if _events_name_no_stop(t):
        return []
    whats = []
    if t.probes:
        whats.append(f"after a failed {' or '.join(t.probes)} probe")
    if t.has_post_start_hook:
        whats.append("after a failed postStart hook")
    if t.resizable:
        whats.append("for a resize")
    return whats


def _events_name_no_stop(t: Symptom) -> bool:
    """Whether its Events were read in time, and tell nothing of it."""
    return t.evidence is not None and t.evidence.lookup is EventLookup.NOTHING


def _events_expired(t: Symptom) -> bool:
    """Whether Events of that time are gone."""
    return t.evidence is not None and t.evidence.lookup is EventLookup.EXPIRED


_UNREAD = {
    EventLookup.EXPIRED: " (Events of that time are gone)",
    EventLookup.REFUSED: " (its Events may not be read by this operator)",
    EventLookup.UNAVAILABLE: " (its Events could not be read)",
}


def unread_events_note(t: Symptom) -> str:
    """That Events could not be asked, where they could have told more."""
    return _UNREAD.get(t.evidence.lookup, "") if t.evidence else ""


def completed(t: Symptom) -> str:
    """What exit code 0 means."""
    if t.container_kind is ContainerKind.INIT:
        return (
            f"{t.subject_capitalized} exited with code 0, as it should, and was run again, as init containers are "
            "when a Pod's sandbox is made anew"
        )
    stoppers = _possible_kubelet_stops(t)
    if stoppers:
        return (
            f"{t.subject_capitalized} exited with code 0: the application ended by itself, or the kubelet stopped "
            f"it {' or '.join(stoppers)} and it left cleanly{unread_events_note(t)}"
        )
    silent = ", and its Events name no stop by the kubelet" if _events_name_no_stop(t) else ""
    return f"{t.subject_capitalized} exited with code 0, without an error of its own{silent}{unread_events_note(t)}"


def completed_step(t: Symptom) -> str:
    """Where to look after exit code 0."""
    if t.container_kind is ContainerKind.INIT:
        return f"look for a restart of {t.node_phrase}, its runtime or its network plugin"
    if _possible_kubelet_stops(t) and not _events_expired(t):
        return "Events named Killing or Unhealthy tell which; otherwise " + t.logs_step
    return (
        "a container that should keep running must stay in the foreground, one that should end "
        "belongs in a Job; " + t.logs_step
    )


def out_of_memory(t: Symptom) -> str:
    """What a kill for lack of memory means."""
    if t.memory_limit:
        return (
            f"{t.subject_capitalized} was killed for lack of memory (OOMKilled); "
            f"its memory limit is {t.memory_limit}"
        )
    return (
        f"{t.subject_capitalized} was killed for lack of memory (OOMKilled); it has no memory limit of its own, so "
        "the Pod's limit or the node's memory was used up"
    )


def out_of_memory_step(t: Symptom) -> str:
    """Where to look after a kill for lack of memory."""
    if t.memory_limit:
        return "compare its memory use over time with the limit, then fix the leak or raise it"
    return f"compare the memory use of the Pod with its limits and with what {t.node_phrase} has"


def killed(t: Symptom) -> str:
    """What SIGKILL means."""
    known = (
        f"{t.subject_capitalized} exited with 137, which is what SIGKILL leaves, unless the application itself "
        "chose that code; lack of memory was not reported, and "
    )
    if _events_name_no_stop(t):
        return known + (
            "its Events name no stop by the kubelet, which points to a process in the container or "
            "to something on the node"
        )
    suspects = [
        "a process in the container",
        *(f"the kubelet {what}" for what in _possible_kubelet_stops(t)),
    ]
    return known + (
        "the Pod does not tell who killed it "
        f"({', '.join(suspects)} or something on the node){unread_events_note(t)}"
    )


def killed_step(t: Symptom) -> str:
    """Where to look after SIGKILL."""
    if _events_name_no_stop(t) or _events_expired(t):
        return f"look at {t.node_phrase} and at what else can signal the process; " + t.logs_step
    return f"look at the Pod's Events (Killing, Unhealthy) and at {t.node_phrase}"


def terminated(t: Symptom) -> str:
    """What SIGTERM means."""
    if _events_name_no_stop(t):
        who = "something asked it to stop; its Events name no stop by the kubelet"
    else:
        stoppers = " or ".join(_possible_kubelet_stops(t))
        perhaps = f", perhaps the kubelet {stoppers}" if stoppers else ""
        who = f"something asked it to stop{perhaps}"
    return (
        f"{t.subject_capitalized} exited with 143, which is what SIGTERM leaves ({who}), unless the application "
        f"itself chose that code{unread_events_note(t)}"
    )


def terminated_step(t: Symptom) -> str:
    """Where to look after SIGTERM."""
    if _events_name_no_stop(t) or _events_expired(t):
        return t.logs_step
    return "the Pod's Events (Killing, Unhealthy) tell if the kubelet asked"


def application_error(t: Symptom) -> str:
    """What a code of the application's own means."""
    return f"{t.subject_capitalized} failed with exit code {t.exit_code_text}, a code of the application's own"


def exit_clause(t: Symptom) -> str:
    """How a container left that was stopped."""
    if t.exit_code == _KILLED:
        return "it ended with 137 (SIGKILL), as where its grace period is over"
    if t.exit_code == 0:
        return "it left cleanly (exit code 0)"
    return f"it left with exit code {t.exit_code_text}"


def kubelet_report(t: Symptom) -> str:
    """What the kubelet reports in addition."""
    return f" ({t.evidence.detail})" if t.evidence and t.evidence.detail else ""


def probe_output(t: Symptom) -> str:
    """What a probe or hook said: the application's own words, in quotation marks."""
    said = t.evidence.detail.replace('"', "'") if t.evidence else ""
    return f' ("{said}")' if said else ""


def pull_step(t: Symptom) -> str:
    """Where to look when an image cannot be pulled."""
    return (
        f"kubectl describe pod -n {t.namespace} {t.pod} shows the registry's answer: check the "
        "image's name and tag, imagePullSecrets and the way to the registry"
    )


def never_ran(t: Symptom) -> str:
    """That it never ran, with what the runtime said."""
    said = t.message.rpartition("unable to start container process: ")[2]
    return (
        f"{t.subject_capitalized} never ran: the container runtime could not start it{quoted(said)}"
    )


def image_name(t: Symptom) -> str:
    """Its image's name, behind a word."""
    return f" {t.image}" if t.image else ""
