"""The five workloads of a drill, each of which crashes in its own way. Pure.

They need nothing but an image with a shell, sleep and tail, such as busybox: no volume, no Service,
no permission. They run as nobody, within the Pod security level ``restricted``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.diagnostics_v1 import API_VERSION, POD_DIAGNOSER

Json = dict[str, Any]

IMAGE: Final = "docker.io/library/busybox:1.37"
APP_LABEL: Final = "app"
"""The label of a Pod with the name of its workload."""

DIAGNOSER: Final = "drill"
"""The name of the PodDiagnoser."""

_MISSING: Final = "drill-no-such-configmap"
_MISSING_TAG: Final = "drill-no-such-tag"
_NOBODY: Final = 65534

_TRACEBACK: Final = (
    "Traceback (most recent call last):",
    '  File "/drill.py", line 3, in <module>',
    "KeyError: 'DRILL_SETTING'",
)


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that crashes.

    Attributes:
        name: its name.
        what: what happens to it.
        causes: what is to be said of it: the best, and what is right as far as it goes, where the
            Events that prove the best may not be read.
        alert: the alert that fires for it.
        alert_after: what it takes until that fires, in words.
        alert_seconds: the same as seconds, at least.
        container: what its container has beside name, image and security.
    """

    name: str
    what: str
    causes: Sequence[Cause]
    alert: str
    alert_after: str
    alert_seconds: int
    container: Mapping[str, Any]


def _shell(script: str, *arguments: str) -> Json:
    return {"command": ["sh", "-c", script, "sh", *arguments]}


_CRASHING: Final = ("PodDiagnoserWorkloadCrashing", "three crashes", 60)
_STUCK: Final = ("PodDiagnoserWorkloadStuck", "ten minutes", 600)

WORKLOADS: Final = (
    Workload(
        "exit-code",
        "a program ends with exit code 3 and a traceback",
        (Cause.APPLICATION_ERROR,),
        *_CRASHING,
        {
            **_shell("printf '%s\\n' \"$@\" >&2; exit 3", *_TRACEBACK),
            "terminationMessagePolicy": "FallbackToLogsOnError",
        },
    ),
    Workload(
        "out-of-memory",
        "a program takes more memory than its limit of 32 Mi",
        (Cause.OUT_OF_MEMORY,),
        "PodDiagnoserWorkloadOutOfMemory",
        "the first kill",
        0,
        _shell("exec tail /dev/zero"),
    ),
    Workload(
        "liveness-probe",
        "a program that runs fails its liveness probe",
        (Cause.LIVENESS_PROBE_FAILED, Cause.KILLED, Cause.TERMINATED),
        *_CRASHING,
        {
            **_shell("exec sleep 3600"),
            "livenessProbe": {
                "exec": {"command": ["sh", "-c", "echo this drill is never alive; exit 1"]},
                "initialDelaySeconds": 1,
                "periodSeconds": 1,
                "timeoutSeconds": 5,
                "failureThreshold": 1,
            },
        },
    ),
    Workload(
        "image",
        "its image has a tag that does not exist",
        (Cause.IMAGE_PULL_FAILED,),
        *_STUCK,
        _shell("exit 0"),
    ),
    Workload(
        "configmap",
        "it asks for a ConfigMap that does not exist",
        (Cause.CONFIGURATION_ERROR,),
        *_STUCK,
        {
            **_shell("exit 0"),
            "env": [
                {
                    "name": "DRILL_SETTING",
                    "valueFrom": {"configMapKeyRef": {"name": _MISSING, "key": "setting"}},
                }
            ],
        },
    ),
)


def missing_image(image: str) -> str:
    """Return an image of the same repository that does not exist.

    Where only some registries are allowed, this is allowed as well.
    """
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}:{_MISSING_TAG}"


def diagnoser() -> Json:
    """Build the PodDiagnoser: all Pods of the namespace, no Pod is replaced."""
    return {
        "apiVersion": API_VERSION,
        "kind": POD_DIAGNOSER,
        "metadata": {"name": DIAGNOSER},
        "spec": {"remediationAction": "LogEvent"},
    }


def deployments(image: str) -> Json:
    """Build the Deployments, as a List."""
    made = [
        _deployment(each, missing_image(image) if each.name == "image" else image)
        for each in WORKLOADS
    ]
    return {"apiVersion": "v1", "kind": "List", "items": made}


def _deployment(workload: Workload, image: str) -> Json:
    labels = {APP_LABEL: workload.name}
    container = {
        "name": "app",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {
            "requests": {"cpu": "5m", "memory": "8Mi"},
            "limits": {"cpu": "200m", "memory": "32Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **workload.container,
    }
    spec: Json = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # What runs on is killed at once: the drill is to be gone soon.
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
