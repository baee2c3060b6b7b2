"""The words of a diagnosis: what fills the placeholders of templates, and templates with a choice.

A template of `diagnosis` says what is proved. What is not proved stands in `evidence` as such, with
where the proof would be found. Nothing depends on the clock or on the state after the crash.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Final

from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis import quoting
from pod_diagnoser.diagnosis.evidence import (
    EventFinding,
    EventLookup,
    Evidence,
    OutputSource,
)
from pod_diagnoser.diagnosis.messages import Problem, proof_of
from pod_diagnoser.diagnosis.problem_words import SYMPTOM_PLACEHOLDERS, ProblemKind
from pod_diagnoser.diagnosis.reason_steps import name_in
from pod_diagnoser.diagnosis.statement import (
    MAX_LINE_BYTES,
    Forms,
    Outside,
    Part,
    Value,
    compile_template,
    fit_line,
)
from pod_diagnoser.diagnosis.symptoms import (
    SIGNAL_BASE,
    STATUS_CONTROL_C_EXIT,
    LastingCondition,
    Symptom,
    SymptomKind,
)

Template = Callable[[Symptom], str]
"""Picks a template for a symptom."""

_SIGKILL: Final = SIGNAL_BASE + 9

_remembered = lru_cache(maxsize=1024)
"""For words of names alone: a Pod is synced many times, and its names stay."""


def render(template: str | Template, symptom: Symptom, limit: int = MAX_LINE_BYTES) -> str:
    """Make a line about a symptom.

    Raises:
        KeyError: the template has a placeholder that is not one of `PLACEHOLDERS`.
        ValueError: the template is not well formed.
    """
    text = template(symptom) if callable(template) else template
    return fit_line(_compiled(text), symptom, limit)


@cache
def _compiled(template: str) -> tuple[Part[Symptom], ...]:
    """Compile a template; there are as many as rows and kinds of problem have."""
    return compile_template(template, _filler)


def _filler(placeholder: str) -> Callable[[Symptom], Value]:
    """Return what fills a placeholder: a phrase about the symptom, or a field of its problem."""
    if placeholder.startswith(_PROBLEM_PREFIX):
        return partial(_problem_field, name=placeholder.removeprefix(_PROBLEM_PREFIX))
    return PLACEHOLDERS[placeholder]


# What fills placeholders


def _subject(symptom: Symptom) -> Forms:
    return _subject_forms(symptom.container_kind, symptom.container)


def _subject_capitalized(symptom: Symptom) -> Forms:
    return _subject_forms(symptom.container_kind, symptom.container, capitalized=True)


@_remembered
def _subject_forms(
    kind: ContainerKind | None, container: str, *, capitalized: bool = False
) -> Forms:
    """Who it is about: ``init container setup``; ``the Pod``, whose name is where the line is."""
    texts = (f"{kind} {quoting.name(container)}", f"the {kind}") if kind else ("the Pod",)
    return Forms(tuple(text[0].upper() + text[1:] for text in texts) if capitalized else texts)


def _node(symptom: Symptom) -> Forms:
    if not symptom.node:
        return Forms(("its node",))
    return Forms((f"node {quoting.name(symptom.node)}", "its node"))


def _image(symptom: Symptom) -> Forms:
    forms = quoting.image_forms(symptom.image)
    return Forms((*(f"image {form}" for form in forms), "its image"))


def _quoted_image(symptom: Symptom) -> Value:
    return Outside(symptom.image) if symptom.image else "its image"


def _event_name(symptom: Symptom) -> str:
    """The Event that proves the finding: its reason and, where it is known, its time."""
    finding, evidence = symptom.event_finding, symptom.evidence
    if finding is None or evidence is None:
        return ""
    proof = _EVENTS.get(finding, "")
    if not evidence.event:
        return proof
    event = _event_with_time(evidence)
    return f"{proof} ({event})" if proof and evidence.event == "Unhealthy" != proof else event


def _event_with_time(evidence: Evidence) -> str:
    at = f" {evidence.event_time:%H:%M:%S} UTC" if evidence.event_time else ""
    return f"{quoting.word(evidence.event)}{at}"


def _hint(symptom: Symptom) -> str:
    """An Event that may have to do with the end, and proves nothing; or an empty string."""
    evidence = symptom.evidence
    if evidence is None or evidence.finding is not None or not evidence.event:
        return ""
    return f"Event {_event_with_time(evidence)}"


def _hint_detail(symptom: Symptom) -> Outside:
    """What that Event says."""
    evidence = symptom.evidence
    return Outside(evidence.detail if evidence and evidence.finding is None else "")


def _message(symptom: Symptom) -> Outside:
    """What kubelet or runtime say in addition."""
    return _with_proof(symptom.message, symptom.problem)


def _event_detail(symptom: Symptom) -> Outside:
    """What a probe, a hook or an Event says in addition."""
    evidence = symptom.evidence
    return _with_proof(evidence.detail, evidence.problem) if evidence else Outside("")


_SHORT_BYTES: Final = 48
"""A text that is never shortened, as far as possible."""


def _with_proof(text: str, problem: Problem | None) -> Outside:
    """A message of which the words stay that show its problem, if something is left out."""
    if problem is None or len(text) <= _SHORT_BYTES:
        return Outside(text)
    return Outside(text, proof_of(problem.kind, text))


def _run(symptom: Symptom) -> str:
    """How long the container ran, or an empty string where that is not known."""
    started, finished = symptom.started_at, symptom.finished_at
    if started is None or finished is None or finished < started:
        return ""
    return duration(int((finished - started).total_seconds()))


def _since(symptom: Symptom) -> str:
    """Since when it is so: with the date, since it may have been for days."""
    return "" if symptom.started_at is None else f"{symptom.started_at:%Y-%m-%d %H:%M} UTC"


def _listed_names(symptom: Symptom) -> Value:
    """Containers, finalizers or readiness gates; without quotes where all of them are names."""
    listed = " and ".join(symptom.names)
    if len(listed) <= _SHORT_BYTES and all(map(quoting.is_name, symptom.names)):
        return listed
    return Outside(", ".join(symptom.names))


def _pull_since(symptom: Symptom) -> str:
    return _time(symptom.evidence.since if symptom.evidence else None)


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%H:%M:%S} UTC"


def _said(symptom: Symptom) -> Outside:
    """What the container's output says of its end; what the next step names stays in it."""
    output = symptom.output
    if output is None:
        return Outside("")
    name = name_in(output).lower()
    return Outside(output.said, (name,) if name and len(output.said) > _SHORT_BYTES else ())


