"""Numbers that a plot takes: no text, no null, a count as an integer."""

from __future__ import annotations

from trading_assets.backtests.results.headline import headline


def test_a_headline_is_of_numbers_and_leaves_out_what_is_undefined() -> None:
    found = headline({"sharpe": 1.5, "total_return": 0, "max_drawdown": None, "trades": 12.0, "beta": 2.0})
    assert found == {"Sharpe": 1.5, "total return": 0.0, "trades": 12}
    assert {name: type(value) for name, value in found.items()} == {
        "Sharpe": float,
        "total return": float,
        "trades": int,
    }
