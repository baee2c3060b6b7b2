"""Live (uncached) reads from the API server, since requests may be old, or forged."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from cachetools import TTLCache
from pydantic import ValidationError

from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser
from pod_diagnoser.api.core_v1 import Namespace, OwnedPod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.cluster.errors import NoAnswerError, NotFoundError

REUSE_SECONDS: Final = 1.0
"""How long a PodDiagnoser that was read is used again, except to execute a plan: the crashes of a
burst cost one read together."""

MAX_CACHED: Final = 100
"""How many of them are held."""


class ReadApi(Protocol):
    """The calls that are made (`pod_diagnoser.cluster.client.ApiClient`)."""

    def get_pod(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a Pod."""

    def get_pod_diagnoser(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a PodDiagnoser."""

    def get_cluster_pod_diagnoser(self, name: str) -> tuple[bytes, datetime]:
        """Read a ClusterPodDiagnoser."""

    def get_namespace(self, name: str) -> tuple[bytes, datetime]:
        """Read a Namespace."""


@dataclass(frozen=True, slots=True)
class _CachedRead:
    """A PodDiagnoser as it was read.

    Attributes:
        found: the PodDiagnoser.
        now: the API server's time then.
        monotonic: our monotonic clock then.
        clock: our clock then.
    """

    found: PodDiagnoser
    now: datetime
    monotonic: float
    clock: datetime


class LiveReader:
    """Reads PodDiagnosers and Pods.

    Args:
        api: the API server.
        clock: returns our time, in UTC. It may be wrong.
        monotonic: a clock for how long things take, in seconds. It may stand still while a machine
            sleeps.
    """

    def __init__(
        self, api: ReadApi, clock: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._api = api
        self._clock = clock
        self._monotonic = monotonic
        # Held a little longer than used: `_is_recent` decides by both clocks.
        self._cache: TTLCache[str, _CachedRead] = TTLCache(
            MAX_CACHED, 2 * REUSE_SECONDS, timer=monotonic
        )

    def pod_diagnoser(
        self, of: PodDiagnoser, *, any_version: bool = False
    ) -> tuple[PodDiagnoser | None, datetime]:
        """Read the PodDiagnoser, or the ClusterPodDiagnoser, of a request.

        Args:
            of: the one that Metacontroller sent.
            any_version: whether another version of it will do.

        Returns:
            The live one, as it was at most `REUSE_SECONDS` ago, or None where it is not the same;
            and the time by the API server's clock.

        Raises:
            ApiError: it could not be read.
        """
        meta = of.metadata
        monotonic, clock = self._monotonic(), self._clock()
        cached = self._cache.get(meta.uid)
        if cached is not None:
            # Of another version it may be used only where the spec is as it was: a crash must not
            # be judged by a spec that has just been replaced.
            same_spec = cached.found.spec == of.spec or not any_version
            if (
                _is_recent(cached, monotonic, clock)
                and same_spec
                and _is_same(cached.found, of, any_version=any_version)
            ):
                return cached.found, cached.now + timedelta(seconds=monotonic - cached.monotonic)
        try:
            document, now = (
                self._api.get_cluster_pod_diagnoser(meta.name)
                if isinstance(of, ClusterPodDiagnoser)
                else self._api.get_pod_diagnoser(meta.namespace, meta.name)
            )
        except NotFoundError as error:
            # Without a kind it comes from something in between, or says something else.
            if not error.kind or error.at is None:
                raise
            return None, error.at
        try:
            found = type(of).model_validate_json(document)
        except ValidationError:
            raise NoAnswerError from None
        self._cache[found.metadata.uid] = _CachedRead(found, now, monotonic, clock)
        return (found if _is_same(found, of, any_version=any_version) else None), now

    def invalidate(self, of: PodDiagnoser) -> None:
        """Read a PodDiagnoser again the next time."""
        self._cache.pop(of.metadata.uid, None)

    def namespace(self, name: str) -> Namespace | None:
        """Read a Namespace; None where there certainly is none of that name.

        Raises:
            ApiError: it could not be read.
        """
        try:
            document, _ = self._api.get_namespace(name)
        except NotFoundError as error:
            if error.kind != "namespaces":
                raise
            return None
        try:
            found = Namespace.model_validate_json(document)
        except ValidationError:
            raise NoAnswerError from None
        if found.metadata.name != name:
            raise NoAnswerError
        return found

    def pod(self, namespace: str, name: str) -> tuple[OwnedPod | None, datetime]:
        """Read a Pod; None where there certainly is none of that name; and the API server's time.

        Raises:
            ApiError: it could not be read.
        """
        try:
            document, now = self._api.get_pod(namespace, name)
        except NotFoundError as error:
            # As above; and a 404 may be about the namespace.
            if error.kind != "pods" or error.at is None:
                raise
            return None, error.at
        try:
            pod = OwnedPod.model_validate_json(document)
        except ValidationError:
            raise NoAnswerError from None
        meta = pod.metadata
        if (meta.namespace, meta.name) != (namespace, name) or not meta.resourceVersion:
            raise NoAnswerError
        return pod, now


def _is_recent(cached: _CachedRead, monotonic: float, clock: datetime) -> bool:
    """Whether it was read a moment ago by both clocks: one may be set, the other stand still."""
    ages = (monotonic - cached.monotonic, (clock - cached.clock).total_seconds())
    return max(map(abs, ages)) <= REUSE_SECONDS


def _is_same(found: PodDiagnoser, of: PodDiagnoser, *, any_version: bool) -> bool:
    live, sent = found.metadata, of.metadata
    if (live.namespace, live.name, live.uid) != (sent.namespace, sent.name, sent.uid):
        return False
    version = live.resourceVersion
    return any_version or bool(version and version == sent.resourceVersion)
