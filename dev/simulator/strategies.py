"""What the API server does to an object of each kind before it stores it.

Follows the strategies of k8s.io/kubernetes/pkg/registry and k8s.io/apiextensions-apiserver:
which fields a request may set, defaults, when the generation rises, how a deletion proceeds.
"""

import re
from typing import Any

from dev.simulator.errors import ApiError
from dev.simulator.event_api import core_problems
from dev.simulator.objects import (
    Object,
    annotations_of,
    copy,
    generation_of,
    identical,
    labels_of,
    name_of,
)
from dev.simulator.resources import (
    EVENT,
    NAMESPACE,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    Resource,
)
from dev.simulator.selectors import from_object

_DNS_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_LABEL_NAME = re.compile(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
# k8s.io/apimachinery/pkg/util/validation; the words about the length of one are others.
_NOT_A_LABEL_KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_NOT_A_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_MAX_NAME, _MAX_LABEL, _MAX_ANNOTATIONS = 253, 63, 256 * 1024

_POD_DEFAULTS: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "enableServiceLinks": True,
    "priority": 0,
    "preemptionPolicy": "PreemptLowerPriority",
}
_CONTAINER_DEFAULTS: Object = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PROBE_DEFAULTS: Object = {
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}


def prepare_create(resource: Resource, obj: Object) -> None:
    """Make an object, in place, what is stored of a new one.

    Raises:
        ApiError: 422, it breaks rules of its kind.
    """
    if resource is POD:
        _default_pod(obj["spec"])
        obj["status"] = {"phase": "Pending", "qosClass": _quality_of_service(obj["spec"])}
    elif resource.has_status:
        obj.pop("status", None)
    if resource is REPLICA_SET:
        obj["spec"].setdefault("replicas", 1)
        obj["status"] = {"replicas": 0}
    if resource is NAMESPACE:
        # By the label others select it by its name.
        labels = {**labels_of(obj), "kubernetes.io/metadata.name": name_of(obj)}
        obj["metadata"]["labels"] = labels
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
    if resource not in {EVENT, NAMESPACE}:  # which have no generation
        obj["metadata"]["generation"] = 1
    _read_by_schema(resource, obj)
    _validate(resource, obj)


def prepare_update(resource: Resource, obj: Object, old: Object, subresource: str) -> None:
    """Make an object, in place, what is stored of an update.

    Args:
        resource: its kind.
        obj: what the client sent, with the system's metadata already restored.
        old: what is stored.
        subresource: "" or "status".

    Raises:
        ApiError: 422, it breaks rules of its kind.
    """
    if subresource == "status":
        _keep_all_but_status(resource, obj, old)
    elif resource.has_status:
        if "status" in old:
            obj["status"] = old["status"]
        else:
            obj.pop("status", None)
    if _same_content(resource, obj, old):
        _raise_if(resource, obj, [*_validate_metadata(obj)])  # the rest was read and found valid
    else:
        _read_by_schema(resource, obj)
        _validate(resource, obj, subresource)
    if subresource:
        return
    if resource is POD:
        _validate_pod_update(obj, old)
    if _is_new_generation(resource, obj, old):
        obj["metadata"]["generation"] = generation_of(old) + 1


def grace_period(resource: Resource, obj: Object, requested: int | None) -> int | None:
    """Say how long an object may take to end once it is deleted.

    Source: CheckGracefulDelete of the Pods' strategy; other kinds here have none.

    Args:
        resource: its kind.
        obj: the object.
        requested: what the client asked for.

    Returns:
        Seconds, or None for kinds that are deleted at once.
    """
    if resource is not POD:
        return None
    period = obj["spec"].get("terminationGracePeriodSeconds", 0) if requested is None else requested
    if not obj["spec"].get("nodeName") or obj["status"].get("phase") in {"Failed", "Succeeded"}:
        return 0
    return 1 if period < 0 else int(period)


def _keep_all_but_status(resource: Resource, obj: Object, old: Object) -> None:
    status, metadata = obj.get("status"), obj["metadata"]
    had_status = "status" in obj
    obj.clear()
    obj.update(copy(old))
    # The difference between a custom resource and a Pod: the Pod's labels and annotations may be
    # changed through its status.
    kept = ("managedFields",) if resource is not POD else ("managedFields", "labels", "annotations")
    for name in kept:
        obj["metadata"].pop(name, None)
        if name in metadata:
            obj["metadata"][name] = metadata[name]
    obj.pop("status", None)
    if had_status:
        obj["status"] = status
    if resource is POD:
        obj["status"] = obj.get("status") or {}
        if old["status"].get("qosClass"):
            obj["status"].setdefault("qosClass", old["status"]["qosClass"])


def _is_new_generation(resource: Resource, obj: Object, old: Object) -> bool:
    if resource in {EVENT, NAMESPACE}:
        return False
    if not resource.is_custom:
        return not identical(obj.get("spec"), old.get("spec"))
    # With the status subresource the two statuses are one and the same here.
    names = (set(obj) | set(old)) - {"metadata"}
    return any(
        name not in obj or name not in old or not identical(obj[name], old[name]) for name in names
    )


def _same_content(resource: Resource, obj: Object, old: Object) -> bool:
    """Say whether an update of a custom resource changes nothing but its metadata."""
    if resource.schema is None or len(obj) != len(old):
        return False
    return all(
        name == "metadata" or (name in old and identical(item, old[name]))
        for name, item in obj.items()
    )


