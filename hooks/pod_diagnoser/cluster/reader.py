"""What is read from the API server itself, since requests may be old, or forged."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from cachetools import TTLCache
from pydantic import ValidationError

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.cluster.errors import NoAnswerError, NotFoundError

REUSE_SECONDS: Final = 1.0
"""For how long a PodDiagnoser that was read is as good as read again, but for carrying out a plan:
the crashes of a storm cost one read together."""

MAX_CACHED: Final = 100
"""How many of them are kept."""


class ReadApi(Protocol):
    """What is read of the cluster (`pod_diagnoser.cluster.client.ApiClient`)."""

    def get_pod(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a Pod."""

    def get_pod_diagnoser(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a PodDiagnoser."""


@dataclass(frozen=True, slots=True)
class _CachedRead:
    found: PodDiagnoser
    now: datetime
    read_at: float
    read_on: datetime


class LiveReader:
    """Reads PodDiagnosers and Pods.

    Args:
        cluster: the API server.
        clock: tells our time, in UTC. It may be wrong.
        monotonic: a clock for how long things take, in seconds. It may stand still while a machine
            sleeps.
    """

    def __init__(
        self, cluster: ReadApi, clock: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._monotonic = monotonic
        # By one clock it is kept a little too long; by both it is decided what is still of use.
        self._cache: TTLCache[str, _CachedRead] = TTLCache(
            MAX_CACHED, 2 * REUSE_SECONDS, timer=monotonic
        )

    def pod_diagnoser(
        self, of: PodDiagnoser, *, any_version: bool = False
    ) -> tuple[PodDiagnoser | None, datetime]:
        """Read the PodDiagnoser of a request.

        Args:
            of: the PodDiagnoser as Metacontroller sent it.
            any_version: whether another version of it will do.

        Returns:
            The live one, as it was at most `REUSE_SECONDS` ago, or None where it is not the same;
            and the time by the API server's clock.

        Raises:
            ApiError: it could not be read.
        """
        meta = of.metadata
        read_at, read_on = self._monotonic(), self._clock()
        kept = self._cache.get(meta.uid)
        if kept is not None:
            ages = (read_at - kept.read_at, (read_on - kept.read_on).total_seconds())
            recent = max(map(abs, ages)) <= REUSE_SECONDS
            # Of another version it is as good only where the spec is as it was: a crash is not to
            # be judged by a spec that has just been replaced.
            same = kept.found.spec == of.spec or not any_version
            if recent and same and _is_same(kept.found, of, any_version=any_version):
                return kept.found, kept.now + timedelta(seconds=ages[0])
        try:
            document, now = self._cluster.get_pod_diagnoser(meta.namespace, meta.name)
        except NotFoundError as error:
            if not error.kind or error.at is None:
                raise
            return None, error.at
        try:
            found = PodDiagnoser.model_validate_json(document)
        except ValidationError:
            raise NoAnswerError from None
        self._cache[found.metadata.uid] = _CachedRead(found, now, read_at, read_on)
        return (found if _is_same(found, of, any_version=any_version) else None), now

    def invalidate(self, of: PodDiagnoser) -> None:
        """Read a PodDiagnoser anew the next time."""
        self._cache.pop(of.metadata.uid, None)

    def pod(self, namespace: str, name: str) -> tuple[OwnedPod | None, datetime]:
        """Read a Pod.

        Args:
            namespace: its namespace.
            name: its name.

        Returns:
            The Pod, or None where there is certainly none of that name; and the API server's time.

        Raises:
            ApiError: it could not be read.
        """
        try:
            document, now = self._cluster.get_pod(namespace, name)
        except NotFoundError as error:
            # A 404 that is not about a Pod comes from something in between, or says something else.
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


def _is_same(found: PodDiagnoser, of: PodDiagnoser, *, any_version: bool) -> bool:
    theirs, ours = found.metadata, of.metadata
    if (theirs.namespace, theirs.name, theirs.uid) != (ours.namespace, ours.name, ours.uid):
        return False
    version = theirs.resourceVersion
    return any_version or bool(version and version == ours.resourceVersion)
