"""The pure parts of the benchmarks: statistics, aims and the table."""

import pytest

from dev.benchmarks.figures import Aim, Figure, number, table
from dev.benchmarks.spread import Spread, percentile


def test_a_spread_names_its_median_and_its_ends() -> None:
    """Whatever the order of the values."""
    spread = Spread((3.0, 1.0, 2.0, 10.0))
    assert (spread.median, spread.least, spread.most) == (2.5, 1.0, 10.0)


def test_a_ratio_pairs_the_values_of_each_round() -> None:
    """A round that was slow for both counts as any other."""
    assert Spread((8.0, 4.0, 2.0)).over(Spread((4.0, 2.0, 1.0))) == Spread((2.0, 2.0, 2.0))
    with pytest.raises(ValueError, match="shorter"):
        Spread((1.0, 2.0)).over(Spread((1.0,)))


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1), (50, 10), (95, 19), (95.1, 20), (100, 20)]
)
def test_a_percentile_is_one_of_the_values(percent: float, expected: int) -> None:
    """By the nearest rank, so that p95 of 20 values is the 19th."""
    assert percentile(list(range(20, 0, -1)), percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_refused(values: list[float], percent: float) -> None:
    """And one beyond all values."""
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


@pytest.mark.parametrize(
    ("aim", "text", "met", "missed"),
    [
        (Aim.at_least(0.7), "≥ 0.7", 0.7, 0.69),
        (Aim.at_most(400), "≤ 400", 400, 400.1),
        (Aim.exactly(0), "0", 0, 1),
    ],
)
def test_an_aim_includes_its_end(aim: Aim, text: str, met: float, missed: float) -> None:
    """And says itself as the table shows it."""
    assert str(aim) == text
    assert aim.met_by(met)
    assert not aim.met_by(missed)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00123, "0.00123"),
        (0.7, "0.7"),
        (1.5, "1.5"),
        (12.345, "12.3"),
        (4812.6, "4,813"),
    ],
)
def test_numbers_have_three_digits_that_mean_something(value: float, text: str) -> None:
    """More would pretend."""
    assert number(value) == text


def test_a_missed_aim_stands_out_in_the_table() -> None:
    """A single value has no spread, and a figure without an aim no verdict."""
    lines = table(
        "Hook",
        [
            Figure("a", Spread((1.0, 2.0, 3.0)), "", Aim.at_least(2.5)),
            Figure("b", Spread((4.0,)), "s"),
        ],
    ).splitlines()
    assert lines[0] == "### Hook"
    assert lines[4:] == ["| a | 2 | 1 … 3 | ≥ 2.5 | **missed** |", "| b | 4 s |  |  |  |"]
