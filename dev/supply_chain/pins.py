"""Pin base images by digest and uv by hash (``make update-pins``), check them (``check-pins``).

Digests come from the images' registry, hashes from ``uv.lock``. None is ever guessed: what cannot
be looked up is left as it is and named.
"""

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

PROJECT = Path(__file__).parents[2]
DOCKERFILES = (PROJECT / "Dockerfile", PROJECT / "fragile-app/Dockerfile")
LOCK = PROJECT / "uv.lock"
UV_REQUIREMENTS = PROJECT / "uv.requirements.txt"

_FROM = re.compile(r"^(FROM )([a-z0-9./_-]+:[\w.-]+)(@\S+)?(?=\s|$)", re.MULTILINE)
_ANY_FROM = re.compile(r"^FROM\s+(\S+)", re.MULTILINE | re.IGNORECASE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)
_SECONDS = 30.0


class PinError(RuntimeError):
    """A digest cannot be looked up; the message says why."""


def unpinned(dockerfile: str) -> list[str]:
    """Return the base images of a Dockerfile that have no digest.

    A stage that is built on an earlier one needs none.

    Args:
        dockerfile: its text.
    """
    stages = set(re.findall(r"^FROM\s+\S+\s+AS\s+(\S+)", dockerfile, re.MULTILINE | re.IGNORECASE))
    return [
        image
        for image in _ANY_FROM.findall(dockerfile)
        if image not in stages and not _DIGEST.fullmatch(image.partition("@")[2])
    ]


def pinned(dockerfile: str, digest_of: Callable[[str], str]) -> str:
    """Return a Dockerfile with the present digests of its base images.

    Args:
        dockerfile: its text.
        digest_of: returns the digest of an image such as ``python:3.11-slim``.

    Raises:
        PinError: one cannot be looked up.
    """

    def pin(found: re.Match[str]) -> str:
        digest = digest_of(found[2])
        if not _DIGEST.fullmatch(digest):
            msg = f"{found[2]}: the registry named no digest"
            raise PinError(msg)
        return f"{found[1]}{found[2]}@{digest}"

    return _FROM.sub(pin, dockerfile)


def digest_at_registry(image: str) -> str:
    """Look up the digest of an official image at Docker Hub: that of its index for all platforms.

    Args:
        image: name and tag.

    Raises:
        PinError: the registry cannot be reached or refuses.
    """
    name, _, tag = image.partition(":")
    repository = name if "/" in name else f"library/{name}"
    scope = f"service=registry.docker.io&scope=repository:{repository}:pull"
    try:
        with urllib3.PoolManager(retries=False, timeout=_SECONDS) as pool:
            answer = pool.request("GET", f"https://auth.docker.io/token?{scope}")
            headers = {"Authorization": f"Bearer {answer.json()['token']}", "Accept": _ACCEPT}
            manifest = f"https://registry-1.docker.io/v2/{repository}/manifests/{tag}"
            return pool.request("HEAD", manifest, headers=headers).headers["Docker-Content-Digest"]
    except (HTTPError, ValueError, KeyError, TypeError) as problem:
        msg = f"{image}: its digest cannot be looked up ({problem})"
        raise PinError(msg) from problem


def uv_requirements(lock: str) -> str:
    """Return uv with all its hashes, as pip takes it with ``--require-hashes``.

    Args:
        lock: the text of ``uv.lock``.
    """
    (uv,) = (one for one in tomllib.loads(lock)["package"] if one["name"] == "uv")
    hashes = sorted(file["hash"] for file in (uv["sdist"], *uv["wheels"]))
    lines = [f"uv=={uv['version']}", *(f"    --hash={one}" for one in hashes)]
    head = "# From uv.lock, by make update-pins: pip installs the uv that installs the rest."
    return f"{head}\n" + " \\\n".join(lines) + "\n"


def _update() -> Iterator[str]:
    """Write all pins; yield what could not be looked up."""
    text = uv_requirements(LOCK.read_text(encoding="utf-8"))
    UV_REQUIREMENTS.write_text(text, encoding="utf-8")
    for path in DOCKERFILES:
        try:
            new = pinned(path.read_text(encoding="utf-8"), digest_at_registry)
        except PinError as problem:
            yield f"{path.relative_to(PROJECT)} is left as it is: {problem}"
        else:
            path.write_text(new, encoding="utf-8")


def _check() -> Iterator[str]:
    """Yield what a release must not be built from."""
    for path in DOCKERFILES:
        for image in unpinned(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(PROJECT)}: {image} has no digest; run make update-pins"
    expected = uv_requirements(LOCK.read_text(encoding="utf-8"))
    if UV_REQUIREMENTS.read_text(encoding="utf-8") != expected:
        yield f"{UV_REQUIREMENTS.name} is not that of uv.lock; run make update-pins"


def main(arguments: list[str]) -> int:
    """Update the pins, or check them.

    Args:
        arguments: ``update`` or ``check``.

    Returns:
        The exit code: 0 where all is pinned, 1 where something is not, 2 for a wrong command line.
    """
    actions = {"update": _update, "check": _check}
    if len(arguments) != 1 or arguments[0] not in actions:
        print("usage: pins update|check", file=sys.stderr)
        return 2
    problems = list(actions[arguments[0]]())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
