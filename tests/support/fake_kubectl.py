"""A kubectl for tests: a program that answers as it is told, and notes how it was called."""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_PROGRAM = """#!{python}
import json, pathlib, sys, time
folder = pathlib.Path({folder!r})
given = sys.argv[1:]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(given) + "\\n")
answers = json.loads((folder / "answers").read_text())
line = " ".join(given)
answer = next((a for key, a in answers.items() if all(w in line for w in key.split())), None)
if answer is None:
    sys.exit("error: the fake kubectl has no answer to " + line)
time.sleep(answer["seconds"])
sys.stdout.write(answer["raw" if "--raw" in given else "out"])
sys.stderr.write(answer["err"])
sys.exit(answer["code"])
"""

_LIST_OF_KUBECTL = '{\n    "apiVersion": "v1",\n    "items": ['


@dataclass(frozen=True)
class Answer:
    """What kubectl does.

    Attributes:
        out: what it prints.
        err: what it says on standard error.
        code: its exit code.
        seconds: how long it takes.
    """

    out: str = ""
    err: str = ""
    code: int = 0
    seconds: float = 0.0


def listed(*items: Any) -> Answer:
    """Print a list as kubectl does."""
    document = {"apiVersion": "v1", "items": list(items), "kind": "List", "metadata": {}}
    return Answer(json.dumps(document, indent=4) + "\n")


def as_sent(out: str, token: str = "") -> str:
    """Turn a list of kubectl's into one of the API server's; anything else stays as it is.

    Args:
        out: what kubectl prints.
        token: with which the rest of the list is asked for; empty where this is all.
    """
    if not out.startswith(_LIST_OF_KUBECTL):
        return out
    items = json.loads(out)["items"]
    kind = items[0].get("kind", "Pod") if items else "Pod"
    bare = [
        {"metadata": item.get("metadata", {})}
        | {key: item[key] for key in item if key not in ("kind", "apiVersion")}
        for item in items
    ]
    meta = {"resourceVersion": "7"} | (
        {"continue": token, "remainingItemCount": 1} if token else {}
    )
    sent = {"kind": f"{kind}List", "apiVersion": "v1", "metadata": meta, "items": bare}
    return json.dumps(sent, separators=(",", ":"), ensure_ascii=False) + "\n"


def refused(what: str) -> Answer:
    """Refuse as the API server does."""
    reason = f'{what} is forbidden: User "jane" cannot list resource "{what}" in API group ""'
    return Answer(err=f"Error from server (Forbidden): {reason}\n", code=1)


@dataclass
class FakeKubectl:
    """The program. To ``get --raw`` it prints a list as the API server sends it.

    Attributes:
        folder: where it stands, with its answers and its notes.
        answers: what it answers to a command line that has all of some words; the first counts.
    """

    folder: Path
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Write it; return its path."""
        answers = {
            key: {**asdict(answer), "raw": as_sent(answer.out)}
            for key, answer in self.answers.items()
        }
        (self.folder / "answers").write_text(json.dumps(answers), encoding="utf-8")
        program = self.folder / "kubectl"
        if not program.exists():
            text = _PROGRAM.format(python=sys.executable, folder=str(self.folder))
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
        return str(program)

    def calls(self) -> list[str]:
        """Return the command lines with which it was called, in no order that counts."""
        notes = self.folder / "calls"
        lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
        return [" ".join(json.loads(line)) for line in lines]


def answers_of(pods: list[Any], events: list[Any], **more: Answer) -> dict[str, Answer]:
    """Return answers to what is asked first: the namespace, Pods, Events, Events of nodes."""
    return {
        "config view": Answer("shop"),
        "get pods": listed(*pods),
        "get events involvedObject.kind=Pod": listed(*events),
        "get events involvedObject.kind=Node": listed(),
        **more,
    }
