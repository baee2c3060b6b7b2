"""Every version of the objects of a namespace, in the order in which they were stored."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

from dev.envtest.client import PODDIAGNOSERS, PODS, ApiError, Client, Json, Resource
from dev.local_http import NoAnswerError
from tests.e2e.workspace import PATIENCE

_SECONDS = 290
"""A watch lasts no longer than a test."""


class ObjectRecording:
    """Follows the Pods and PodDiagnosers of a namespace while it is entered.

    All of them are counted by one number, the resourceVersion: it says which of two writes came
    first, whatever the objects.

    Args:
        client: watches them.
        namespace: of which.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._versions: dict[str, list[Json]] = {resource.plural: [] for resource in _FOLLOWED}
        self._begun = {resource.plural: threading.Event() for resource in _FOLLOWED}
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Begin to follow. There have to be a Pod and a PodDiagnoser in the cluster."""
        for resource in _FOLLOWED:
            threading.Thread(target=self._follow, args=(resource,), daemon=True).start()
        for begun in self._begun.values():
            assert begun.wait(10), "nothing to follow"
        return self

    def __exit__(self, *_: object) -> None:
        """End; what was recorded stays."""
        self._ended.set()

    def first(
        self, resource: Resource, holds: Callable[[Json], object], timeout: float = PATIENCE
    ) -> Json:
        """Return the first version of which something holds.

        Args:
            resource: of which kind.
            holds: says so; a missing key or element counts as no.
            timeout: seconds until it must have been recorded.

        Returns:
            The object.

        Raises:
            AssertionError: there was none.
        """
        deadline = time.monotonic() + timeout
        while True:
            for one in self._where(resource, holds):
                return one
            assert time.monotonic() < deadline, f"no such version among {resource.plural}"
            time.sleep(0.02)

    def all(self, resource: Resource, holds: Callable[[Json], object]) -> list[Json]:
        """Return all versions so far of which something holds.

        Args:
            resource: of which kind.
            holds: says so; a missing key or element counts as no.

        Returns:
            The objects, in the order in which they were stored.
        """
        return list(self._where(resource, holds))

    def _where(self, resource: Resource, holds: Callable[[Json], object]) -> Iterator[Json]:
        for one in tuple(self._versions[resource.plural]):
            with contextlib.suppress(LookupError):
                if holds(one):
                    yield one

    def _follow(self, resource: Resource) -> None:
        with contextlib.suppress(ApiError, NoAnswerError):
            for _, one in self._client.watch(resource, seconds=_SECONDS):
                self._begun[resource.plural].set()  # what is comes first, then what comes
                if self._ended.is_set():
                    return
                if one["metadata"]["namespace"] == self._namespace:
                    self._versions[resource.plural].append(one)


_FOLLOWED = (PODS, PODDIAGNOSERS)


def version(one: Json) -> int:
    """Return when an object was stored as it is.

    Args:
        one: the object.

    Returns:
        Its resourceVersion, which rises with each write of anything.
    """
    return int(one["metadata"]["resourceVersion"])
