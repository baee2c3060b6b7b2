"""Names and numbers in a message that fill the placeholders of `problem_words`. Pure."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from pod_diagnoser.diagnosis import quoting
from pod_diagnoser.diagnosis.layers import shortened
from pod_diagnoser.diagnosis.problem_words import ProblemKind

# Names and numbers in a message

_DNS_NAME: Final = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
_QUALIFIED: Final = r"[A-Za-z0-9][-\w./]{0,119}[A-Za-z0-9]|[A-Za-z0-9]"
_QUANTITY: Final = r"\d{1,20}[A-Za-z]{0,2}"
_REGISTRY: Final = (
    r"https?://(?P<registry>[A-Za-z0-9][-.A-Za-z0-9]{0,252}(?::\d{1,5})?)/(?:v2/|v2\b|token\b)"
)
"""A request to a registry, and no link to its documentation."""

_PULL_KINDS: Final = (
    ProblemKind.IMAGE_NOT_FOUND,
    ProblemKind.IMAGE_RATE_LIMITED,
    ProblemKind.IMAGE_UNAUTHORIZED,
    ProblemKind.REGISTRY_CERTIFICATE_EXPIRED,
    ProblemKind.REGISTRY_CERTIFICATE_REFUSED,
    ProblemKind.REGISTRY_FAILED,
    ProblemKind.REGISTRY_NAME_UNKNOWN,
    ProblemKind.REGISTRY_UNREACHABLE,
    ProblemKind.REGISTRY_WITHOUT_TLS,
)
"""Kinds of problems with a registry, whose name then stands in a URL."""

_FIELD_PATTERNS: Final[Mapping[ProblemKind, tuple[re.Pattern[str], ...]]] = {
    kind: tuple(re.compile(pattern) for pattern in patterns)
    for kind, patterns in {
        ProblemKind.CONFIG_MAP_MISSING: (rf'configmaps? "(?P<config_map>{_DNS_NAME})"',),
        ProblemKind.SECRET_MISSING: (rf'secrets? "(?P<secret>{_DNS_NAME})"',),
        ProblemKind.IMAGE_PULL_SECRET_MISSING: (
            rf"image pull secrets \((?P<secret>{_DNS_NAME})[,)]",
        ),
        ProblemKind.KEY_MISSING: (
            (
                r"couldn't find key (?P<key>[-.\w]{1,253}) in "
                rf"(?P<holder>ConfigMap|Secret) {_DNS_NAME}/(?P<object>{_DNS_NAME})(?![-\w.])"
            ),
            r"couldn't find key (?P<key>[-.\w]{1,253})",
            r"references non-existent (?:config|secret) key: (?P<key>[-.\w]{1,253})",
        ),
        ProblemKind.CLAIM_MISSING: (rf'persistentvolumeclaims? "(?P<claim>{_DNS_NAME})"',),
        ProblemKind.CLAIM_DELETING: (
            rf'persistentvolumeclaims? "(?P<claim>{_DNS_NAME})"',
            rf"PVC {_DNS_NAME}/(?P<claim>{_DNS_NAME})(?![-\w.])",
        ),
        ProblemKind.CLAIM_UNBOUND: (
            rf"PVC {_DNS_NAME}/(?P<claim>{_DNS_NAME})(?![-\w.])",
            rf'persistentvolumeclaims? "(?P<claim>{_DNS_NAME})"',
        ),
        ProblemKind.DEVICE_CLAIM_MISSING: (
            rf'(?i:resourceclaim(?:s?\.resource\.k8s\.io)?) "(?P<claim>{_DNS_NAME})"',
        ),
        ProblemKind.DEVICE_CLASS_MISSING: (
            rf'(?i:device ?class(?:es\.resource\.k8s\.io)?) "?(?P<device_class>{_DNS_NAME})"? ',
        ),
        ProblemKind.SERVICE_ACCOUNT_MISSING: (
            rf'serviceaccounts? "(?P<service_account>{_DNS_NAME})"',
        ),
        ProblemKind.READINESS_GATE_UNSET: (r'readiness gate "(?P<gate>[^"]{1,317})"',),
        ProblemKind.RUNTIME_HANDLER_UNKNOWN: (
            rf'no runtime for "(?P<handler>{_DNS_NAME})"',
            rf"failed to find runtime handler (?P<handler>{_DNS_NAME})(?![-\w.])",
            rf'(?i:runtimehandler) "(?P<handler>{_DNS_NAME})"',
            rf'runtime "(?P<handler>{_DNS_NAME})" binary not installed',
        ),
        ProblemKind.CSI_DRIVER_MISSING: (
            rf"driver name (?P<driver>{_DNS_NAME}) not found",
            rf"does not contain driver (?P<driver>{_DNS_NAME})(?![-\w.])",
        ),
        ProblemKind.CSI_DRIVER_NOT_INSTALLED: (
            rf"not supported by driver (?P<driver>{_DNS_NAME})(?![-\w.])",
        ),
        ProblemKind.RESOLV_CONF_MISSING: (
            r"open (?P<path>/[^\s:]{1,200}resolv\.conf): no such file",
        ),
        ProblemKind.SECRET_PROVIDER_MISSING: (
            rf'provider "(?P<provider>{_DNS_NAME})"',
            rf"provider binary (?P<provider>{_DNS_NAME})(?![-\w.])",
        ),
        ProblemKind.LOCAL_PATH_MISSING: (
            r'for volume "(?P<volume>[^"]{1,253})" : path "(?P<path>[^"]{1,200})"',
        ),
        ProblemKind.VOLUME_MODE_WRONG: (rf"volume (?P<volume>{_DNS_NAME}) has volumeMode",),
        ProblemKind.NETWORK_DEFINITION_MISSING: (
            (
                rf"network-attachment-definition \((?P<definition>{_DNS_NAME})\) "
                rf"in namespace \((?P<in_namespace>{_DNS_NAME})\)"
            ),
            rf'network-attachment-definitions\.k8s\.cni\.cncf\.io "(?P<definition>{_DNS_NAME})"',
        ),
        ProblemKind.DRA_DRIVER_MISSING: (
            rf"DRA driver (?P<driver>{_DNS_NAME}) is not registered",
            rf"plugin name (?P<driver>{_DNS_NAME}) not found",
        ),
        ProblemKind.ATTACH_TIMED_OUT: (
            rf"external-attacher of (?P<driver>{_DNS_NAME}) CSI driver",
        ),
        ProblemKind.VOLUME_ATTACHED_ELSEWHERE: (
            r'Multi-Attach error for volume "(?P<volume>[^"]{1,253})"',
            rf"already used by pod\(s\) (?P<other_pod>{_DNS_NAME})(?![-\w.])",
        ),
        ProblemKind.NETWORK_PLUGIN_MISSING: (rf'failed to find plugin "(?P<plugin>{_DNS_NAME})"',),
        ProblemKind.NETWORK_PLUGIN_NOT_READY: (
            r"dial unix [^\s:]{0,200}/(?P<plugin>[-\w]{1,60})\.sock",
        ),
        ProblemKind.KERNEL_MODULE_MISSING: (
            r"(?i:module) (?P<module>[-\w]{1,56}) not found",
            r"(?P<module>fuse): device not found",
        ),
        ProblemKind.NETWORK_ADDRESS_TAKEN: (
            r"IP address (?P<address>[0-9a-fA-F.:]{3,45}) has",
            r"IP addr .{0,80}?IP:(?P<address>[0-9a-fA-F.:]{3,45}) ",
        ),
        ProblemKind.NETWORK_BRIDGE_OUTDATED: (
            r'"(?P<bridge>[-.\w]{1,15})" already has an IP address',
        ),
        ProblemKind.RUNTIME_CLASS_MISSING: (
            rf'(?i:runtimeclass)(?:\.node\.k8s\.io)? "(?P<runtime_class>{_DNS_NAME})"',
        ),
        ProblemKind.MEMORY_LIMIT_TOO_LOW: (
            r"should be at least (?P<least>\d{1,20}) bytes",
            r"Minimum memory limit allowed is (?P<least>\d{1,20}[kKMG]?i?B)",
        ),
        ProblemKind.SANDBOX_IMAGE_FAILED: (
            r'(?:sandbox|failed pulling) image "(?P<sandbox_image>[^"\s]{1,255})"',
        ),
        **dict.fromkeys(_PULL_KINDS, (_REGISTRY,)),
        ProblemKind.NODES_LACK_RESOURCE: (rf"Insufficient (?P<resource>{_QUALIFIED})(?!\S)",),
        ProblemKind.NODES_TAINTED: (r"\{(?P<taint>[^{}]{1,317}?)(?:: )?\}",),
        ProblemKind.NODES_UNDER_PRESSURE: (r"\{(?P<taint>[^{}]{1,317}?)(?:: )?\}",),
        ProblemKind.NODE_OUT_OF_RESOURCE: (
            (
                rf"enough resource: (?P<resource>{_QUALIFIED}), "
                r"requested: (?P<requested>\d{1,20}), "
                r"used: (?P<used>\d{1,20}), capacity: (?P<capacity>\d{1,20})"
            ),
        ),
        ProblemKind.NODE_WITHOUT_RESOURCE: (
            rf"enough resource: (?P<resource>{_QUALIFIED}), requested: (?P<requested>\d{{1,20}}),",
        ),
        ProblemKind.DEVICES_TAKEN: (
            (
                rf"unavailable for (?P<resource>{_QUALIFIED})\. "
                r"Requested: (?P<requested>\d{1,9}), Available: (?P<available>\d{1,9})"
            ),
            rf"unhealthy devices (?P<resource>{_QUALIFIED})(?![-\w./])",
        ),
        ProblemKind.DEVICE_PLUGIN_MISSING: (
            rf"unregistered device (?P<resource>{_QUALIFIED})(?![-\w./])",
        ),
        ProblemKind.EMPTY_DIR_LIMIT_EXCEEDED: (
            (
                rf'EmptyDir volume "(?P<volume>{_DNS_NAME})" exceeds the limit '
                rf'"(?P<limit>{_QUANTITY})"'
            ),
        ),
        ProblemKind.STORAGE_LIMIT_EXCEEDED: (
            (
                rf"Container (?P<hungry>{_DNS_NAME}) exceeded its local ephemeral storage limit "
                rf'"(?P<limit>{_QUANTITY})"'
            ),
            rf"exceeds the total limit of containers (?P<limit>{_QUANTITY})(?!\w)",
        ),
        ProblemKind.NODE_LOW_ON_RESOURCE: (
            rf"low on resource: (?P<resource>{_QUALIFIED})(?![-\w/])",
        ),
        ProblemKind.EXECUTABLE_NOT_FOUND: (
            r'exec: "(?P<executable>[^"]{1,200})"',
            r"executable file `(?P<executable>[^`]{1,200})`",
        ),
        ProblemKind.RUNTIME_PROGRAM_MISSING: (
            r"fork/exec (?P<executable>/[^\s:]{1,200}):",
            r'exec: "(?P<executable>[^"]{1,200})"',
        ),
        ProblemKind.EXECUTABLE_NEEDS_LIBRARY: (
            r"(?<!\S)exec (?P<executable>/[^\s:]{1,200}): no such file",
            r"library\?\) `(?P<executable>[^`]{1,200})`",
        ),
        ProblemKind.EXECUTABLE_NOT_PERMITTED: (
            r'exec: "(?P<executable>[^"]{1,200})"',
            r"the path `(?P<executable>[^`]{1,200})`",
            r"exec container process `(?P<executable>[^`]{1,200})`",
        ),
        ProblemKind.WORKING_DIRECTORY_UNUSABLE: (
            r'chdir to cwd \("(?P<path>[^"]{1,200})"\)',
            r"chdir `(?P<path>[^`]{1,200})`",
        ),
        ProblemKind.HOST_PATH_UNUSABLE: (
            r"type check failed: (?P<path>/\S{1,200}) is not",
            r'failed to (?:stat|mkdir) "(?P<path>[^"]{1,200})"',
            r"path does not exist: (?P<path>/\S{1,200})",
        ),
        ProblemKind.NON_ROOT_USER_NAMED: (r"non-numeric user \((?P<user>[^\s()]{1,63})\)",),
        ProblemKind.USER_UNKNOWN: (r"unable to find (?:user|group) (?P<user>[^\s:]{1,63}):",),
        ProblemKind.SYSCTL_UNKNOWN: (r"open /proc/sys/(?P<sysctl>[-\w./]{1,120})",),
        ProblemKind.SYSCTL_REFUSED: (
            r'sysctl:? "(?P<sysctl>[^"]{1,120})"',
            r"open /proc/sys/(?P<sysctl>[-\w./]{1,120})",
        ),
    }.items()
}
_FROM_LAYERS: Final = {
    "volume": re.compile(r'volume "([^"]{1,253})"'),
    "plugin": re.compile(r'network plug-in "([^"]{1,253})"'),
    "path": re.compile(r'mount at "([^"]{1,512})"'),
}
"""What fills a placeholder from the names that layers give."""

_WITHOUT_QUOTES: Final = frozenset(
    {
        "resource",
        "limit",
        "requested",
        "available",
        "holder",
        "least",
        "used",
        "pod_used",
        "capacity",
    }
)
"""Placeholders of what programs write as one word: quantities, and the names of resources."""

_MAX_FIELD_BYTES: Final = 64


def as_field(placeholder: str, value: str) -> str:
    """A value as it may stand in a sentence: quoted where it is no name of Kubernetes'."""
    if placeholder in _WITHOUT_QUOTES:
        return quoting.word(value)
    return value if quoting.is_name(value) else quoting.quote(value, _MAX_FIELD_BYTES)


