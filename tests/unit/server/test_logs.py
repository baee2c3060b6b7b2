"""How many lines of a kind are logged."""

from pod_diagnoser.server.logs import LINES_SECONDS, MAX_LINES, LineLimit


def test_lines_of_a_kind_are_limited_and_what_was_left_out_is_said() -> None:
    """Ten in a minute; the next minute's first says how many there were more."""
    now = [100.0]
    limit = LineLimit(lambda: now[0])
    lines = [limit.left_out_before("refused") for _ in range(1000)]
    assert lines == [0] * MAX_LINES + [None] * (1000 - MAX_LINES)
    assert limit.left_out_before("another kind") == 0
    now[0] += LINES_SECONDS
    assert limit.left_out_before("refused") == 1000 - MAX_LINES
    assert limit.left_out_before("refused") == 0
