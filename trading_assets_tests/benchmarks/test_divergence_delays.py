"""Delays of live against promise: a small measurement each time, and the page has what the command writes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from trading_assets_tests.benchmarks.divergence_delays import (
    FILLS_A_SESSION,
    MARKS,
    MULTIPLES,
    PAGE,
    SHARPES,
    YEAR,
    first,
    in_sessions,
    late_delays,
    sharpe_delays,
    slippage_delays,
)


def test_slippage_as_modelled_is_accused_in_less_than_one_of_a_hundred_years() -> None:
    for fills in FILLS_A_SESSION:
        assert np.mean(slippage_delays(1.0, fills, 1000, 3) <= YEAR) < 0.01


@pytest.mark.parametrize("fills", FILLS_A_SESSION)
def test_a_doubling_is_found_within_45_fills_in_95_of_100_draws(fills: int) -> None:
    assert np.mean(slippage_delays(2.0, fills, 4000, 7, sessions=45) * fills <= 45) >= 0.95


def test_fills_that_move_together_do_not_accuse_more_of_a_clean_account() -> None:
    assert np.mean(slippage_delays(1.0, 5, 300, 3, correlation=0.3) <= YEAR) <= 0.01 + 0.006


def test_more_fills_a_session_find_it_in_fewer_sessions() -> None:
    halves = [np.median(slippage_delays(2.0, fills, 300, 3)) for fills in FILLS_A_SESSION]
    assert halves == sorted(halves, reverse=True)


def test_a_year_refutes_hardly_any_promised_sharpe_ratio_of_one() -> None:
    """An account that earns nothing where 1 was promised: a year finds less than a fifth of them."""
    assert np.mean(sharpe_delays(0.0, 200, 3, years=1) <= YEAR) < 0.2
    assert np.mean(sharpe_delays(1.0, 200, 3, years=1) <= YEAR) <= 0.05


def test_late_doublings_are_found_by_what_looks_for_them() -> None:
    late, early = late_delays(40, 3)
    assert np.median(late) < 60 < np.median(early)


def test_delays_are_rounds_from_the_first() -> None:
    assert first(np.array([1.0, 2.0, 3.0]), 2.0) == 2
    assert in_sessions(first(np.array([1.0]), 2.0), 1) == "–"
    assert (in_sessions(7, 1), in_sessions(7, 5)) == ("7 fills", "7 sessions (35 fills)")


def test_the_page_has_the_tables_that_the_command_writes() -> None:
    table = PAGE.read_text(encoding="utf-8").split(MARKS[0])[1].split(MARKS[1])[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")]
    slippage = [cells for cells in rows if cells[0].strip().startswith("x ")]
    assert len(slippage) == len(MULTIPLES) * len(FILLS_A_SESSION)
    as_modelled = [float(cells[2].strip(" %")) for cells in slippage if cells[0].strip() == "x 1"]
    assert max(as_modelled) <= 1.0
    doubled = [cells for cells in slippage if cells[0].strip() == "x 2"]
    assert [int(re.findall(r"(\d+) fills", cells[4])[0]) <= 45 for cells in doubled] == [True] * len(FILLS_A_SESSION)
    assert len([cells for cells in rows if cells[0].strip() in {f"{each:g}" for each in SHARPES}]) == len(SHARPES)
