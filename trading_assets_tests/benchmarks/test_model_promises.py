"""What is promised of models: few pairs here, all of them by `make promises`."""

from __future__ import annotations

from trading_assets_tests.benchmarks.model_promises import in_turns, markdown, promoted, xgboost_beside_itself
from trading_assets_tests.benchmarks.table import REPOSITORY


def test_of_few_pairs_few_equals_and_most_better_ones_are_promoted() -> None:
    """Of 50 pairs at rates of 2.5 and 80 %: four standard errors are 9 and 23 points."""
    assert promoted(50) <= 5
    assert promoted(50, better=0.24) >= 29
    assert promoted(50, better=5.0) == 50


def test_works_are_timed_in_turns_and_the_first_of_each_is_left_out() -> None:
    done: list[str] = []
    seconds = in_turns({"one": lambda: done.append("one"), "other": lambda: done.append("other")}, runs=2)
    assert done == ["one", "other"] * 3
    assert [len(each) for each in seconds.values()] == [2, 2]


def test_xgboost_is_set_beside_itself_with_the_same_trees() -> None:
    """The same bytes, or an error; how long it takes is measured on more rows."""
    assert xgboost_beside_itself(rows=2_000, runs=1) > 0


def test_the_page_has_the_table_of_such_numbers() -> None:
    table = markdown({"equal": 0.021, "by the mean": 0.5, "better": 0.873, "xgboost": 1.004}).splitlines()
    assert table[2].endswith("| <= 4 % | 2.1% |")
    assert table[4].endswith("| >= 80 % | 87.3% |")
    assert table[5].endswith("| <= 1.10 | 1.00 |")
    page = (REPOSITORY / "docs" / "models.md").read_text(encoding="utf-8")
    assert all(line.rpartition("|")[0].rpartition("|")[0] in page for line in table[2:])
