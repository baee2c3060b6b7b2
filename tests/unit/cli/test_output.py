"""``kubectl-diagnose output``: what it prints, of what it reads, and its exit code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pod_diagnoser.cli.commands import output

Run = Callable[..., tuple[int, str, str]]

_TRACE = b"""ready
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    url = os.environ["DATABASE_URL"]
KeyError: 'DATABASE_URL'
"""


def test_json_has_the_lines_as_they_stand(run: Run) -> None:
    """Lines, class and runtime, of standard input."""
    code, out, err = run("output", "-", "-o", "json", stdin=_TRACE)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found == {
        "lines": found["lines"],
        "class": "MissingConfiguration",
        "runtime": "python",
    }
    assert found["lines"][0] == "KeyError: 'DATABASE_URL'"


def test_text_of_a_file(run: Run, tmp_path: Path) -> None:
    """The class first, and under it the lines."""
    file = tmp_path / "app.log"
    file.write_bytes(_TRACE)
    code, out, err = run("output", str(file))
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == [
        "MissingConfiguration (python)",
        "  KeyError: 'DATABASE_URL'",
    ]


def test_what_explains_nothing_is_said(run: Run) -> None:
    """In words, with exit code 0: it is an answer."""
    assert run("output", "-", stdin=b"ready\n") == (
        0,
        "Nothing: the output does not say why it ended\n",
        "",
    )


def test_text_masks_secrets_and_hides_what_steers_a_terminal(run: Run) -> None:
    """The lines may be shown to others."""
    error = b"ValueError: password=hunter2secret \x1b]0;owned\x07 refused\n"
    _, out, _ = run("output", "-", stdin=_TRACE.splitlines(keepends=True)[1] + error)
    assert "ValueError" in out
    assert "hunter2secret" not in out
    assert "\x1b" not in out


def test_a_long_file_is_read_by_its_end(run: Run, tmp_path: Path) -> None:
    """Whatever its length; the cause stands at its end."""
    file = tmp_path / "long.log"
    file.write_bytes(b"request served\n" * 200_000 + _TRACE)
    assert len(output.read_tail(str(file))) == 256 * 1024
    assert json.loads(run("output", str(file), "-o", "json")[1])["class"] == "MissingConfiguration"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["/no/such.log"], 2, "/no/such.log: No such file or directory"),
        (["a\0b"], 2, "cannot be read"),
        ([], 2, "FILE"),
        (["-", "-o", "xml"], 2, "is not one of"),
    ],
)
def test_what_cannot_be_read(run: Run, arguments: list[str], code: int, said: str) -> None:
    """On standard error, with the exit codes of the command."""
    got, out, err = run("output", *arguments)
    assert (got, out) == (code, "")
    assert said in err


def test_a_line_within_a_private_key_is_masked(run: Run) -> None:
    """The other lines of the output show that it belongs to one."""
    key = [(f"{n:02}" + "Ab9+/Zz" * 10)[:64] for n in range(5)]
    begin, end = (f"-----{word} RSA PRIVATE" + " KEY-----" for word in ("BEGIN", "END"))
    text = "\n".join((begin, *(f"ERROR: {line}" for line in key), end))
    code, out, _ = run("output", "-", stdin=text.encode())
    assert code == 0
    assert "***" in out
    assert not any(line in out for line in key)
