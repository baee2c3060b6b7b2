"""Errors in errors: the layers that runtimes, plug-ins and the kubelet put around a cause. Pure.

Each layer puts its own words before those of the layer below, so that the cause stands at the end.
`unwrap` takes the layers off and keeps the names that they give.
"""

import re
from collections.abc import Iterator
from typing import Final

from pod_diagnoser.api.text import ELLIPSIS
from pod_diagnoser.diagnosis.message_text import unescaped

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
    r"error killing pod: ",
    r"Failed to prepare dynamic resources: ",
    r"prepare dynamic resources: ",
    r"Pod was rejected: ",
    r"Pod (?=Predicate|Allocate|Resources|Node )",
    r"Allocate failed due to ",
    r"device plugin \w{1,60} rpc failed with err: ",
    rf"error (?:processing|preparing) (?:PVC|volume) {_WORD}: ",
    r'failed to "\w{1,60}" for "[^"]{1,253}" with \w{1,60}: "?',
    # Hooks of containers
    (
        r"(?:Exec|HTTP|HTTPGet|Http) lifecycle hook \(.{0,512}?\) "
        r'for Container "[^"]{0,253}" in Pod "[^"]{0,512}" failed - error: '
    ),
    # Volumes
    r"failed to (?:stage|publish) volume: ",
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
    r"unable to retrieve OCI runtime error \([^)]{0,512}\): ",
    r"failed to get sandbox runtime: ",
    r"unable to get OCI runtime for sandbox [^:]{1,253}: ",
    rf"failed to (?:create|start) sandbox(?: container(?: task)?)? ?(?:{_QUOTED})?: ",
    rf"failed to (?:setup|set up|destroy) network for sandbox {_QUOTED}: ",
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
    r'plugin type="(?P<plugin>[^"]{1,253})"(?: name="[^"]{0,253}")? failed \((?:add|delete)\): ',
    r"error adding pod \S{1,512} to CNI network \"(?P<network>[^\"]{1,253})\": ",
    r"add cmd: ",
    # multus-cni
    r"CmdAdd(?: \(shim\))?: ",
    r"CNI request failed with status \d{3}: '?",
    r"(?:&\{[^}]{0,512}\}|ContainerID:\"[^\"]{0,128}\" .{0,512}?) ERRORED: ",
    r"error (?:configuring|getting) pod \[[^\]]{1,512}\] (?:networking: )?",
    r"[Mm]ultus: \[[^\]]{1,512}\]: ",
    r'error adding (?:pod|container) [^:]{0,253}to network "(?P<network_b>[^"]{1,253})": ',
    r'delegateAdd: error invoking (?:DelegateAdd|confAdd|conflistAdd) - "[^"]{1,253}": ',
    r"error in getting result from AddNetwork: ",
    r"error getting ClusterInformation: ",
    # What several errors are joined to
    r"\[(?=failed to (?:set up|create|start|clean up) )",
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
_SECOND_ERROR: Final = re.compile(r", failed to clean up sandbox container ")
"""How the error begins that cleaning up after the first one gave."""

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
    "network_b": "network",
    "target": "mount at",
    "own_target": "mount at",
}
_NO_PLUGIN: Final = frozenset({"cni"})


def _phrase(what: str, name: str) -> str:
    """What kind of name it is, and the name: short, and without what would end its quotation."""
    name = unescaped(shortened(name).replace('"', "")).strip("\\ ")
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
        lambda match: f"{ELLIPSIS}/{match[1] or 'volumes'}/",
    ),
    (re.compile(r"/var/lib/kubelet/plugins/kubernetes\.io/csi/(?:pv/)?"), f"{ELLIPSIS}/csi/"),
    (re.compile(r"/var/lib/kubelet/pods/[0-9a-f-]{36}/"), f"{ELLIPSIS}/"),
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


def shortened(text: str) -> str:
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


_HCS_DETAILS: Final = re.compile(r"[: ]{0,3}\(?extra info: \{[^{}]{0,2048}\}\)?$")
"""What Windows' compute service was asked for, at the end of its errors."""

_AT_END: Final = (
    ": unknown",
    ", which is unexpected",
    ", which is unexpected.",
    ', message: ""',
)
_ADVICE: Final = re.compile(
    r"(?:[.;]? You may increase the limit by authenticating and upgrading:|\.)? "
    r"https://www\.docker\.com/increase-rate-limit\.?$"
    r"|[.;]? See https?://\S{1,256} for more (?:details?|information)\.?$"
    r"|[.;]? Refer to the [\w.()]{1,40} manual page(?: \(e\.g\. man [\w.]{1,40}\))?"
    r"(?: and kernel log messages \(dmesg\))?\.?$"
    r"|[.;]? dmesg\(1\) may have more information after failed mount(?: system call)?\.?$"
)
"""What a registry or a mount program recommends, at the end where the cause should stand."""


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
    text = _without_ending(_HCS_DETAILS.sub("", _ADVICE.sub("", text.lstrip(" :,;"))))
    body = text.rstrip('"')
    if body == text or body.endswith(" "):
        return text
    closing = '"' if body.count('"') % 2 else ""
    return _without_ending(body + closing)


def _cause_of(text: str) -> tuple[str, list[str]]:
    """What a text says below the layers at its start, and the names that these gave."""
    cause, names = _peeled(text)
    if second := _SECOND_ERROR.search(cause):
        cause = cause[: second.start()]
    if old := _OLD_VOLUME_TIMEOUT.match(cause):
        return old[1], [*names, _phrase("volume", old[2])]
    if any(mark in cause for mark in _LAST_LOG_LINES):
        cause, more = _peeled(_last_log_line(cause))
        names += more
    return cause, names


def unwrap(opened: str) -> tuple[str, tuple[str, ...]]:
    """Take off the layers that runtimes, plug-ins and the kubelet put around an error.

    Returns:
        The cause, and the names of what it is about, as phrases.
    """
    text = _trimmed(opened)
    names: list[str] = []
    for _ in range(_MAX_PASSES):
        cause, more = _cause_of(text)
        names += more
        cause = _without_repeats(" ".join(shortened(cause).split()))
        cause = _without_preemption(_trimmed(unescaped(cause)))
        if cause == text:
            break
        text = cause
    if names and text == "unknown":
        text = ""
    return text, tuple(filter(None, dict.fromkeys(names)))[:_MAX_NAMES]


NODES_AVAILABLE: Final = re.compile(r"(?:\d{1,6}/)?(\d{1,6}) nodes? (?:are|is) available: ")
_PREEMPTION: Final = re.compile(
    r"[.,] (?:(?:no new claims to deallocate|still not schedulable), )?preemption: "
)


def _without_preemption(text: str) -> str:
    """A text of the scheduler without what it says of preemption: it repeats the nodes."""
    found = NODES_AVAILABLE.match(text) and _PREEMPTION.search(text)
    return text[: found.start()] if found else text