def fields_of(text: str, kind: ProblemKind, names: Collection[str] = ()) -> dict[str, str]:
    """What fills the placeholders of the words for a kind, as far as a message gives it."""
    raw: dict[str, str] = {}
    for placeholder, pattern in _FROM_LAYERS.items():
        for name in names:
            if found := pattern.fullmatch(name):
                raw.setdefault(placeholder, found[1])
    given: dict[str, str] = {}
    for pattern in _FIELD_PATTERNS.get(kind, ()):
        if found := pattern.search(text):
            given = {**found.groupdict(), **given}
    raw |= given
    if kind in _REWORKED:
        raw |= _REWORKED[kind](text, raw)
    return {key: as_field(key, shortened(value)) for key, value in raw.items() if value}


_UNITS: Final = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
_NO_FRACTION_FROM: Final = 10
_BYTES: Final = re.compile(r"(\d{1,20})(Ki|Mi|Gi|Ti)?")
_AVAILABLE: Final = re.compile(rf"available: (?P<available>{_QUANTITY})")
_HUNGRY: Final = re.compile(
    rf"(?:Container (?P<hungry>{_DNS_NAME})|Pod {_DNS_NAME}) was using (?P<used>{_QUANTITY}), "
    rf"(?:request is|which exceeds its request of) (?P<requested>{_QUANTITY})"
)


