"""Reads what a workload's template changed before its Pods crashed, at most once in ten minutes.

It takes two calls: the version that the crashed Pod was made from, and the versions of the same
workload. The Pods of a workload crash together; what was found is used by all of them, and so is
that there is nothing to say. A version never changes, but a rollback gives it another number.
"""

from collections.abc import Callable
from typing import Final, Protocol

from pydantic import ValidationError

from pod_diagnoser.api.apps_v1 import (
    ControllerRevision,
    ControllerRevisionList,
    ReplicaSet,
    ReplicaSetList,
    Version,
)
from pod_diagnoser.cluster.circuit_breaker import EvidenceCircuitBreaker
from pod_diagnoser.cluster.errors import AnswerTooLongError, ApiError, NotFoundError
from pod_diagnoser.cluster.shared_reads import SharedRead, SharedReads
from pod_diagnoser.cluster.slots import Slots
from pod_diagnoser.diagnosis.changes import TemplateChange, TemplateRequest, describe_version

CHANGES_SECONDS: Final = 0.5
"""How long reading may take as a whole. A Pod's sync waits for it, as long as there is time left
that its Events and its log did not take."""

LEAST_SECONDS: Final = 0.1
"""With less time left no call is made."""

KEPT_SECONDS: Final = 600.0
"""How long what was found is used."""

MAX_TEMPLATES: Final = 500
"""Of how many templates something is held at a time. Forgetting one costs two calls."""

MAX_CALLS: Final = 2
"""How many calls there are at once."""

DEPLOYMENT: Final = "Deployment"
_REPLICA_SETS: Final = "replicasets"
_CONTROLLER_REVISIONS: Final = "controllerrevisions"


class TemplateApi(Protocol):
    """The calls that are made (`pod_diagnoser.cluster.client.ApiClient`)."""

    def get_version(self, namespace: str, resource: str, name: str, seconds: float) -> bytes:
        """Read a version of a workload's template."""

    def list_versions(self, namespace: str, resource: str, selector: str, seconds: float) -> bytes:
        """Read the versions that a label selector selects."""


class TemplateChangeReader:
    """Reads what templates changed. It never fails: where it is not known, there is nothing to say.

    Safe to be shared by greenlets and by threads.

    Args:
        api: the API server.
        monotonic: a clock for how long things take, in seconds.
        breaker: stops calls that are known to fail.
    """

    def __init__(
        self, api: TemplateApi, monotonic: Callable[[], float], breaker: EvidenceCircuitBreaker
    ) -> None:
        self._api = api
        self._monotonic = monotonic
        self._breaker = breaker
        self._slots = Slots(MAX_CALLS)
        self._templates: SharedReads[tuple[str, TemplateRequest], TemplateChange]
        self._templates = SharedReads(MAX_TEMPLATES, monotonic)

    def read(self, namespace: str, request: TemplateRequest, until: float) -> TemplateChange | None:
        """Return what a template changed.

        Args:
            namespace: the namespace of the Pod.
            request: its template.
            until: until when it may take, by the monotonic clock; never for more than
                `CHANGES_SECONDS`.

        Returns:
            The change; None where there is nothing to say, or it could not be read in time.
        """
        until = min(until, self._monotonic() + CHANGES_SECONDS)
        with self._templates.hold((namespace, request), until) as template:
            if template is None:
                return None
            if self._monotonic() >= template.until:
                template.value = self._try_to_read(namespace, request, template, until)
            return template.value

    def _try_to_read(
        self,
        namespace: str,
        request: TemplateRequest,
        template: SharedRead[TemplateChange],
        until: float,
    ) -> TemplateChange | None:
        """Read it where that is worth trying; what passes is tried again with the next crash."""
        if self._breaker.find_open(namespace) is not None:
            return None
        if not self._slots.acquire(namespace, max(0.0, until - self._monotonic())):
            return None
        try:
            change = self._read(namespace, request, until)
        except (AnswerTooLongError, NotFoundError, ValidationError):
            change = None
        except ApiError as error:
            self._breaker.record_failure(error, namespace)
            return None
        except TimeoutError:
            return None
        finally:
            self._slots.release(namespace)
        self._breaker.record_success(namespace)
        template.until = self._monotonic() + KEPT_SECONDS
        return change

    def _read(
        self, namespace: str, request: TemplateRequest, until: float
    ) -> TemplateChange | None:
        """Read the version and the others of its workload.

        Raises:
            ApiError: one could not be read.
            TimeoutError: there is no time left.
            ValidationError: it is no such object.
        """
        if request.kind == "ReplicaSet":
            resource, name = _REPLICA_SETS, request.name
        else:
            resource, name = _CONTROLLER_REVISIONS, _revision_name(request)
        content = self._api.get_version(namespace, resource, name, self._seconds_left(until))
        version: Version
        if resource == _REPLICA_SETS:
            version = ReplicaSet.model_validate_json(content)
            owner = version.metadata.controller
            is_version = version.metadata.uid == request.uid
            if owner is None or owner.kind != DEPLOYMENT or not is_version:
                return None
        else:
            version = ControllerRevision.model_validate_json(content)
            owner = version.metadata.controller
            if owner is None or owner.uid != request.uid:
                return None
        if not version.siblings:
            return None
        content = self._api.list_versions(
            namespace, resource, version.siblings, self._seconds_left(until)
        )
        kind = ReplicaSetList if resource == _REPLICA_SETS else ControllerRevisionList
        found = kind.model_validate_json(content)
        if not found.is_complete:
            return None
        of_owner = [each for each in found.items if _controller_uid(each) == owner.uid]
        return describe_version(version, of_owner)

    def _seconds_left(self, until: float) -> float:
        seconds = until - self._monotonic()
        if seconds < LEAST_SECONDS:
            raise TimeoutError
        return seconds


def _controller_uid(version: Version) -> str:
    owner = version.metadata.controller
    return owner.uid if owner is not None else ""


def _revision_name(request: TemplateRequest) -> str:
    """Return the name of a ControllerRevision.

    The label of a StatefulSet's Pod has the whole name, that of a DaemonSet's only its end. Source:
    ``setPodRevision`` in ``pkg/controller/statefulset/stateful_set_utils.go``; ``snapshot`` in
    ``pkg/controller/daemon/update.go``.
    """
    prefix = f"{request.name}-"
    return request.version if request.version.startswith(prefix) else prefix + request.version
