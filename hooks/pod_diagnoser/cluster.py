"""The few API calls of our own: two reads, a deletion, an eviction, Events.

Every call is bounded in time and made once: what to try again, and when, is decided from what is
stored. Nothing but names and uids of a request goes into a call.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 3.0
TOKEN_SECONDS: Final = 60.0
"""For how long a token is used before its file is read again: the kubelet renews it."""

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_MAX_RETRY_AFTER: Final = 300.0


class ClusterError(Exception):
    """A call did not succeed.

    Attributes:
        status: the HTTP status, or None where there was no answer: then nobody knows whether the
            call had its effect.
        retry_after: seconds after which the API server wants to be asked again, or None.
        cause: the reason of the first cause in the Status object (``DisruptionBudget``), or "".
        at: the time by the API server's clock, or None where there was no answer.
    """

    def __init__(
        self,
        status: int | None,
        retry_after: float | None = None,
        cause: str = "",
        at: datetime | None = None,
    ) -> None:
        super().__init__("no answer" if status is None else f"status {status}")
        self.status = status
        self.at = at
        self.retry_after = retry_after
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to reach the API server.

    Attributes:
        server: its URL, without a path.
        token: reads the bearer token, which may change.
        ca: path of the CA certificates, or None for those of the system.
    """

    server: str
    token: Callable[[], str]
    ca: str | None


def in_cluster(
    environment: Mapping[str, str], folder: Path = SERVICE_ACCOUNT
) -> Credentials | None:
    """Find the API server as a Pod does.

    Args:
        environment: environment variables.
        folder: where the service account's token and CA are mounted.

    Returns:
        How to reach it, or None where this is no Pod with a token.
    """
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").is_file():
        return None
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Credentials(server, (folder / "token").read_text, str(folder / "ca.crt"))


class Cluster:
    """The API server, as far as we call it.

    Args:
        credentials: how to reach it.
        monotonic: a clock for the age of what is cached, in seconds.
    """

    def __init__(
        self, credentials: Credentials, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._credentials = credentials
        self._monotonic = monotonic
        self._token = ""
        self._token_read = float("-inf")
        self._session = requests.Session()
        # A proxy or a netrc entry of the environment must not get or replace our token.
        self._session.trust_env = False
        self._session.verify = credentials.ca or True
        adapter = HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=8)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self.calls = 0

    def get_pod(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a Pod.

        Args:
            namespace: its namespace.
            name: its name.

        Returns:
            The object as JSON, and the time by the API server's clock.

        Raises:
            ClusterError: it could not be read; 404 says that there is none.
        """
        return self._call("GET", f"/api/v1/namespaces/{_part(namespace)}/pods/{_part(name)}")

    def get_pod_diagnoser(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a PodDiagnoser; as `get_pod`."""
        return self._call(
            "GET",
            f"/apis/diagnostics.local.io/v1/namespaces/{_part(namespace)}"
            f"/poddiagnosers/{_part(name)}",
        )

    def delete_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Delete the very Pod that was read. Its own grace period applies.

        Args:
            namespace: its namespace.
            name: its name.
            uid: its uid.
            version: its resourceVersion.

        Returns:
            The time by the API server's clock.

        Raises:
            ClusterError: it was not deleted, or nobody knows; 409 says that it is another by now.
        """
        return self._call(
            "DELETE",
            f"/api/v1/namespaces/{_part(namespace)}/pods/{_part(name)}",
            _delete_options(uid, version),
        )[1]

    def evict_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Evict the very Pod that was read, as far as PodDisruptionBudgets allow.

        Args, returns and raises as `delete_pod`; 429 with the cause ``DisruptionBudget`` says that
        a budget does not allow it.
        """
        return self._call(
            "POST",
            f"/api/v1/namespaces/{_part(namespace)}/pods/{_part(name)}/eviction",
            {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": name, "namespace": namespace},
                "deleteOptions": _delete_options(uid, version),
            },
        )[1]

    def create_event(self, namespace: str, event: Mapping[str, Any]) -> bool:
        """Create an Event.

        Args:
            namespace: its namespace.
            event: an ``events.k8s.io/v1`` Event.

        Returns:
            False where there is one of that name already.

        Raises:
            ClusterError: it could not be created.
        """
        try:
            self._call(
                "POST", f"/apis/events.k8s.io/v1/namespaces/{_part(namespace)}/events", event
            )
        except ClusterError as error:
            if error.status == requests.codes.conflict:
                return False
            raise
        return True

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[bytes, datetime]:
        response = self._send(method, path, body)
        if response.status_code == requests.codes.unauthorized:
            # The token may have been renewed since it was read.
            self._token_read = float("-inf")
            response = self._send(method, path, body)
        if not response.ok:
            raise _error(response)
        return response.content, _date(response)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> requests.Response:
        now = self._monotonic()
        if now - self._token_read >= TOKEN_SECONDS:
            self._token = self._credentials.token().strip()
            self._token_read = now
        self.calls += 1
        try:
            return self._session.request(
                method,
                self._credentials.server + path,
                data=None if body is None else json.dumps(body),
                headers={
                    "Authorization": f"Bearer {self._token}",
                    "Content-Type": "application/json",
                    "User-Agent": "pod-diagnoser",
                },
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
        except (requests.RequestException, OSError):
            raise ClusterError(None) from None


def _part(text: str) -> str:
    return quote(text, safe="")


def _delete_options(uid: str, version: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid, "resourceVersion": version},
    }


def _date(response: requests.Response) -> datetime:
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        # Not the API server, whatever it is: nothing is decided by its time.
        raise ClusterError(None) from None


def _error(response: requests.Response) -> ClusterError:
    retry_after: float | None = None
    text = response.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        retry_after = min(float(text[:9]), _MAX_RETRY_AFTER)
    cause = ""
    try:
        causes = response.json()["details"]["causes"]
        cause = str(causes[0]["reason"])
    except (ValueError, LookupError, TypeError):
        pass
    return ClusterError(response.status_code, retry_after, cause, _date(response))
