"""Where the API server is and how to authenticate to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


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
    """Find the API server as a Pod does; None where this is no Pod with a token.

    Args:
        environment: environment variables.
        folder: where the service account's token and CA are mounted.
    """
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").is_file():
        return None
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Credentials(server, (folder / "token").read_text, str(folder / "ca.crt"))
