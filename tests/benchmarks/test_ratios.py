"""The table of ratios itself."""

from tests.benchmarks.ratios import Ratio, table


def test_the_table_says_whether_a_target_is_met() -> None:
    lines = table([Ratio("a step", 6, [(12, 4), (24, 8), (9, 9)], "ns"), Ratio("an import", 1.5, [(8, 4)], "ms")]).splitlines()
    assert [line.split()[-4:] for line in lines[2:]] == [["3.00x", "<=", "6x", "met"], ["2.00x", "<=", "1.5x", "MISSED"]]


def test_without_a_ratio_there_is_no_table() -> None:
    assert table([]) == ""
