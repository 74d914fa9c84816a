from __future__ import annotations

from trading_assets.config.stress_scenarios import built_in, slippage_scenario


def test_names_of_multiples_are_short() -> None:
    assert [slippage_scenario(multiplier) for multiplier in (2.0, 2.5, 10)] == [
        "slippage_2x",
        "slippage_2.5x",
        "slippage_10x",
    ]


def test_the_verdict_has_its_multiples_and_one_is_no_stress() -> None:
    found = built_in([1.0, 5.0])
    assert {name for name in found if name.startswith("slippage")} == {"slippage_2x", "slippage_3x", "slippage_5x"}
    assert found["slippage_5x"].slippage == 5.0
    assert (found["fees_3x"].fees, found["fees_3x"].borrow) == (3, 3)
    assert [found[f"dropped_bars_{share}pct"].drop_bars for share in (5, 10, 20)] == [0.05, 0.10, 0.20]
