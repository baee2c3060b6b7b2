"""Who may call the control plane's API server: tokens, kubeconfigs, the key of ServiceAccounts."""

import base64
import secrets
import textwrap
from pathlib import Path

METACONTROLLER = "system:serviceaccount:metacontroller:metacontroller"
"""Metacontroller's name to the API server: the ServiceAccount of its released manifests."""

USERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("admin", ("system:masters",)),
    "kubelet": ("kubelet", ("system:masters",)),
    "controller-manager": ("system:kube-controller-manager", ()),
    "metacontroller": (
        METACONTROLLER,
        ("system:serviceaccounts", "system:serviceaccounts:metacontroller"),
    ),
}
"""Who may call the API server: what we call them, to user name and groups."""


class Credentials:
    """The users' tokens and the key of ServiceAccounts' tokens, new for each run.

    Args:
        folder: where the files go.

    Attributes:
        tokens_file: what kube-apiserver reads the users' tokens from.
        service_account_key: PEM file of the key that signs the tokens of ServiceAccounts.
    """

    def __init__(self, folder: Path) -> None:
        self.tokens_file = folder / "tokens.csv"
        self.service_account_key = folder / "service-account.key"
        self._folder = folder
        self._tokens = {user: secrets.token_hex(16) for user in USERS}
        self.tokens_file.touch(mode=0o600)
        self.tokens_file.write_text(
            "".join(
                f'{self._tokens[user]},{name},{name},"{",".join(groups)}"\n'
                for user, (name, groups) in USERS.items()
            ),
            encoding="utf-8",
        )
        self.service_account_key.write_text(_elliptic_curve_key(), encoding="ascii")

    def token(self, user: str) -> str:
        """Return the bearer token of one of `USERS`."""
        return self._tokens[user]

    def write_kubeconfig(self, user: str, server: str, certificate: Path, suffix: str = "") -> Path:
        """Write a kubeconfig, and return its path.

        Args:
            user: one of `USERS`.
            server: URL of the API server.
            certificate: PEM file by which the server is known.
            suffix: added to the file's name, for a second one of the same user.
        """
        path = self._folder / f"{user}{suffix}.kubeconfig"
        write_kubeconfig(path, user, self._tokens[user], server, certificate)
        return path


def write_kubeconfig(path: Path, user: str, token: str, server: str, certificate: Path) -> None:
    """Write a kubeconfig with a token.

    Args:
        path: where.
        user: what the token's user is called in it.
        token: the bearer token.
        server: URL of the API server.
        certificate: PEM file by which the server is known.
    """
    path.touch(mode=0o600)
    cluster = f"server: {server}, certificate-authority: {certificate}"
    path.write_text(
        textwrap.dedent(f"""\
            apiVersion: v1
            kind: Config
            current-context: local
            contexts: [{{name: local, context: {{cluster: local, user: {user}}}}}]
            clusters:
            - name: local
              cluster: {{{cluster}}}
            users: [{{name: {user}, user: {{token: {token}}}}}]
            """),
        encoding="utf-8",
    )


def _elliptic_curve_key() -> str:
    """Make a private key for ServiceAccount tokens, as PEM.

    P-256, in the form of RFC 5915 without the optional public key, which Go computes: a fixed frame
    around 32 random bytes. So neither openssl nor a cryptography package is needed.
    """
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    secret = (secrets.randbelow(order - 1) + 1).to_bytes(32, "big")
    der = (
        bytes.fromhex("3031020101")  # SEQUENCE { INTEGER 1
        + bytes.fromhex("0420")  # OCTET STRING, 32 bytes
        + secret
        + bytes.fromhex("a00a06082a8648ce3d030107")  # [0] OBJECT IDENTIFIER prime256v1 }
    )
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"
