"""Reading the output of crashed programs: the lines that say why."""

import pytest

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output import OutputReading, read_output

TRACEBACK = """\
starting
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    os.environ["DATABASE_URL"]
KeyError: 'DATABASE_URL'
"""

PANIC = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.main()
\t/app/main.go:9 +0x1d
exit status 2
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            TRACEBACK,
            OutputReading(
                ("KeyError: 'DATABASE_URL'",), ReasonClass.MISSING_CONFIGURATION, "python"
            ),
        ),
        (
            PANIC,
            OutputReading(
                ("panic: runtime error: index out of range [5] with length 3",),
                ReasonClass.UNCAUGHT_EXCEPTION,
                "go",
            ),
        ),
        (
            "run.sh: line 7: DB_HOST: unbound variable\n",
            OutputReading(
                ("run.sh: line 7: DB_HOST: unbound variable",),
                ReasonClass.MISSING_CONFIGURATION,
                "shell",
            ),
        ),
        (
            "hello\ncould not open /x: No such file or directory\n",
            OutputReading(
                ("could not open /x: No such file or directory",), ReasonClass.FILE_NOT_FOUND
            ),
        ),
        ("listening on 8080\n", OutputReading((), ReasonClass.NOTHING)),
        ("", OutputReading((), ReasonClass.NOTHING)),
    ],
)
def test_lines_that_say_why(text: str, expected: OutputReading) -> None:
    """Quote the line that says why, or none."""
    assert read_output(text) == expected
