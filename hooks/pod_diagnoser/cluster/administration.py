"""Calls that an administrator's commands make, and no hook: to check and remove an installation."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from pod_diagnoser.cluster.connection import ApiConnection, Bounds, read_object
from pod_diagnoser.cluster.errors import NotFoundError

PAGE: Final = 500
"""How many objects are listed at a time."""

METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Asks for objects without spec and status."""

_PAGE_BOUNDS: Final = Bounds(seconds=30.0, size=64 * 1024 * 1024)
"""Annotations of an object may have 256 KiB; usually they have some 2."""


class Administration(ApiConnection):
    """Makes the calls. Paths are those of the API, such as ``/api/v1/pods``."""

    def find(self, path: str) -> dict[str, Any] | None:
        """Read an object; None where there is none.

        Raises:
            ApiError: it could not be read.
        """
        try:
            return read_object(self._call("GET", path)[0])
        except NotFoundError:
            return None

    def create(self, path: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object in a collection; return what is stored."""
        return read_object(self._call("POST", path, manifest)[0])

    def replace(self, path: str, document: Mapping[str, Any]) -> None:
        """Replace an object, or its status."""
        self._call("PUT", path, document)

    def delete(self, path: str) -> None:
        """Delete an object at once, unless it is gone already."""
        try:
            self._call("DELETE", path + "?gracePeriodSeconds=0")
        except NotFoundError:
            return

    def metadata(self, path: str) -> Iterator[dict[str, Any]]:
        """List the metadata of a collection's objects, a page at a time; none where there is none.

        Raises:
            ApiError: a page could not be read.
        """
        following = ""
        while True:
            query = {"limit": str(PAGE), **({"continue": following} if following else {})}
            try:
                content, _ = self._call(
                    "GET", f"{path}?{urlencode(query)}", bounds=_PAGE_BOUNDS, accept=METADATA
                )
            except NotFoundError:  # no such kind
                return
            page = read_object(content)
            for item in page.get("items") or ():
                yield item["metadata"]
            following = (page.get("metadata") or {}).get("continue") or ""
            if not following:
                return