def _output(symptom: Symptom) -> str:
    """Which output that is."""
    return _OUTPUTS[symptom.output.source] if symptom.output else ""


def _unread_events(symptom: Symptom) -> str:
    """Return why the Events, which could have shown more, do not; or an empty string."""
    evidence = symptom.evidence
    if evidence is None or (evidence.is_unclear and symptom.kind is not SymptomKind.TERMINATED):
        return ""
    return _UNREAD_EVENTS.get(evidence.lookup, "")


def _restart_rule(symptom: Symptom) -> str:
    if not symptom.restart_rule:
        return ""
    what = "all containers are" if symptom.restart_rule_of_all else "it is"
    return f"{what} started again by a restart rule for this exit code"


def _logs(symptom: Symptom) -> Forms:
    # The log of a container that is not started again, or runs, is the current one.
    is_current = symptom.final or symptom.kind is SymptomKind.LASTING_CONDITION
    previous = () if is_current else ("--previous",)
    return _logs_command(symptom.namespace, symptom.pod, symptom.container, previous)


@_remembered
def _logs_command(namespace: str, pod: str, container: str, previous: tuple[str, ...]) -> Forms:
    """The command that shows the container's last output."""
    names = (namespace, pod, container)
    words = ("-n", namespace, pod, "-c", container, *previous)
    return _command(
        quoting.kubectl("logs", *words, names=names), quoting.kubectl("logs", *previous)
    )


def _describe(symptom: Symptom) -> Forms:
    return _describe_command(symptom.namespace, symptom.pod)


@_remembered
def _describe_command(namespace: str, pod: str) -> Forms:
    names = (namespace, pod)
    command = quoting.kubectl("describe", "pod", "-n", *names, names=names)
    return _command(command, quoting.kubectl("describe", "pod"))


