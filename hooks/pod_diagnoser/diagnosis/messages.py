"""What kubelets, runtimes, plug-ins and registries say, cut down to what is wrong. Pure.

Their errors are nested: each layer puts its own words before those of the layer below, so that the
cause stands at the end. `unwrap` takes the layers off and keeps the names that matter, `fit` makes
a text short enough without its end being lost, `problem_of` says which kind of problem it is and
what to do next. The results are plain, bounded text without quotation: they come from outside and
are quoted by whoever shows them.

All of it takes time in proportion to the length of a message; beyond `_MAX_CHARS` the middle is
not read at all.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.problem_rules import (
    NEXT_STEPS,
    OTHERS_WORDS,
    PROBLEM_RULES,
    PULL_PATTERNS,
    UNSPECIFIC,
    ProblemKind,
    ProblemRule,
)

_MAX_CHARS: Final = 4096
"""How much of a message is read: half from its start, half from its end. The kubelet's and the
runtimes' are at most some kilobytes long."""

_ELLIPSIS: Final = "…"
_GAP: Final = f" {_ELLIPSIS} "


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A message without the layers around its cause.

    Attributes:
        cause: the part that says what is wrong.
        names: what it is about, from the layers that were taken off: `volume "data"`,
            `network plug-in "calico"`, `mount at "/etc/app"`. Each at most once, outermost first.
    """

    cause: str
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The cause, after the names that it does not hold itself."""
        missing = [name for name in self.names if name not in self.cause]
        return ": ".join(filter(None, (*missing, self.cause)))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong by a message.

    Attributes:
        kind: the kind.
        name: the name of what is wrong, where the message gives one and it is fit for a command: a
            ConfigMap, key, driver, plug-in. Otherwise empty.
        source: where the words that prove it are made.
    """

    kind: ProblemKind
    name: str
    source: str

    @property
    def is_specific(self) -> bool:
        """Whether no other message is likely to say more."""
        return self.kind not in UNSPECIFIC

    @property
    def next_step(self) -> str:
        """What to do: a template with `{node}`, `{namespace}`, `{pod}`, `{container}`, `{image}`.

        `{node}` stands for a phrase ("node n1", "the node"). The name is filled in already.
        """
        step = NEXT_STEPS[self.kind]
        if self.name and step.named is not None:
            return step.named.replace("{name}", self.name)
        return step.step


# Plain text

_ESCAPED_QUOTE: Final = re.compile(r"""(?<!\\)\\+(?=["'`])""")
_ESCAPED_BREAK: Final = re.compile(r"""(?<!\\)\\+[nrt](?=["'`\s\\]|$)""")


def _bounded(message: str) -> str:
    """A message, or its start and its end where it is too long to be read."""
    if len(message) <= _MAX_CHARS:
        return message
    half = (_MAX_CHARS - len(_GAP)) // 2
    return message[:half] + _GAP + message[-half:]


def _plain(message: str) -> str:
    """A message on one line, with single spaces and nothing that cannot be shown."""
    line = " ".join(message.split())
    return " ".join(sanitize(line, 4 * len(line) + 4).split())


def _unescaped(text: str) -> str:
    """A plain text without the backslashes of texts that were quoted in texts."""
    if "\\" not in text:
        return text
    return " ".join(_ESCAPED_BREAK.sub(" ", _ESCAPED_QUOTE.sub("", text)).split())


def _opened(message: str) -> str:
    """A message, bounded, plain and without escapes."""
    return _unescaped(_plain(_bounded(message)))


# Layers around a cause

_QUOTED: Final = r'"[^"]{0,512}"'
_WORD: Final = r"[^\s:]{1,253}"

_LAYERS: Final[tuple[str, ...]] = (
    # gRPC, the kubelet
    r"rpc error: code = \w{1,40} desc = ",
    r"rpc error: ",
    r"(?:Error|error|err|ERROR|FATAL|crun|runc|conmon error):[ ]",
    r"Error response from daemon: ",
    r"\w{0,40}(?:Error|BackOff|ErrImagePull|ImagePull|ErrImageNeverPull): ",
    rf"Back-off pulling image {_QUOTED}: ",
    rf"Failed to pull image {_QUOTED}: ",
    rf"Failed to inspect image {_QUOTED}: ",
    rf"Failed to apply default image tag {_QUOTED}: ",
    r"Failed to create pod sandbox: ",
    r"Failed create pod sandbox: ",
    r"Failed to prepare dynamic resources: ",
    r"prepare dynamic resources: ",
    r"Pod was rejected: ",
    r"Pod (?=Predicate|Allocate|Resources|Node )",
    r"Allocate failed due to ",
    r"device plugin \w{1,60} rpc failed with err: ",
    rf"error (?:processing|preparing) (?:PVC|volume) {_WORD}: ",
    r'failed to "\w{1,60}" for "[^"]{1,253}" with \w{1,60}: "?',
    # Volumes
    r'\w{3,6}Volume\.\w{1,40} failed for volume "(?P<volume>[^"]{1,253})" ?: ',
    (
        r"mount failed: exit status \d{1,3}"
        r"(?: Mounting command: \S{1,60} Mounting arguments: .{0,512}?)? Output: "
    ),
    (
        r"(?:Unable|Failed) to attach or mount volumes: "
        r"unmounted volumes=\[(?P<volumes>[^\]]{1,512})\]"
        r"(?:, (?:un)?attached volumes=\[[^\]]{0,512}\])?"
        r"(?:, failed to process volumes=\[[^\]]{0,512}\])?: "
    ),
    r"kubernetes\.io/[a-z0-9-]{1,60}: ",
    r"(?:attacher|mounter|mapper|blockMapper)\.\w{1,60} failed(?: to [^:]{1,120})?: ",
    # containerd
    r"failed to create containerd (?:task|container): ",
    (
        rf"failed to reserve (?:container|sandbox) name {_QUOTED}"
        r"(?:; check if another \w{1,40} request is in progress)?: "
    ),
    r"failed to start containerd task [^:\s]{1,253}: ",
    r"failed to create shim(?: task)?: ",
    r"failed to create task for container: ",
    rf"failed to generate (?:sandbox )?(?:container {_QUOTED} )?(?:spec|container spec): ",
    r"failed to generate spec: ",
    r"failed to apply OCI options: ",
    r"OCI runtime (?:create|start) failed: ",
    r"failed to get sandbox runtime: ",
    r"unable to get OCI runtime for sandbox [^:]{1,253}: ",
    rf"failed to (?:create|start) sandbox(?: container(?: task)?)? ?(?:{_QUOTED})?: ",
    rf"failed to (?:setup|set up) network for sandbox {_QUOTED}: ",
    rf"failed to get sandbox image {_QUOTED}: ",
    rf"failed to pull image {_QUOTED}: ",
    rf"failed to pull and unpack image {_QUOTED}: ",
    rf"failed to resolve (?:reference|image)(?: {_QUOTED})?: ",
    r"failed to copy: ",
    r"httpReadSeeker: failed open: ",
    r"failed to do request: ",
    r"failed to authorize: ",
    # runc, crun
    r"(?:runc|crun) (?:create|start) failed: ",
    r"unable to start container process: ",
    r"unable to create new parent process: ",
    r"error during container init: ",
    r"error preparing rootfs: ",
    r"mount through procfd: ",
    r"\w{1,40}\.go:\d{1,6}: ",
    (
        r"(?:starting container process|container init|running exec setns process for init)"
        r'(?: caused(?: by)?:?|:) "?'
    ),
    (
        rf"(?:error )?mounting (?P<source>{_QUOTED}) to rootfs (?:{_QUOTED} )?(?:at )?"
        r'"(?P<target>[^"]{1,512})"(?: caused)?:? "?'
    ),
    # CRI-O
    r"container create failed: ",
    r"CreateContainer failed: ",
    r"(?:create|createing|creating) container: ",
    r"creating pod sandbox with name [^:]{1,512}: ",
    r"failed to create pod network sandbox [^:]{1,512}: ",
    r"failed to mount container \S{1,253} in pod sandbox [^:]{1,512}: ",
    r"failed to configure namespaces in container create: ",
    r"unable to pull image or OCI artifact: pull image err: ",
    r"unable to pull image: ",
    r"copying system image from manifest list: ",
    r"initializing source docker://\S{1,512}: ",
    r"(?:Error )?reading manifest \S{1,253} in \S{1,253}: ",
    r'time="[^"]{0,64}" level=\w{1,10} msg="',
    # cri-dockerd, dockershim
    r'failed to create a sandbox for pod "[^"]{0,253}": ',
    r'failed to start sandbox container for pod "[^"]{0,253}": ',
    r'failed to set up sandbox container "[^"]{0,253}" network for pod "[^"]{0,253}": ',
    r"networkPlugin (?P<plugin_a>[\w-]{1,60}) failed to set up pod \"[^\"]{0,253}\" network: ",
    r'failed to (?:start|create) container "[^"]{0,253}": ',
    # CNI
    r'plugin type="(?P<plugin>[^"]{1,253})"(?: name="[^"]{0,253}")? failed \(add\): ',
    r"error adding pod \S{1,512} to CNI network \"(?P<network>[^\"]{1,253})\": ",
    r"add cmd: ",
    # What this module itself puts in front of a cause
    r'volumes? "(?P<own_volume>[^"]{1,512})": ',
    r'network plug-in "(?P<own_plugin>[^"]{1,253})": ',
    r'mount at "(?P<own_target>[^"]{1,512})": ',
)
"""Layers, each as an expression without nested repetition; a named group keeps a name."""


def _layers_by_letter() -> dict[str, re.Pattern[str]]:
    """The layers that begin with a certain letter, by it: so that few are tried at each step."""
    by_letter: dict[str, list[str]] = {}
    for layer in _LAYERS:
        by_letter.setdefault(layer[0] if layer[0].isalpha() else "", []).append(layer)
    return {letter: re.compile("|".join(layers)) for letter, layers in by_letter.items()}


_LAYERS_BY_LETTER: Final = _layers_by_letter()
_OTHER_LAYERS: Final = _LAYERS_BY_LETTER.pop("")


def _layer_at(text: str, start: int) -> re.Match[str] | None:
    """The layer at a place of a text."""
    layers = _LAYERS_BY_LETTER.get(text[start])
    found = layers.match(text, start) if layers else None
    return found or _OTHER_LAYERS.match(text, start)


_SEPARATORS: Final = re.compile(r"[\s:,;]*")
_SUBSTANCE: Final = re.compile(r"[^\s:.,;\"']")

_OLD_VOLUME_TIMEOUT: Final = re.compile(
    r'Unable to mount volumes for pod "[^"]{0,512}": '
    r"(timeout expired waiting for volumes to attach or mount) "
    r'for pod "[^"]{0,253}"/"[^"]{0,253}"\. '
    r"list of unmounted volumes=\[([^\]]{0,512})\]"
)
_LAST_LOG_LINES: Final = ('level=error msg="', 'level=fatal msg="')
_VOLUME_OF_PATH: Final = re.compile(
    r"/pods/[0-9a-f-]{36}/(?:volumes/[^/\s\"]{1,253}|volume-subpaths)/([^/\s\"]{1,253})"
)
_NAMES: Final = {
    "volume": "volume",
    "volumes": "volume",
    "own_volume": "volume",
    "plugin": "network plug-in",
    "plugin_a": "network plug-in",
    "own_plugin": "network plug-in",
    "network": "network",
    "target": "mount at",
    "own_target": "mount at",
}
_NO_PLUGIN: Final = frozenset({"cni"})


def _phrase(what: str, name: str) -> str:
    """What kind of name it is, and the name: short, and without what would end its quotation."""
    name = _unescaped(_shortened(name).replace('"', "")).strip("\\ ")
    plural = "s" if what == "volume" and " " in name else ""
    return f'{what}{plural} "{name}"' if name else ""


def _names_of(match: re.Match[str]) -> Iterator[str]:
    """The names that a layer gives, as phrases."""
    groups = match.groupdict()
    if (source := groups.get("source")) and (volume := _VOLUME_OF_PATH.search(source)):
        yield _phrase("volume", volume[1])
    for group, what in _NAMES.items():
        if (name := groups.get(group)) and name not in _NO_PLUGIN:
            yield _phrase(what, name)


def _peeled(text: str) -> tuple[str, list[str]]:
    """A text without the layers at its start, and the names that they gave."""
    names: list[str] = []
    start = 0
    while start < len(text):
        match = _layer_at(text, start)
        if match is None or _SUBSTANCE.search(text, match.end()) is None:
            break
        names.extend(_names_of(match))
        start = match.end()
        if separators := _SEPARATORS.match(text, start):
            start = separators.end()
    return text[start:], names


def _last_log_line(text: str) -> str:
    """From what a tool logged, its last error: warnings may stand before it."""
    found = max(text.rfind(mark) + len(mark) for mark in _LAST_LOG_LINES if mark in text)
    return text[found:]


# Identifiers and paths

_SHORTENED: Final = (
    # Paths of one container: where its root file system is, by runtime
    (
        re.compile(r"/run/containerd/io\.containerd\.\S{1,60}?/k8s\.io/[\w.-]{1,253}/rootfs\b"),
        "rootfs",
    ),
    (
        re.compile(r"/var/lib/(?:docker|containers/storage)/overlay2?/[0-9a-zA-Z]{1,80}/merged\b"),
        "rootfs",
    ),
    # Paths of the kubelet: of a Pod's volume, of a CSI driver
    (
        re.compile(
            r"/var/lib/kubelet/pods/[0-9a-f-]{36}/(?:volumes/[^/\s\"]{1,253}|(volume-subpaths))/"
        ),
        lambda match: f"{_ELLIPSIS}/{match[1] or 'volumes'}/",
    ),
    (re.compile(r"/var/lib/kubelet/plugins/kubernetes\.io/csi/(?:pv/)?"), f"{_ELLIPSIS}/csi/"),
    (re.compile(r"/var/lib/kubelet/pods/[0-9a-f-]{36}/"), f"{_ELLIPSIS}/"),
    # Names that the kubelet and runtimes build from Pod, namespace and uid
    (re.compile(r"\([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\)"), ""),
    # Identifiers: of containers and images; uids, but not in the names of persistent volumes
    (re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b"), r"\1"),
    (
        re.compile(
            r"(?:(?<![\w-])|(?<=_)|(?<=pod))"
            r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![a-zA-Z0-9-])"
        ),
        r"\1",
    ),
    # Layers in the middle
    (re.compile(r"\brpc error: code = \w{1,40} desc = "), ""),
)


def _shortened(text: str) -> str:
    """A text with short identifiers, and paths without what only the node knows."""
    for pattern, replacement in _SHORTENED:
        text = pattern.sub(replacement, text)
    return text


_MAX_NAMES: Final = 4
_MAX_PASSES: Final = 8
"""What is taken off may have hidden another layer; but only a few times, since each pass costs."""
_MAX_REPEATED_CLAUSES: Final = 4


def _without_repeats(text: str) -> str:
    """A text in which no clauses stand twice in a row: each layer may repeat the one below."""
    kept: list[str] = []
    for clause in text.split(": "):
        if clause == "unknown" and kept:
            continue
        kept.append(clause)
        for length in range(1, _MAX_REPEATED_CLAUSES + 1):
            if kept[-length:] == kept[-2 * length : -length]:
                del kept[-length:]
                break
    return ": ".join(kept)


_AT_END: Final = (": unknown", ", which is unexpected", ", which is unexpected.")


def _without_ending(text: str) -> str:
    """A text without what stands at its end and says nothing."""
    while True:
        text = text.rstrip(" :,;\\")
        ending = next(filter(text.endswith, _AT_END), None)
        if ending is None:
            return text
        text = text.removesuffix(ending)


def _trimmed(text: str) -> str:
    """A text without what stands at its end and says nothing, and without half a quotation."""
    text = _without_ending(text.lstrip(" :,;"))
    body = text.rstrip('"')
    if body == text or body.endswith(" "):
        return text
    closing = '"' if body.count('"') % 2 else ""
    return _without_ending(body + closing)


def _cause_of(text: str) -> tuple[str, list[str]]:
    """What a text says below the layers at its start, and the names that these gave."""
    cause, names = _peeled(text)
    if old := _OLD_VOLUME_TIMEOUT.match(cause):
        return old[1], [*names, _phrase("volume", old[2])]
    if any(mark in cause for mark in _LAST_LOG_LINES):
        cause, more = _peeled(_last_log_line(cause))
        names += more
    return cause, names


def unwrap(message: str) -> Unwrapped:
    """Take off the layers that runtimes, plug-ins and the kubelet put around an error.

    The text of the result is unwrapped to itself, as long as nobody nests layers in layers.

    Args:
        message: any text.

    Returns:
        The cause, on one line and at most `_MAX_CHARS` long, and the names of what it is about;
        an empty cause for a message that says nothing.
    """
    text = _trimmed(_opened(message))
    names: list[str] = []
    for _ in range(_MAX_PASSES):
        cause, more = _cause_of(text)
        names += more
        cause = _without_repeats(" ".join(_shortened(cause).split()))
        cause = _trimmed(_unescaped(cause))
        if cause == text:
            break
        text = cause
    if names and text == "unknown":
        text = ""
    return Unwrapped(text, tuple(filter(None, dict.fromkeys(names)))[:_MAX_NAMES])


# Bounds

_MAX_QUOTED_WORDS: Final = 12


def _units(text: str) -> list[str]:
    """The words of a text, with what stands between quotation marks as one where it is short."""
    units: list[str] = []
    open_from: int | None = None
    for word in text.split(" "):
        units.append(word)
        if open_from is not None and len(units) - open_from > _MAX_QUOTED_WORDS:
            open_from = None
        if word.count('"') % 2:
            if open_from is None:
                open_from = len(units) - 1
            else:
                units[open_from:] = [" ".join(units[open_from:])]
                open_from = None
    return units


def _fitting(units: Iterable[str], room: int) -> tuple[int, int]:
    """How many units fit into so many bytes, each with a space, and what is left of the room."""
    count = 0
    for unit in units:
        needed = len(unit.encode()) + 1
        if needed > room:
            break
        room -= needed
        count += 1
    return count, room


def fit(message: str, limit: int) -> str:
    """Bound a message, leaving out its middle: the cause stands at its end.

    A text that fits is returned on one line as it is, so that this is idempotent. What is left out
    is marked by an ellipsis; words and quoted names stay whole where there is room for one.

    Args:
        message: any text.
        limit: the most bytes of UTF-8 that the result may have.

    Returns:
        The text, or its start, an ellipsis and its end.
    """
    text = _plain(_bounded(message))
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    room = limit - len(_GAP.encode())
    units = _units(text)
    ending, _ = _fitting(reversed(units), room - room // 3)
    if ending == 0:
        return _end_of(encoded, limit)
    tail = " ".join(units[-ending:])
    beginning, left = _fitting(units[:-ending], room - len(tail.encode()))
    more, _ = _fitting(reversed(units[beginning:-ending]), left)
    tail = " ".join(units[-ending - more :])
    if beginning == 0:
        return f"{_ELLIPSIS} {tail}"
    return _GAP.join((" ".join(units[:beginning]), tail))


def _end_of(encoded: bytes, limit: int) -> str:
    """The last bytes of a text, after an ellipsis where there is room for one."""
    mark = _ELLIPSIS if limit > len(_ELLIPSIS.encode()) else ""
    room = max(limit - len(mark.encode()), 0)
    return mark + encoded[len(encoded) - room :].decode(errors="ignore")


# Problems

_NAME: Final = r"[^\s\"'`]{0,512}"
_EXEC_NAME: Final = re.compile(r'exec: "[^"]{0,512}"')
_SUB_PATH_NAME: Final = re.compile(
    rf"[\"`]/var/lib/kubelet/pods/[0-9a-f-]{{36}}/volume-subpaths/{_NAME}[\"`]"
)
_QUOTED_NAME: Final = re.compile(rf'"{_NAME}"')
_BACK_QUOTED_NAME: Final = re.compile(rf"`{_NAME}`")


def _without_names(text: str) -> str:
    """An opened message as the patterns of the table see it (see `problem_rules`)."""
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


def _index_by_rarest_word() -> dict[str, list[_Row]]:
    """The rows of the table by a word that a message must have for them to hold.

    A message has dozens of words, the table hundreds of rows: this leaves few to look for.
    """
    words_of = [_TOKEN.findall(rule.pattern) for rule in PROBLEM_RULES]
    frequency = Counter(word for words in words_of for word in set(words))
    index: dict[str, list[_Row]] = {}
    for number, (rule, words) in enumerate(zip(PROBLEM_RULES, words_of, strict=True)):
        rarest = min(words, key=lambda word: (frequency[word], -len(word)))
        row = _Row(number, rule, tuple(rule.pattern.split(_GAP)))
        index.setdefault(rarest, []).append(row)
    return index


_ROWS_BY_WORD: Final = _index_by_rarest_word()

_DNS_NAME: Final = r"([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)"
_KEY_NAME: Final = r"([-._a-zA-Z0-9]{1,253})"
_PLUGIN_NAMES: Final = (
    rf'plugin type="{_DNS_NAME}"',
    rf'failed to find plugin "{_DNS_NAME}"',
)
_NAME_PATTERNS: Final = {
    kind: tuple(re.compile(pattern) for pattern in patterns)
    for kind, patterns in {
        ProblemKind.CONFIG_MAP_MISSING: (rf'configmaps? "{_DNS_NAME}"',),
        ProblemKind.SECRET_MISSING: (rf'secrets? "{_DNS_NAME}"',),
        ProblemKind.KEY_MISSING: (
            rf"couldn't find key {_KEY_NAME}",
            rf"references non-existent (?:config|secret) key: {_KEY_NAME}",
        ),
        ProblemKind.CLAIM_MISSING: (rf'persistentvolumeclaims? "{_DNS_NAME}"',),
        ProblemKind.CLAIM_UNBOUND: (rf"PVC [a-z0-9-]{{1,63}}/{_DNS_NAME}(?![-\w.])",),
        ProblemKind.SERVICE_ACCOUNT_MISSING: (rf'serviceaccounts? "{_DNS_NAME}"',),
        ProblemKind.RUNTIME_HANDLER_UNKNOWN: (
            rf'no runtime for "{_DNS_NAME}"',
            rf"failed to find runtime handler {_DNS_NAME}(?![-\w.])",
            rf'runtimehandler "{_DNS_NAME}"',
        ),
        ProblemKind.CSI_DRIVER_MISSING: (
            rf"driver name {_DNS_NAME} not found",
            rf"does not contain driver {_DNS_NAME}(?![-\w.])",
        ),
        ProblemKind.ATTACH_TIMED_OUT: (rf"external-attacher of {_DNS_NAME} CSI driver",),
        ProblemKind.NO_IP_ADDRESS: _PLUGIN_NAMES,
        ProblemKind.NETWORK_PLUGIN_NOT_READY: _PLUGIN_NAMES,
        ProblemKind.NETWORK_PLUGIN_FAILED: _PLUGIN_NAMES,
    }.items()
}


def _name_in(text: str, kind: ProblemKind) -> str:
    """The name of what is wrong, if the message gives one that is fit for a command."""
    for pattern in _NAME_PATTERNS.get(kind, ()):
        if found := pattern.search(text):
            return found[1]
    return ""


def _rule_for(text: str) -> ProblemRule | None:
    """The first row of the table that holds for a text without names."""
    words = _ROWS_BY_WORD.keys() & set(_TOKEN.findall(text))
    rows = [row for word in words for row in _ROWS_BY_WORD[word]]
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


def problem_of(message: str) -> Problem | None:
    """Say what is wrong by a message of the kubelet, a runtime, a plug-in or a registry.

    Args:
        message: of a waiting or terminated container, of a Pod's status or of an Event: as it came,
            with all its layers. Unwrapped ones are understood less well, since the layers tell
            what an error is about.

    Returns:
        The problem; None where the message is not known, and for what a probe or a hook of the
        container said.
    """
    text = _opened(message)
    if text.lower().startswith(OTHERS_WORDS):
        return None
    rule = _rule_for(_without_names(text))
    if rule is None:
        return None
    return Problem(rule.kind, _name_in(text, rule.kind), rule.source)
