"""What shells say, and the small programs that entrypoints call. Pure.

Sources: bash error.c, execute_cmd.c, jobs.c; dash src/error.c; BusyBox shell/ash.c, libbb; zsh;
coreutils; runc and containerd; tini, dumb-init, gosu; curl src/tool_operate.c.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.class_rows import ClassRows
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_WHERE: Final = (
    r"(?:-?[\w./+@-]{1,200}: (?:line )?\d{1,6}: |(?:/\w{1,20}){0,4}/?-?(?:ba|da|z|k|a)?sh: )"
)
_ENDED_SHELL: Final = re.compile(
    rf"{_WHERE}.{{0,200}}(?:unbound variable|parameter not set|parameter null or not set|"
    r"syntax error|[Ss]yntax error: |unexpected end of file|bad substitution)"
    r"|[\w./@-]{1,200}:\d{1,6}: (?:parse error|.{1,120}: parameter not set)"
)
_REQUIRED: Final = re.compile(
    rf"{_WHERE}(?P<name>[A-Za-z_]\w{{0,80}}): (?!.{{0,200}}(?:not found|denied|No such|unbound))"
    r"\S.{1,300}$"
)
_SIGNAL: Final = re.compile(
    rf"(?:{_WHERE})?\s{{0,12}}(?:\d{{1,10}} )?\s{{0,12}}"
    r"(?P<signal>Segmentation fault|Aborted|Bus error|Illegal instruction|Floating point exception"
    r"|Trace/breakpoint trap|Bad system call|Killed)(?: +\(core dumped\)|  +|$)"
)
_ERRNO: Final = (
    r"[Nn]o such (?:file|directory)(?: or directory)?|Permission denied|Operation not permitted"
    r"|No space left on device|Read-only file system|Text file busy|Is a directory|Not a directory"
    r"|File exists|Device or resource busy|Exec format error|exec format error|Input/output error"
    r"|Too many open files(?: in system)?|Cannot allocate memory|Resource temporarily unavailable"
    r"|Connection refused|Connection timed out|No route to host|Network is unreachable"
    r"|Address already in use|Name or service not known|Temporary failure in name resolution"
    r"|Argument list too long|Disk quota exceeded|Stale file handle|Too many levels of symbolic links"
    r"|File too large|Cannot assign requested address|Structure needs cleaning|Directory not empty"
    r"|permission denied|operation not permitted|no space left on device"
    r"|Invalid cross-device link|Connection reset by peer|Host is unreachable|Invalid argument"
)
_NOT_RUN: Final = re.compile(
    rf"{_WHERE}.{{0,1000}}(?:not found|{_ERRNO}|cannot execute.{{0,80}}|can't open.{{0,300}}"
    r"|invalid option|not a valid identifier|numeric argument required|cannot open .{1,300}"
    r"|bad interpreter.{0,60}|[Rr]esource temporarily unavailable|command not found)\s{0,4}$"
    r"|[\w./@-]{1,200}:\d{1,6}: (?:command not found|no such file or directory|permission denied)"
)
_EXEC: Final = re.compile(
    r"(?:exec(?:lp?|vpe?)? \S{1,300}: (?:exec format error|no such file|permission denied)"
    r"|standard_init_linux\.go:\d+: exec|exec user process caused"
    r"|.{0,120}(?:executable file not found in \$PATH|starting container process caused)"
    r"|\[FATAL tini \(\d+\)\] exec|\[dumb-init\] .{1,200}: |\[WARN  tini|(?:su-exec|gosu|setpriv|chroot): "
    r"|error: (?:exec|failed switching to) |(?:/usr/bin/)?env: .{1,200}: (?:No such|Permission)"
    r"|s6-[\w-]{1,40}: fatal: |fatal: unable to |unable to exec)",
)
_TOOLS: Final = (
    "mkdir|chown|chmod|cp|mv|rm|ln|touch|cat|sed|awk|gawk|mawk|grep|ls|find|tar|gzip|gunzip|unzip|tee"
    "|install|mount|umount|mktemp|dd|head|tail|cut|sort|tr|wc|id|su|sudo|env|nice|nohup|timeout|stat"
    "|readlink|realpath|ssh|scp|rsync|git|wget|nc|ncat|telnet|ping|curl|openssl|keytool|iptables|ip"
    "|sysctl|ulimit|setcap|useradd|usermod|groupadd|passwd|envsubst|jq|yq|xargs|date|flock|psql|mysql"
    "|mysqladmin|redis-cli|aws|kubectl|base64|diff|patch|cmp|truncate|fallocate|df|du|test|printf|sh"
)
_TOOL: Final = re.compile(
    rf"(?:{_TOOLS}): (?:fatal: |error: )?.{{0,600}}(?:{_ERRNO}|(?<=git: )fatal: |cannot open|bad address"
    r"|unable to resolve|can't connect|failed to get lock|unable to |[Cc]ould not |[Ff]ailed to "
    r"|[Nn]ot found|invalid (?:user|group)|unknown (?:user|group)|no matches|write error)"
)
_CURL: Final = re.compile(r"curl: \((?P<code>\d{1,3})\) \S")
_CURL_CLASSES: Final = {
    "6": ReasonClass.NAME_RESOLUTION,
    "7": ReasonClass.DEPENDENCY_UNREACHABLE,
    "22": ReasonClass.DEPENDENCY_UNREACHABLE,
    "28": ReasonClass.TIME_LIMIT,
    "35": ReasonClass.TLS_FAILURE,
    "37": ReasonClass.FILE_NOT_FOUND,
    "52": ReasonClass.DEPENDENCY_UNREACHABLE,
    "56": ReasonClass.DEPENDENCY_UNREACHABLE,
    "60": ReasonClass.TLS_FAILURE,
}
_PERROR: Final = re.compile(
    rf"[\w./+@-]{{1,120}}: (?!\[|line )(?:[^:]{{1,200}}: ){{0,3}}(?:{_ERRNO})\.?\s{{0,4}}$"
)
_CLASSES: Final = (
    (ReasonClass.MISSING_CONFIGURATION, r"unbound variable|parameter (?:null or )?not set"),
    (ReasonClass.WRONG_ARCHITECTURE, r"[Ee]xec format error|cannot execute binary file"),
    (
        ReasonClass.RESOURCE_LIMIT,
        r"Argument list too long|fork: |Too many open files|[Cc]annot fork",
    ),
    (ReasonClass.LOCK_HELD, r"failed to get lock"),
    (ReasonClass.NAME_RESOLUTION, r"bad address|unable to resolve|[Cc]ould not resolve"),
    (ReasonClass.INVALID_CONFIGURATION, r"invalid option|not a valid identifier|numeric argument"),
    (ReasonClass.UNCAUGHT_EXCEPTION, r"[Ss]yntax error|parse error|bad substitution|end of file"),
    (
        ReasonClass.FILE_NOT_FOUND,
        r"(?:command |executable file )?not found|[Nn]o such file|can't open|required file not found",
    ),
)
_BY_WORDS: Final = ClassRows(_CLASSES)
_ERRORS_OF_SYSTEM: Final = re.compile(r"denied|not permitted|No space|quota|refused|already in use")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if ": " not in line and "  " not in line and "Killed" not in line and "exec" not in line:
            continue
        if signal := _SIGNAL.match(line):
            killed = signal["signal"] == "Killed"
            name = ReasonClass.UNCAUGHT_EXCEPTION if killed else ReasonClass.NATIVE_CRASH
            yield Finding(number, (number,), name, exact=True)
        elif _ENDED_SHELL.match(line):
            yield _finding(lines, number, Weight.FATAL)
        elif _NOT_RUN.match(line):
            yield _finding(lines, number, Weight.LOGGED)
        elif _EXEC.match(line):
            yield _finding(lines, number, Weight.FATAL)
        elif curl := _CURL.match(line):
            name = _CURL_CLASSES.get(curl["code"], ReasonClass.DEPENDENCY_UNREACHABLE)
            yield Finding(number, (number,), name, weight=Weight.LOGGED, exact=True)
        elif _TOOL.match(line):
            yield _finding(lines, number, Weight.LOGGED)
        elif _REQUIRED.match(line):
            yield Finding(number, (number,), ReasonClass.MISSING_CONFIGURATION)


def _finding(lines: Sequence[str], number: int, weight: Weight) -> Finding:
    line = lines[number]
    name = None if _ERRORS_OF_SYSTEM.search(line) else _BY_WORDS.find(line)
    if name is not None:
        return Finding(number, (number,), name, weight=weight, exact=True)
    return Finding(number, (number,), weight=weight)


def _find_perror(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _PERROR.match(line):
            yield _finding(lines, number, Weight.LOGGED)


GRAMMAR: Final = Grammar("shell", (), _find)
PERROR: Final = Grammar("", (), _find_perror)
"""The form of C's perror, which many programs share."""