def _describe_node(symptom: Symptom) -> Forms:
    return _describe_node_command(symptom.node)


@_remembered
def _describe_node_command(node: str) -> Forms:
    command = quoting.kubectl("describe", "node", node, names=(node,))
    return _command(command, quoting.kubectl("describe", "node"))


def _describe_claim(symptom: Symptom) -> Forms:
    names = (symptom.namespace, *_claims(symptom))
    command = quoting.kubectl("describe", "pvc", "-n", *names, names=names)
    return _command(command, quoting.kubectl("describe", "pvc", "-n", names[0], names=names[:1]))


def _claims(symptom: Symptom) -> tuple[str, ...]:
    """The claims that a problem is about: the one that its message names, or all of the Pod."""
    problem = symptom.known_problem
    claim = problem.fields.get("claim") if problem else None
    if claim:
        return (claim,)
    return symptom.names if symptom.reason == LastingCondition.UNSCHEDULABLE else ()


def _problem_field(symptom: Symptom, name: str) -> str:
    """What fills a placeholder of a problem's words."""
    problem = symptom.known_problem
    if problem is not None and name in problem.fields:
        return problem.fields[name]
    return " or ".join(map(quoting.name, _claims(symptom))) if name == "claim" else ""


def _command(command: str, without_names: str) -> Forms:
    return Forms(tuple(filter(None, (command, without_names))), is_command=True)


def _exit(symptom: Symptom) -> str:
    """Reason and exit code, as the Pod's status has them."""
    reason = quoting.word(symptom.reason) if symptom.reason else ""
    code = f"exit code {symptom.exit_code_text}"
    return f"{reason}, {code}" if reason else code


def exit_clause(symptom: Symptom) -> str:
    """How a container ended that was stopped."""
    if symptom.exit_code == _SIGKILL:
        return "it was killed after its grace period (exit code 137)"
    if symptom.exit_code == 0:
        return "it left cleanly (exit code 0)"
    if symptom.windows_status == STATUS_CONTROL_C_EXIT:
        return "Windows status 0xC000013A (STATUS_CONTROL_C_EXIT): stopped from outside"
    return f"it left with exit code {symptom.exit_code_text}"


def _child_out_of_memory(symptom: Symptom) -> str:
    """What the reason means where something else explains the end."""
    return "OOMKilled: a child process, perhaps earlier" if symptom.reason == "OOMKilled" else ""


_EVENTS: Final[Mapping[EventFinding, str]] = {
    EventFinding.LIVENESS_PROBE: "Killing",
    EventFinding.STARTUP_PROBE: "Killing",
    EventFinding.POST_START_HOOK: "FailedPostStartHook",
    EventFinding.SANDBOX_CHANGED: "SandboxChanged",
    EventFinding.RESIZED: "Killing",
    EventFinding.DEFINITION_CHANGED: "Killing",
    EventFinding.STOPPED: "Killing",
    EventFinding.MOUNT_FAILED: "FailedMount",
    EventFinding.SANDBOX_FAILED: "FailedCreatePodSandBox",
    EventFinding.READINESS_PROBE: "Unhealthy",
    EventFinding.STARTUP_PROBE_FAILS: "Unhealthy",
    EventFinding.DEVICES_FAILED: "FailedPrepareDynamicResources",
    EventFinding.CLAIM_FAILED: "FailedResourceClaimCreation",
    EventFinding.SETUP_FAILED: "FailedCreatePodContainer",
    EventFinding.PULL_FAILED: "Failed",
    EventFinding.PULLING: "Pulling",
    EventFinding.STOP_FAILED: "FailedKillPod",
    EventFinding.NODE_OUT_OF_MEMORY: "SystemOOM",
    EventFinding.NODE_REBOOTED: "Rebooted",
}

_UNREAD_EVENTS: Final = {
    EventLookup.NOTHING: "its Events are incomplete",
    EventLookup.UNCLEAR: "its Events are about several ends",
    EventLookup.EXPIRED: "Events of that time are gone",
    EventLookup.REFUSED: "its Events may not be read",
    EventLookup.UNAVAILABLE: "its Events could not be read",
}

_OUTPUTS: Final = {
    OutputSource.LOG: "its log",
    OutputSource.MESSAGE: "its termination message",
}

