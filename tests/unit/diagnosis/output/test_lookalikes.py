"""What each runtime prints when it ends: the line to quote, the class, the runtime."""

import pytest

from pod_diagnoser.diagnosis.output import read_output
from tests.unit.diagnosis.output.lookalikes import LOOK_ALIKES, LookAlike


@pytest.mark.parametrize("case", LOOK_ALIKES, ids=lambda case: case.name)
def test_line_class_and_runtime(case: LookAlike) -> None:
    """Quote the line that says why, and tell its class and its runtime."""
    reading = read_output(case.output)
    assert reading.lines[:1] == (case.first,)
    assert (reading.reason_class, reading.runtime) == (case.reason_class, case.runtime)