def _bytes_of(quantity: str) -> int | None:
    found = _BYTES.fullmatch(quantity)
    return int(found[1]) * _UNITS[found[2] or ""] if found else None


def readable(quantity: str) -> str:
    """A number of bytes in the largest unit that leaves a whole number before the point."""
    number = _bytes_of(quantity)
    if number is None:
        return quantity
    unit, size = max(
        ((unit, size) for unit, size in _UNITS.items() if size <= number or not unit),
        key=lambda each: each[1],
    )
    whole = number / size
    return (
        f"{whole:.0f}{unit}"
        if whole >= _NO_FRACTION_FROM or not number % size
        else f"{whole:.1f}{unit}"
    )


def _left(text: str, _: Mapping[str, str]) -> dict[str, str]:
    """How much of something that is counted the node had left."""
    found = _AVAILABLE.search(text)
    return {"available": found["available"]} if found else {}


def _eviction_quantities(text: str, raw: Mapping[str, str]) -> dict[str, str]:
    """How many bytes the node had left, and which container used most beyond its request."""
    quantities = {key: readable(value) for key, value in _left(text, raw).items()}
    hungriest = max(
        _HUNGRY.finditer(text), key=lambda each: _bytes_of(each["used"]) or 0, default=None
    )
    if hungriest is not None:
        quantities |= {
            "hungry": hungriest["hungry"] or "",
            "used" if hungriest["hungry"] else "pod_used": readable(hungriest["used"]),
            "requested": readable(hungriest["requested"]),
        }
    return quantities