PLACEHOLDERS: Final[Mapping[str, Callable[[Symptom], Value]]] = {
    "Subject": _subject_capitalized,
    "subject": _subject,
    "node": _node,
    "image": _image,
    "quoted_image": _quoted_image,
    "reason": lambda symptom: quoting.word(symptom.reason) if symptom.reason else "",
    "exit": _exit,
    "exit_code": lambda symptom: symptom.exit_code_text,
    "exit_clause": exit_clause,
    "child_out_of_memory": _child_out_of_memory,
    "signal": lambda symptom: str((symptom.exit_code or 0) - SIGNAL_BASE),
    "message": _message,
    "deadline": lambda symptom: "" if symptom.deadline is None else f"{symptom.deadline} s",
    "limit": lambda symptom: quoting.word(symptom.memory_limit) if symptom.memory_limit else "",
    "run": _run,
    "since": _since,
    "event": _event_name,
    "event_detail": _event_detail,
    "hint": _hint,
    "hint_detail": _hint_detail,
    "said": _said,
    "said_name": lambda symptom: Outside(name_in(symptom.output) if symptom.output else ""),
    "output": _output,
    "reason_class": lambda symptom: symptom.output.reason_class if symptom.output else "",
    "unread_events": _unread_events,
    "restart_rule": _restart_rule,
    "names": _listed_names,
    "pull_since": _pull_since,
    "windows_status": lambda symptom: f"0x{symptom.windows_status or 0:08X}",
    "namespace": lambda symptom: quoting.name(symptom.namespace),
    "logs": _logs,
    "describe": _describe,
    "describe_node": _describe_node,
    "describe_claim": _describe_claim,
}
"""What may be in braces in a template."""

_UNITS: Final = (("s", 1), ("min", 60), ("h", 3600), ("days", 86_400))
_MIN_UNITS: Final = 2
"""How many of a unit it takes to use it: 119 s, then 2 min."""


def duration(seconds: int) -> str:
    """Write a duration: ``less than 1 s``, ``97 s``, ``12 min``."""
    if seconds < 1:
        return "less than 1 s"
    symbol, length = next(
        (unit for unit in reversed(_UNITS) if seconds >= _MIN_UNITS * unit[1]), _UNITS[0]
    )
    return f"{seconds // length} {symbol}"


# Templates with a choice


def _possible_kubelet_stops(symptom: Symptom) -> list[str]:
    """Return why the kubelet may have stopped the container, where its Events do not say it."""
    if _events_name_no_stop(symptom):
        return []
    occasions = []
    if symptom.probes:
        occasions.append(f"{' or '.join(symptom.probes)} probe")
    if symptom.has_post_start_hook:
        occasions.append("postStart hook")
    if symptom.resizable:
        occasions.append("resize")
    return occasions


def _events_name_no_stop(symptom: Symptom) -> bool:
    """Whether its Events would tell of a stop of the container, and none does."""
    return symptom.evidence is not None and symptom.evidence.lookup is EventLookup.SILENT


def _unclear_step(symptom: Symptom) -> str:
    """Where to look where the Events of a probe's kill may have been dropped; or empty."""
    if symptom.evidence is None or not symptom.evidence.is_unclear or not symptom.probes:
        return ""
    return f"[find out whether its {' or '.join(symptom.probes)} probe fails: ]{{logs}}"


def completed(symptom: Symptom) -> str:
    """What exit code 0 means."""
    if symptom.container_kind is ContainerKind.INIT:
        return "{Subject} succeeded, and was run again because the Pod's sandbox was created again"
    if _possible_kubelet_stops(symptom):
        return "{Subject} exited with code 0[ after {run}], by itself or when asked to stop"
    return "{Subject} exited with code 0 (no error)[ after {run}]"


def completed_evidence(symptom: Symptom) -> str:
    """What is known, and what is not, about an exit with code 0."""
    stops = _possible_kubelet_stops(symptom)
    if symptom.container_kind is ContainerKind.INIT:
        return "{exit}; not proved: that the sandbox was created again"
    if stops:
        return (
            f"{{exit}}[; {{unread_events}}]; possible: a stop by the kubelet ({', '.join(stops)})"
            "[; {hint}][ {hint_detail}]"
        )
    no_stop = "; no Event tells of a stop" if _events_name_no_stop(symptom) else ""
    return f"{{exit}}{no_stop}[; {{unread_events}}][; {{restart_rule}}]"


