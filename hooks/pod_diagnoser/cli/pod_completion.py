"""Completes the names of Pods, for the commands that take them."""

from typing import Final

import click
from click.shell_completion import CompletionItem

from pod_diagnoser.api.fields import is_object_name

_KUBECTL_SECONDS: Final = 3
_MAX_PODS: Final = 1000


def complete_pods(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a Pod, by kubectl; nothing where that takes long, or files are read."""
    import subprocess  # noqa: PLC0415 - only to complete

    given = context.params
    if given.get("filename") or incomplete.startswith("-"):
        return []
    options = [
        f"--{name}={given[name]}" for name in ("context", "kubeconfig") if given.get(name)
    ] + [f"--namespace={each}" for each in (given.get("namespace") or ())[:1]]
    command = [given.get("kubectl") or "kubectl", "get", "pods", "-o", "name", *options]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own kubectl, without a shell
            command, capture_output=True, check=False, timeout=_KUBECTL_SECONDS, text=True
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    names = (each.removeprefix("pod/") for each in done.stdout.splitlines()[:_MAX_PODS])
    found = (each for each in names if is_object_name(each) and each.startswith(incomplete))
    return [CompletionItem(each) for each in found]
