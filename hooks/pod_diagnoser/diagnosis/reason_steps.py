"""What to do next by the reason that a container's output gives, where there is one thing to do.

Addresses, files and names in these steps are parts of what the output says: text from outside,
which is quoted.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.evidence import OutputReason

_HOST: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_MAX_PORT: Final = 65_535

_ADDRESS: Final = re.compile(rf"(?<![\w.:/-])({_HOST}|\[[0-9a-fA-F:]{{2,45}}\]):(\d{{1,5}})\b")
_URL: Final = re.compile(rf"://(?:[^\s/@\"']{{1,64}}@)?({_HOST}):(\d{{1,5}})\b")
_HOST_AND_PORT: Final = (
    re.compile(r"host='([^'\s]{1,127})', port='?(\d{1,5})"),
    re.compile(r"\bat \"([^\"\s]{1,127})\"[^,]{0,64}, port (\d{1,5})"),
)
_SOURCE_FILE: Final = re.compile(
    r"\.(?:go|py|js|mjs|cjs|ts|java|kt|scala|rb|rs|c|cc|cpp|h|php|cs|ex|exs|erl|pl|pm|sh)\Z"
)
_A_HOST: Final = re.compile(r"[A-Za-z]|\d{1,3}(?:\.\d{1,3}){3}\Z|\[")

_NAMES_OF_HOSTS: Final = re.compile(
    rf"(?:\blookup |ENOTFOUND |EAI_AGAIN |UnknownHostException: |translate host name \"|"
    rf"in upstream \"|resolve '|resolve host '|hostname |host='|resolve host: )({_HOST})"
)
_PORT: Final = re.compile(r"(?::|\b[Pp]ort:? ?)(\d{1,5})\b")
_MODULE: Final = re.compile(
    r"(?:No module named '?|[Cc]annot find (?:module|package) '|ClassNotFoundException: |"
    r"NoClassDefFoundError: |such file -- |Can't locate |shared libraries: |Class \"|"
    r"load file or assembly ')([@A-Za-z0-9_][^\s'\":,;]{0,127})"
)
_FILE: Final = re.compile(r"(?:^|[\s'\"`(=\[])(/[^\s'\"`:,;()\]]{1,200})")
_VARIABLE: Final = (
    re.compile(r"KeyError: '([A-Za-z_][A-Za-z0-9_.]{0,127})'"),
    re.compile(
        r"\b([A-Z][A-Z0-9_]{2,127})(?:: (?:unbound|parameter)| (?:is |was |must |not |env))"
    ),
    re.compile(r"\b([A-Z][A-Z0-9]{0,63}_[A-Z0-9_]{1,127})\b"),
)


def address_in(said: str) -> str:
    """Return the address (``db:5432``) that a text names; empty without one."""
    for pattern in (*_HOST_AND_PORT, _URL, _ADDRESS):
        for found in pattern.finditer(said):
            host, port = found[1], int(found[2])
            is_host = _A_HOST.match(host) and not _SOURCE_FILE.search(host)
            if is_host and 0 < port <= _MAX_PORT:
                return f"{host}:{port}"
    return ""


def _port_in(said: str) -> str:
    return next((each for each in _PORT.findall(said) if 0 < int(each) <= _MAX_PORT), "")


def _first_of(*patterns: re.Pattern[str]) -> Callable[[str], str]:
    def first(said: str) -> str:
        for pattern in patterns:
            found = pattern.search(said)
            if found:
                return found[1].rstrip(".")
        return ""

    return first


_STEPS: Final[Mapping[ReasonClass, tuple[Callable[[str], str] | None, str, str]]] = {
    ReasonClass.MISSING_CONFIGURATION: (
        _first_of(*_VARIABLE),
        "set {said_name} for {subject}: as env, or from a ConfigMap or Secret",
        "[add the setting that it names (env, ConfigMap, Secret): ]{logs}",
    ),
    ReasonClass.INVALID_CONFIGURATION: (
        None,
        "",
        "[correct the setting, option or file that it names: ]{logs}",
    ),
    ReasonClass.DEPENDENCY_UNREACHABLE: (
        address_in,
        "check that {said_name} is up, and that Service and NetworkPolicies let this Pod reach it",
        "[find out what it connects to, and if that is up: ]{logs}",
    ),
    ReasonClass.NAME_RESOLUTION: (
        _first_of(_NAMES_OF_HOSTS),
        "check that {said_name} is a Service (with its namespace) or a host that DNS knows",
        "[check the host name that it uses, and DNS: ]{logs}",
    ),
    ReasonClass.AUTHENTICATION_FAILED: (
        None,
        "",
        "[compare user and password or token with the other side's: ]{logs}",
    ),
    ReasonClass.TLS_FAILURE: (
        None,
        "",
        "[check the certificate, its names and dates, and the CA: ]{logs}",
    ),
    ReasonClass.PORT_IN_USE: (
        _port_in,
        "find what else uses port {said_name}: another container, or the node (hostNetwork)",
        "[find what else uses that port in the Pod: ]{logs}",
    ),
    ReasonClass.PERMISSION_DENIED: (
        _first_of(_FILE),
        "let its user use {said_name}: runAsUser, fsGroup, readOnlyRootFilesystem, or its mode",
        "[check runAsUser, fsGroup and capabilities: ]{logs}",
    ),
    ReasonClass.FILE_NOT_FOUND: (
        _first_of(_FILE),
        "check that {said_name} is in {image}, or in a volume that is mounted there",
        "[check that the file is in its image, or in a volume: ]{logs}",
    ),
    ReasonClass.DISK_FULL: (
        None,
        "",
        "[free or enlarge the volume that it writes to: ]{describe}",
    ),
    ReasonClass.MEMORY_EXHAUSTED: (
        None,
        "",
        "[raise its heap and its memory limit, or fix a leak: ]{logs}",
    ),
    ReasonClass.RESOURCE_LIMIT: (
        None,
        "",
        "[raise the limit that it names (files, threads, maps): ]{logs}",
    ),
    ReasonClass.TIME_LIMIT: (
        None,
        "",
        "[find out what took so long, or raise that limit: ]{logs}",
    ),
    ReasonClass.MISSING_MODULE: (
        _first_of(_MODULE),
        "add {said_name} to {image}, or go back to an image that has it",
        "[add the module that it names to its image: ]{logs}",
    ),
    ReasonClass.WRONG_ARCHITECTURE: (None, "", "build {image} for the processor of {node}"),
    ReasonClass.VERSION_MISMATCH: (
        None,
        "",
        "[use versions of image, data and server that fit: ]{logs}",
    ),
    ReasonClass.DATA_CORRUPT: (
        None,
        "",
        "[back up its data, then repair or restore it: ]{logs}",
    ),
    ReasonClass.LOCK_HELD: (
        None,
        "",
        "[find what else uses the same data, before a lock is removed: ]{describe}",
    ),
    ReasonClass.SCHEMA_MIGRATION: (
        None,
        "",
        "[run the migration, or repair what one left: ]{logs}",
    ),
    ReasonClass.LEADER_ELECTION_LOST: (
        None,
        "",
        "[if it recurs: a slow API server, or too little CPU: ]{logs}",
    ),
    ReasonClass.ASKED_TO_STOP: (
        None,
        "",
        "[see who asked it to stop (rollout, drain, probe, script): ]{describe}",
    ),
}
"""By class: what finds in its line what the step names, the step that names it, the other step."""


def name_in(output: OutputReason) -> str:
    """Return what the next step names of what an output says; empty where that is nothing."""
    find = _STEPS[output.reason_class][0] if output.reason_class in _STEPS else None
    return find(output.said) if find is not None and output.said else ""


def step_for(output: OutputReason) -> str | None:
    """Return the template of the next step; None where the class says no more than to look."""
    if output.reason_class not in _STEPS:
        return None
    _, naming, otherwise = _STEPS[output.reason_class]
    return naming if name_in(output) else otherwise