def completed_step(symptom: Symptom) -> str:
    """Where to look after exit code 0."""
    if symptom.container_kind is ContainerKind.INIT:
        return (
            "[look for a restart of the node, its runtime or its network plug-in: ]{describe_node}"
        )
    return _unclear_step(symptom) or (
        "[see why it ended (a service must stay in the foreground): ]{logs}"
    )


def out_of_memory(symptom: Symptom) -> str:
    """What a kill for lack of memory means."""
    if symptom.memory_limit:
        return "{Subject} ran out of memory and was killed (OOMKilled); its limit is {limit}"
    return (
        "{Subject} was killed for lack of memory (OOMKilled); it has no memory limit: "
        "the Pod or the node ran out"
    )


def out_of_memory_step(symptom: Symptom) -> str:
    """Where to look after a kill for lack of memory."""
    if symptom.memory_limit:
        return "compare its memory use with the limit of {limit}: fix a leak, or raise the limit"
    return (
        "set a memory request and limit; see what else uses the memory of the node: {describe_node}"
    )


def killed_evidence(symptom: Symptom) -> str:
    """What is known, and what is not, about a kill."""
    if _events_name_no_stop(symptom):
        if _hint(symptom):
            return "not OOMKilled, no Event of a stop by the kubelet; see {hint}[ {hint_detail}]"
        return (
            "not OOMKilled, no Event of a stop by the kubelet; possible: a process in "
            "it, or something on its node"
        )
    stops = _possible_kubelet_stops(symptom)
    kubelet = f"the kubelet ({', '.join(stops)}), " if stops else ""
    if _hint(symptom):
        return (
            f"not proved: {kubelet}{{hint}}[ {{hint_detail}}][; {{unread_events}}][; not OOMKilled]"
        )
    if stops and symptom.evidence is not None and symptom.evidence.is_unclear:
        return (
            f"{{unread_events}}; possible: the kubelet ({', '.join(stops)})"
            "[, a process in it, or something on its node][; not OOMKilled]"
        )
    return (
        "not OOMKilled[; {unread_events}]"
        f"; possible: {kubelet}a process in it, or something on its node"
    )


def killed_step(symptom: Symptom) -> str:
    """Where to look after SIGKILL."""
    if _possible_kubelet_stops(symptom):
        return _unclear_step(symptom) or "[look for its Events Killing and Unhealthy: ]{describe}"
    return "[see what happened on the node: ]{describe_node}"


def terminated_evidence(symptom: Symptom) -> str:
    """What is known, and what is not, about a stop by SIGTERM."""
    if _events_name_no_stop(symptom):
        return "exit code 143 is 128 + signal 15; no Event tells of a stop by the kubelet"
    stops = _possible_kubelet_stops(symptom)
    possibly = f"; possible: the kubelet ({', '.join(stops)})" if stops else ""
    return (
        f"exit code 143 is 128 + signal 15[; {{unread_events}}]{possibly}"
        "[; {hint}][ {hint_detail}]"
    )


def terminated_step(symptom: Symptom) -> str:
    """Where to look after SIGTERM."""
    if _possible_kubelet_stops(symptom):
        return _unclear_step(symptom) or "[look for its Events Killing and Unhealthy: ]{describe}"
    return "[see its last output: ]{logs}"


# What follows from a message


_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_PROBLEM_PREFIX: Final = "problem_"


@cache
def _qualified(template: str) -> str:
    """Tell the placeholders of a problem's words, which its message fills, from those of symptoms.

    The same name may stand for something else in both: a limit, a volume.
    """

    def qualify(match: re.Match[str]) -> str:
        name = match[1]
        return match[0] if name in SYMPTOM_PLACEHOLDERS else f"{{{_PROBLEM_PREFIX}{name}}}"

    return _PLACEHOLDER.sub(qualify, template)


def step_by_problem(otherwise: str) -> Template:
    """Return what picks the next step by the kind of problem, or another one where it has none."""

    def step(symptom: Symptom) -> str:
        problem = symptom.known_problem
        return _qualified(problem.next_step) if problem else otherwise

    return step


