"""docs/where-people-look.md: its commands, and what it shows."""

import re

from tests.manifests.kustomize import PROJECT

PAGE = (PROJECT / "docs" / "where-people-look.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Return the commands of the page."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def compared_with(by: str) -> str:
    """Return what is under the one comment that says which tests compare it, and with what.

    Args:
        by: the beginning of the comment.
    """
    (found,) = re.findall(
        rf"<!-- {re.escape(by)}[^>]* -->\n(?:```\n(.*?)```|((?:\|[^\n]*\n)+))", PAGE, re.DOTALL
    )
    return "".join(found)
