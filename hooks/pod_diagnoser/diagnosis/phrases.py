"""How sentences about endings are worded. Pure.

A clause says what is proved; what is not proved is worded as a possibility, with where the proof
would be found. Nothing in it depends on the clock or on the state after the crash.
"""

from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.api.text import clean
from pod_diagnoser.diagnosis.evidence import Asked
from pod_diagnoser.diagnosis.symptoms import Ending

_MAX_QUOTE_BYTES = 160
_KILLED = 128 + 9
"""The exit code that SIGKILL leaves."""


def quoted(text: str) -> str:
    """What kubelet or runtime say, in brackets; nothing where they say nothing."""
    said = clean(text.strip().rstrip("."), _MAX_QUOTE_BYTES)
    return f" ({said})" if said else ""


def logs(t: Ending) -> str:
    """Where to look: what it wrote."""
    return t.previous_logs


def _stoppers(t: Ending) -> list[str]:
    """For what the kubelet may have stopped it, as far as Events do not tell."""
    if _events_silent(t):
        return []
    whats = []
    if t.probes:
        whats.append(f"after a failed {' or '.join(t.probes)} probe")
    if t.post_start:
        whats.append("after a failed postStart hook")
    if t.resizable:
        whats.append("for a resize")
    return whats


def _events_silent(t: Ending) -> bool:
    """Whether its Events were read in time, and tell nothing of it."""
    return t.evidence is not None and t.evidence.asked is Asked.NOTHING


def _gone(t: Ending) -> bool:
    """Whether Events of that time are gone."""
    return t.evidence is not None and t.evidence.asked is Asked.EXPIRED


_UNREAD = {
    Asked.EXPIRED: " (Events of that time are gone)",
    Asked.REFUSED: " (its Events may not be read by this operator)",
    Asked.UNAVAILABLE: " (its Events could not be read)",
}


def unread(t: Ending) -> str:
    """That Events could not be asked, where they could have told more."""
    return _UNREAD.get(t.evidence.asked, "") if t.evidence else ""


def completed(t: Ending) -> str:
    """What exit code 0 means."""
    if t.kind is ContainerKind.INIT:
        return (
            f"{t.who} exited with code 0, as it should, and was run again, as init containers are "
            "when a Pod's sandbox is made anew"
        )
    stoppers = _stoppers(t)
    if stoppers:
        return (
            f"{t.who} exited with code 0: the application ended by itself, or the kubelet stopped "
            f"it {' or '.join(stoppers)} and it left cleanly{unread(t)}"
        )
    silent = ", and its Events name no stop by the kubelet" if _events_silent(t) else ""
    return f"{t.who} exited with code 0, without an error of its own{silent}{unread(t)}"


def completed_step(t: Ending) -> str:
    """Where to look after exit code 0."""
    if t.kind is ContainerKind.INIT:
        return f"look for a restart of {t.where}, its runtime or its network plugin"
    if _stoppers(t) and not _gone(t):
        return "Events named Killing or Unhealthy tell which; otherwise " + t.previous_logs
    return (
        "a container that should keep running must stay in the foreground, one that should end "
        "belongs in a Job; " + t.previous_logs
    )


def out_of_memory(t: Ending) -> str:
    """What a kill for lack of memory means."""
    if t.memory_limit:
        return (
            f"{t.who} was killed for lack of memory (OOMKilled); "
            f"its memory limit is {t.memory_limit}"
        )
    return (
        f"{t.who} was killed for lack of memory (OOMKilled); it has no memory limit of its own, so "
        "the Pod's limit or the node's memory was used up"
    )


def out_of_memory_step(t: Ending) -> str:
    """Where to look after a kill for lack of memory."""
    if t.memory_limit:
        return "compare its memory use over time with the limit, then fix the leak or raise it"
    return f"compare the memory use of the Pod with its limits and with what {t.where} has"


def killed(t: Ending) -> str:
    """What SIGKILL means."""
    known = (
        f"{t.who} exited with 137, which is what SIGKILL leaves, unless the application itself "
        "chose that code; lack of memory was not reported, and "
    )
    if _events_silent(t):
        return known + (
            "its Events name no stop by the kubelet, which points to a process in the container or "
            "to something on the node"
        )
    suspects = ["a process in the container", *(f"the kubelet {what}" for what in _stoppers(t))]
    return known + (
        "the Pod does not tell who killed it "
        f"({', '.join(suspects)} or something on the node){unread(t)}"
    )


def killed_step(t: Ending) -> str:
    """Where to look after SIGKILL."""
    if _events_silent(t) or _gone(t):
        return f"look at {t.where} and at what else can signal the process; " + t.previous_logs
    return f"look at the Pod's Events (Killing, Unhealthy) and at {t.where}"


def terminated(t: Ending) -> str:
    """What SIGTERM means."""
    if _events_silent(t):
        who = "something asked it to stop; its Events name no stop by the kubelet"
    else:
        stoppers = " or ".join(_stoppers(t))
        perhaps = f", perhaps the kubelet {stoppers}" if stoppers else ""
        who = f"something asked it to stop{perhaps}"
    return (
        f"{t.who} exited with 143, which is what SIGTERM leaves ({who}), unless the application "
        f"itself chose that code{unread(t)}"
    )


def terminated_step(t: Ending) -> str:
    """Where to look after SIGTERM."""
    if _events_silent(t) or _gone(t):
        return t.previous_logs
    return "the Pod's Events (Killing, Unhealthy) tell if the kubelet asked"


def own_code(t: Ending) -> str:
    """What a code of the application's own means."""
    return f"{t.who} failed with exit code {t.code}, a code of the application's own"


def left(t: Ending) -> str:
    """How a container left that was stopped."""
    if t.exit_code == _KILLED:
        return "it ended with 137 (SIGKILL), as where its grace period is over"
    if t.exit_code == 0:
        return "it left cleanly (exit code 0)"
    return f"it left with exit code {t.code}"


def reported(t: Ending) -> str:
    """What the kubelet reports in addition."""
    return f" ({t.evidence.detail})" if t.evidence and t.evidence.detail else ""


def detail(t: Ending) -> str:
    """What a probe or hook said: the application's own words, in quotation marks."""
    said = t.evidence.detail.replace('"', "'") if t.evidence else ""
    return f' ("{said}")' if said else ""


def pull_step(t: Ending) -> str:
    """Where to look when an image cannot be pulled."""
    return (
        f"kubectl describe pod -n {t.namespace} {t.pod} shows the registry's answer: check the "
        "image's name and tag, imagePullSecrets and the way to the registry"
    )


def never_ran(t: Ending) -> str:
    """That it never ran, with what the runtime said."""
    said = t.message.rpartition("unable to start container process: ")[2]
    return f"{t.who} never ran: the container runtime could not start it{quoted(said)}"


def named(t: Ending) -> str:
    """Its image's name, behind a word."""
    return f" {t.image}" if t.image else ""