def by_problem(lead: str, otherwise: str, *, after: str = "") -> Template:
    """Return what says what is wrong in plain words, if the kind of problem is known.

    Args:
        lead: what stands before these words.
        otherwise: the template where they are not known.
        after: what stands behind them.
    """

    def words(symptom: Symptom) -> str:
        problem = symptom.known_problem
        meaning = problem.meaning if problem else ""
        return f"{lead}{_qualified(meaning)}{after}" if meaning else otherwise

    return words


_CANNOT_START: Final = "{Subject} cannot start: "

cannot_be_pulled: Final = by_problem(
    _CANNOT_START, "{Subject} cannot start: {image} cannot be pulled", after="[ ({image})]"
)
cannot_be_created: Final = by_problem(
    _CANNOT_START, "{Subject} cannot start: it could not be created[: {message}]"
)
never_ran: Final = by_problem(
    "{Subject} never ran: ", "{Subject} never ran: the runtime could not start it[: {message}]"
)
volume_not_mounted: Final = by_problem(
    _CANNOT_START, "{Subject} cannot start: a volume is not mounted[: {event_detail}]"
)
sandbox_not_created: Final = by_problem(
    _CANNOT_START,
    "{Subject} cannot start: the Pod's sandbox could not be created[: {event_detail}]",
)


def post_start_hook_evidence(symptom: Symptom) -> str:
    """What proves that a postStart hook failed: an Event, or a moment of the status."""
    if symptom.evidence is not None and symptom.evidence.event:
        return "Event {event}; {exit}"
    return "waited with reason PostStartHookError; {exit}"


_never_admitted: Final = by_problem(
    "{Subject} was refused by {node} and never ran: ",
    "{Subject} was refused by {node} and never ran[: {message}]",
)
_admitted_before: Final = by_problem(
    "{Subject} had run, and was then refused by {node}: ",
    "{Subject} had run, and was then refused by {node}[: {message}]",
)


def refused(symptom: Symptom) -> str:
    """That a Pod was not admitted: a new one, or one that a kubelet finds when it starts again."""
    return (_admitted_before if symptom.has_run else _never_admitted)(symptom)


def refusal_evidence(symptom: Symptom) -> str:
    """What proves that a Pod was not admitted."""
    if symptom.reason == "Failed":
        return "phase Failed without a reason, and no container was ever created"
    problem = symptom.known_problem
    if problem is not None and problem.kind is ProblemKind.NODE_SELECTOR_REFUSED:
        return "status.reason {reason}[: {message}]; possible too: its kubelet had just started"
    return "status.reason {reason}[: {message}]"


def _is_short_of_memory(symptom: Symptom) -> bool:
    problem = symptom.known_problem
    return problem is not None and problem.kind in (
        ProblemKind.MEMORY_LIMIT_TOO_LOW,
        ProblemKind.START_KILLED,
    )


def never_ran_evidence(symptom: Symptom) -> str:
    """What proves that a container was never started."""
    if _is_short_of_memory(symptom):
        return "{exit}[; memory limit {limit}][: {message}][; {restart_rule}]"
    if symptom.known_problem:
        return "{exit}[: {message}][; {restart_rule}]"
    return "{exit}[; {restart_rule}]"


def waiting_evidence(symptom: Symptom) -> str:
    """What proves that a container is not started, with the limit where that is the problem."""
    if _is_short_of_memory(symptom):
        return "[its memory limit is {limit}; ]{reason}[: {message}]"
    return "{reason}[ on {node}][: {message}]"


def not_ready(symptom: Symptom) -> str:
    """Why a container is not ready: a probe without an Event may not have been tried yet."""
    if symptom.event_finding is EventFinding.READINESS_PROBE:
        return "{Subject} runs but is not ready: its readiness probe fails[: {event_detail}]"
    return "{Subject} runs but is not ready: its readiness probe has not succeeded"


def not_deleted(symptom: Symptom) -> str:
    """Why a deletion does not end."""
    if symptom.node_lost:
        return (
            "{Subject} is not deleted: {node} stopped reporting, so its kubelet cannot confirm it"
        )
    if symptom.still_runs:
        return "{Subject} is not deleted: the kubelet has not stopped container {names}"
    if symptom.names:
        return "{Subject} is not deleted: it waits until finalizer {names} is removed"
    return "{Subject} is not deleted: no container runs, but the kubelet has not confirmed it"


