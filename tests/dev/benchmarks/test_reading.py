"""The benchmark of the reader: texts of the length that it says, a figure for each."""

from dev.benchmarks import reading


def test_texts_are_as_long_as_what_is_read() -> None:
    """Neither shorter, which would flatter, nor much longer, of which the rest is not read."""
    for name, text in reading.TEXTS.items():
        assert reading.LENGTH <= len(text) <= reading.LENGTH + 200, name


def test_each_text_has_a_figure() -> None:
    """With its aim, and one value a round."""
    figures = reading.measure(2, {"short": "panic: x\n"})
    assert [(each.name, len(each.spread.values)) for each in figures] == [("short: CPU", 2)]
    assert figures[0].met