def _refusal_quantities(_: str, raw: Mapping[str, str]) -> dict[str, str]:
    """What was requested, in the units in which people write requests: CPUs, and bytes."""
    resource = raw.get("resource", "")
    of_memory = resource in ("memory", "ephemeral-storage") or resource.startswith("hugepages-")
    of_cpu = raw.get("resource") == "cpu"
    quantities: dict[str, str] = {}
    for key in ("requested", "used", "capacity"):
        if key in raw and of_memory:
            quantities[key] = readable(raw[key])
        elif key in raw and of_cpu:
            quantities[key] = f"{int(raw[key]) / 1000:g}"
    return quantities


def _sysctl(_: str, raw: Mapping[str, str]) -> dict[str, str]:
    """The name of a sysctl as people write it, and not as a path."""
    return {key: value.replace("/", ".") for key, value in raw.items() if key == "sysctl"}


def _least(_: str, raw: Mapping[str, str]) -> dict[str, str]:
    return {key: readable(value) for key, value in raw.items() if key == "least"}


_CRUN_MOUNT: Final = re.compile(r"mount `[^`]{0,512}` to `(?P<path>[^`]{1,512})`")


def _crun_mount(text: str, raw: Mapping[str, str]) -> dict[str, str]:
    """Where crun wanted to mount: it writes the path below the root directory."""
    found = _CRUN_MOUNT.search(text)
    return {"path": f"/{found['path'].lstrip('/')}"} if found and "path" not in raw else {}


_REWORKED: Final = {
    ProblemKind.SYSCTL_REFUSED: _sysctl,
    ProblemKind.SYSCTL_UNKNOWN: _sysctl,
    ProblemKind.MEMORY_LIMIT_TOO_LOW: _least,
    ProblemKind.SUB_PATH_UNUSABLE: _crun_mount,
    ProblemKind.RUNTIME_MOUNT_FAILED: _crun_mount,
    ProblemKind.MOUNT_TARGET_UNUSABLE: _crun_mount,
    ProblemKind.MOUNT_SOURCE_MISSING: _crun_mount,
    ProblemKind.MOUNT_FAILED: _crun_mount,
    ProblemKind.NODE_LOW_ON_MEMORY: _eviction_quantities,
    ProblemKind.NODE_LOW_ON_DISK: _eviction_quantities,
    ProblemKind.NODE_LOW_ON_INODES: _left,
    ProblemKind.NODE_LOW_ON_PROCESSES: _left,
    ProblemKind.NODE_OUT_OF_RESOURCE: _refusal_quantities,
}