def _read_by_schema(resource: Resource, obj: Object) -> None:
    if resource.schema is None:
        return
    metadata = obj.pop("metadata")
    resource.schema.prune(obj)
    resource.schema.default(obj)
    obj["metadata"] = metadata


def _validate(resource: Resource, obj: Object, subresource: str = "") -> None:
    causes = [*_validate_metadata(obj)]
    if resource.schema is not None:
        causes += resource.schema.validate(obj, subresource=subresource)
    if resource is POD and not obj["spec"].get("containers"):
        causes.append(("FieldValueRequired", "Required value", "spec.containers"))
    if resource is EVENT:
        causes += [("FieldValueInvalid", text, field) for field, text in core_problems(obj)]
    if resource is REPLICA_SET:
        causes += _validate_replica_set(obj["spec"])
    if resource is POD_DISRUPTION_BUDGET and {"minAvailable", "maxUnavailable"} <= set(obj["spec"]):
        text = "Invalid value: minAvailable and maxUnavailable cannot be both set"
        causes.append(("FieldValueInvalid", text, "spec"))
    _raise_if(resource, obj, causes)


def _raise_if(resource: Resource, obj: Object, causes: list[tuple[str, str, str]]) -> None:
    if causes:
        raise ApiError.invalid(resource.group, resource.kind, name_of(obj), causes)


def _validate_replica_set(spec: Object) -> list[tuple[str, str, str]]:
    selector, template = spec.get("selector"), spec.get("template") or {}
    if not selector or not template.get("spec"):
        return [("FieldValueRequired", "Required value", "spec.selector, spec.template")]
    if from_object(selector).matches((template.get("metadata") or {}).get("labels") or {}):
        return []
    text = "Invalid value: `selector` does not match template `labels`"
    return [("FieldValueInvalid", text, "spec.template.metadata.labels")]


def _validate_metadata(obj: Object) -> list[tuple[str, str, str]]:
    causes = []
    name = name_of(obj)
    if not name:
        text = "Required value: name or generateName is required"
        causes.append(("FieldValueRequired", text, "metadata.name"))
    elif len(name) > _MAX_NAME or not _DNS_SUBDOMAIN.match(name):
        text = f'Invalid value: "{name}": a lowercase RFC 1123 subdomain is needed'
        causes.append(("FieldValueInvalid", text, "metadata.name"))
    for key, value in labels_of(obj).items():
        short = key.rpartition("/")[2]
        if not _LABEL_NAME.match(short) or len(short) > _MAX_LABEL:
            text = f'Invalid value: "{key}": {_NOT_A_LABEL_KEY}'
            causes.append(("FieldValueInvalid", text, "metadata.labels"))
        if value and (not _LABEL_NAME.match(value) or len(value) > _MAX_LABEL):
            text = f'Invalid value: "{value}": {_NOT_A_LABEL_VALUE}'
            causes.append(("FieldValueInvalid", text, "metadata.labels"))
    size = sum(
        len(key.encode()) + len(value.encode()) for key, value in annotations_of(obj).items()
    )
    if size > _MAX_ANNOTATIONS:
        text = f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"
        causes.append(("FieldValueTooLong", text, "metadata.annotations"))
    return causes


def _validate_pod_update(obj: Object, old: Object) -> None:
    """Refuse a change of the Pod's spec, but for the few fields that may change."""
    before, after = _immutable_part(old["spec"]), _immutable_part(obj["spec"])
    if not identical(before, after):
        text = (
            "Forbidden: pod updates may not change fields other than "
            "`spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
            "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
            "previously negative)"
        )
        causes = [("FieldValueForbidden", text, "spec")]
        raise ApiError.invalid(POD.group, POD.kind, name_of(obj), causes)


def _immutable_part(spec: Object) -> Object:
    part = {
        name: value
        for name, value in spec.items()
        if name not in {"activeDeadlineSeconds", "tolerations"}
    }
    for containers in ("containers", "initContainers"):
        if containers in part:
            part[containers] = [
                {name: value for name, value in container.items() if name != "image"}
                for container in part[containers]
            ]
    return part


def _default_pod(spec: Object) -> None:
    for name, value in _POD_DEFAULTS.items():
        spec.setdefault(name, copy(value))
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for name, value in _CONTAINER_DEFAULTS.items():
            container.setdefault(name, copy(value))
        latest = ":" not in container["image"] or container["image"].endswith(":latest")
        container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
        for port in container.get("ports") or []:
            port.setdefault("protocol", "TCP")
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            if name in container:
                _default_probe(container[name])


def _default_probe(probe: Object) -> None:
    for name, value in _PROBE_DEFAULTS.items():
        probe.setdefault(name, value)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("scheme", "HTTP")
        probe["httpGet"].setdefault("path", "/")


def _quality_of_service(spec: Object) -> str:
    """Return the Pod's QoS class from CPU and memory of its containers."""
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    resources = [container.get("resources") or {} for container in containers]
    if not any(resource.get("limits") or resource.get("requests") for resource in resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= set(resource.get("limits") or {})
        and all(
            (resource.get("requests") or {}).get(name, limit) == limit
            for name, limit in resource["limits"].items()
        )
        for resource in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"


def normalise(value: Any) -> Any:
    """Copy JSON as it reads after the API server encoded it: Go writes 1.0 as 1."""
    kind = type(value)
    if kind is dict:
        return {key: normalise(item) for key, item in value.items()}
    if kind is list:
        return [normalise(item) for item in value]
    if kind is float and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value
