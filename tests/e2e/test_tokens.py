"""Only callers with a token of the Secret may call the hook."""

import json

import pytest
import requests

from dev.envtest import pods
from dev.envtest.cluster import Cluster
from tests.e2e.workspace import AT_ONCE, Workspace

PATHS = ("/poddiagnosers/sync", "/poddiagnosers/customize")


def call(cluster: Cluster, path: str, authorization: str | None, body: bytes) -> requests.Response:
    """Call the hook that remediates, as anyone who reaches it could."""
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(cluster.authority)
        url = f"{cluster.poddiagnosers_hook.url}{path}"
        return session.post(url, data=body, headers=headers, timeout=8)


@pytest.mark.parametrize("path", PATHS)
def test_without_a_valid_token_nothing_happens(shop: Workspace, path: str) -> None:
    """No token, a wrong one, part of one, one in another scheme: 401, and not one API call."""
    shop.diagnose(remediationAction="LogEvent", remediation=AT_ONCE)
    shop.start_pod("web")
    tokens = shop.cluster.mount_tokens()
    valid = tokens["token-a"]
    pod = {**pods.manifest("forged"), "status": shop.pod("web")["status"]}
    body = json.dumps(
        {
            "controller": {},
            "object": shop.diagnoser(),
            "attachments": {},
            "related": {"Pod.v1": {"forged": pod}},
            "finalizing": False,
        }
    ).encode()
    shop.settled()
    before = shop.calls()
    for authorization in (
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {valid[:-1]}",
        f"Bearer {valid}x",
        f"Bearer {valid.upper()}",
        f"Basic {valid}",
        valid,
        f"Bearer {valid} {valid}",
    ):
        answer = call(shop.cluster, path, authorization, body)
        assert answer.status_code == requests.codes.unauthorized, authorization
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert valid not in answer.text
    assert shop.calls() == before
    # Refused before the body is looked at, and both tokens of the Secret are good.
    assert call(shop.cluster, path, None, b"{").status_code == requests.codes.unauthorized
    for token in tokens.values():
        answer = call(shop.cluster, path, f"Bearer {token}", b"{")
        assert answer.status_code == requests.codes.bad_request