def not_deleted_step(symptom: Symptom) -> str:
    """What to do about a deletion that does not end."""
    if symptom.node_lost:
        return (
            "[bring the node back; if it is gone for good, delete the Node object: ]{describe_node}"
        )
    if symptom.names and not symptom.still_runs:
        return "check that the controller which removes this finalizer runs, and what it logs"
    problem = symptom.known_problem
    if problem is not None and problem.is_specific:
        return _qualified(problem.next_step)
    return "[look at the node's kubelet, runtime and hanging mounts: ]{describe_node}"


# What the container's own output says


def with_output(evidence: str | Template) -> Template:
    """Return what adds to the evidence what the container's output says of its end."""

    def words(symptom: Symptom) -> str:
        output, finding = symptom.output, symptom.event_finding
        text = evidence(symptom) if callable(evidence) else evidence
        if output is None or finding is EventFinding.EXEC_FORMAT:  # which quotes it already
            return text
        if output.explains and not output.said:
            return text
        if output.explains:
            return f"{text}[; {_QUOTED_OUTPUT}]" if finding is not None else _with_stops(symptom)
        if output.reason_class is ReasonClass.ASKED_TO_STOP:
            return f"{text}[; {{output}} says that it was asked to stop]"
        return text if finding is not None else f"{text}[; {{output}} does not say why]"

    return words


_QUOTED_OUTPUT: Final = "{output}: {said} ({reason_class})"


def _with_stops(symptom: Symptom) -> str:
    """What the output says of an end that nothing else explains, and what else is possible."""
    stops = ", ".join(_possible_kubelet_stops(symptom))
    possible = f"[; possible: the kubelet ({stops})]" if stops else ""
    return f"{_QUOTED_OUTPUT}; {{exit}}{possible}[; {{unread_events}}][; {{restart_rule}}]"


def application_error(symptom: Symptom) -> str:
    """What an exit code of the application's own means: its own words, where it left some."""
    if symptom.output is not None and symptom.output.explains:
        return "{Subject} exited with code {exit_code}[: {said}] ({reason_class})"
    return "{Subject} failed with exit code {exit_code}[ after {run}]"


def _own_words(symptom: Symptom) -> str | None:
    """What an output adds to the evidence of an exit code of the application's own, if it does."""
    output = symptom.output
    if output is None or output.reason_class is ReasonClass.NOTHING:
        return None
    if output.reason_class is ReasonClass.ASKED_TO_STOP:
        return "{exit}; {output} says that it was asked to stop[: {said}][; {restart_rule}]"
    if not output.said:
        return "{exit}[ after {run}]; {output}, which spec.evidence.maskPatterns withholds"
    return "its own words in {output}; {exit}[ after {run}][; {restart_rule}]"


# Exit codes that prove little


def exit_255_evidence(symptom: Symptom) -> str:
    """What exit code 255 may mean."""
    own = _own_words(symptom)
    if own is not None:
        return own
    silent = "; {output} does not say" if symptom.output is not None else ""
    if symptom.ran_briefly and not silent:
        return "{exit}; possible: exit(-1), or an image for another processor (exec format error)"
    if _hint(symptom):
        return (
            f"{{exit}}{silent}; possible: exit(-1), or a placeholder after a restart; "
            "on its node: {hint}"
        )
    return (
        f"{{exit}}{silent}; possible: exit(-1), or a placeholder after a restart"
        "[ of the node or its runtime]"
    )


def exit_code_evidence(symptom: Symptom) -> str:
    """What an exit code that means nothing by itself may mean."""
    own = _own_words(symptom)
    if own is not None:
        return own
    if symptom.output is not None:
        return "{exit}: neither the code nor {output} says why[; {restart_rule}]"
    if symptom.exit_code == 1 and symptom.ran_briefly:
        return (
            "{exit}: the code alone does not say why; possible: an image for another processor "
            "(exec format error)[; {restart_rule}]"
        )
    return "{exit}: the code alone does not say why[; {restart_rule}]"
