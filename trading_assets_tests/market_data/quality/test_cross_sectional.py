"""Rules across symbols and about levels: faults planted in a market of twenty symbols, each found where it begins."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.config.quality import Quality
from trading_assets.market_data import calendars
from trading_assets.market_data.quality import OverrideError, read_overrides
from trading_assets.market_data.quality.apply_rules import QualityResult, apply_rules
from trading_assets.market_data.quality.findings import QualityError
from trading_assets.market_data.quality.overrides import NO_OVERRIDES
from trading_assets_tests.daily_bars import daily_bars
from trading_assets_tests.market_data.markets import received

DAYS = calendars.sessions("XNYS", dt.date(2022, 1, 3), dt.date(2023, 6, 30)).to_list()
CALENDAR = pl.DataFrame({"calendar": "XNYS", "session": DAYS})
SYMBOLS = [f"S{number:02d}" for number in range(20)]


def market(seed: int = 1, volatility: float = 0.02) -> pl.DataFrame:
    """Twenty random walks over 375 sessions, prices in cents, volumes in hundreds."""
    random = np.random.default_rng(seed)
    parts = []
    for symbol in SYMBOLS:
        closes = 50 * np.exp(np.cumsum(random.normal(0, volatility, len(DAYS))))
        opens = closes * np.exp(random.normal(0, volatility / 4, len(DAYS)))
        volume = 100.0 * random.integers(50, 150, len(DAYS)).astype(np.float64)
        parts.append(daily_bars(symbol, pl.Series(DAYS), opens, closes, volume))
    template = received([{"session": DAYS[0]}]).drop("symbol", "session", "open", "high", "low", "close", "volume")
    return pl.concat(parts).join(template, how="cross").select(received([{"session": DAYS[0]}]).columns)


PRICES = ["open", "high", "low", "close"]


def times(raw: pl.DataFrame, factor: float, where: pl.Expr, columns: list[str] = PRICES) -> pl.DataFrame:
    return raw.with_columns(pl.when(where).then(pl.col(name) * factor).otherwise(name).alias(name) for name in columns)


def checked(raw: pl.DataFrame, overrides: pl.DataFrame = NO_OVERRIDES, **settings: Any) -> QualityResult:
    return apply_rules(raw, CALENDAR, DAYS[-1], Quality.model_validate(settings), overrides=overrides)


def reasons(result: QualityResult) -> dict[str, list[tuple[str, dt.date]]]:
    rows = result.quarantine.explode("reasons").select("reasons", "symbol", "session").rows()
    return {rule: [(s, d) for r, s, d in rows if r == rule] for rule in {row[0] for row in rows}}


def flagged(result: QualityResult, rule: str) -> list[tuple[str, dt.date]]:
    return result.usable.filter(pl.col("flags").list.contains(rule)).select("symbol", "session").rows()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("volatility", [0.002, 0.02, 0.05])
def test_a_clean_market_has_no_findings_of_these_rules(seed: int, volatility: float) -> None:
    result = checked(market(seed, volatility))
    assert result.quarantine.is_empty()
    assert flagged(result, "volume_unit_break") == []


def copy_of_first(raw: pl.DataFrame, symbols: list[str], since: dt.date) -> pl.DataFrame:
    first = raw.filter(symbol=SYMBOLS[0]).filter(pl.col("session") >= since)
    kept = raw.filter(~(pl.col("symbol").is_in(symbols) & (pl.col("session") >= since)))
    return pl.concat([kept, *[first.with_columns(symbol=pl.lit(symbol)) for symbol in symbols]]).select(raw.columns)


def test_two_symbols_with_one_series_are_both_out_once_it_has_lasted() -> None:
    raw = copy_of_first(market(), [SYMBOLS[7]], DAYS[100])
    found = reasons(checked(raw))
    last = [(symbol, day) for symbol in (SYMBOLS[0], SYMBOLS[7]) for day in DAYS[119:]]
    assert found == {"identical_series": last}, "from the twentieth session in common on"
    shorter = copy_of_first(market(), [SYMBOLS[7]], DAYS[-19])
    assert checked(shorter).quarantine.is_empty()


def test_sessions_without_a_move_are_no_evidence() -> None:
    """Two coins pegged to one, with one and the same bar for a year, stay two."""
    pegged = market().with_columns(
        pl.when(pl.col("symbol").is_in(SYMBOLS[:2])).then(1.0).otherwise(name).alias(name)
        for name in (*PRICES, "volume")
    )
    assert checked(pegged).quarantine.is_empty()


def test_one_series_under_most_names_is_refused() -> None:
    raw = copy_of_first(market(), SYMBOLS[1:12], DAYS[50])
    with pytest.raises(QualityError, match="refused: one_series") as caught:
        checked(raw)
    assert f"first: S00 on {DAYS[69]} (bars.csv, line 2)" in str(caught.value)
    assert "quality.severity: {one_series: row}" in str(caught.value)
    rows = reasons(checked(raw, severity={"one_series": "row"}))
    assert rows == {"one_series": [(symbol, day) for symbol in SYMBOLS[:12] for day in DAYS[69:]]}
    nothing = dict.fromkeys(["one_series", "identical_series", "common_jump"], "off")
    assert checked(raw, severity=nothing).quarantine.is_empty()


@pytest.mark.parametrize(("repeating", "found"), [(20, True), (11, True), (10, False)])
def test_a_day_on_which_most_symbols_repeat_the_one_before(repeating: int, found: bool) -> None:
    raw = market()
    stale = raw.filter(pl.col("symbol").is_in(SYMBOLS[:repeating]), session=DAYS[200]).with_columns(
        session=pl.lit(DAYS[201])
    )
    kept = raw.join(stale, on=["symbol", "session"], how="anti")
    result = checked(pl.concat([kept, stale]))
    expected = [(symbol, DAYS[201]) for symbol in SYMBOLS[:repeating]]
    assert reasons(result) == ({"stale_day": expected} if found else {})


@pytest.mark.parametrize("ratio", [0.92, 1.35, 100.0])
def test_another_currency_from_one_day_on_is_refused(ratio: float) -> None:
    """Twelve of twenty symbols in another unit: the same ratio for all, give or take the market's own day."""
    quiet = market(volatility=0.001)
    raw = times(quiet, ratio, pl.col("symbol").is_in(SYMBOLS[:12]) & (pl.col("session") >= DAYS[150]))
    with pytest.raises(QualityError, match="refused: common_jump") as caught:
        checked(raw)
    assert f"first: S00 on {DAYS[150]}" in str(caught.value)


def test_a_crash_of_the_whole_market_is_no_jump() -> None:
    crash = times(market(), 0.85, pl.col("session") >= DAYS[150])
    assert checked(crash).quarantine.is_empty()


@pytest.mark.parametrize("factor", [100.0, 0.01, 1000.0, 1e-6])
def test_a_spell_in_another_unit_is_out_and_what_follows_is_not(factor: float) -> None:
    spell = pl.col("session").is_between(DAYS[100], DAYS[129])
    raw = times(market(), factor, (pl.col("symbol") == "S03") & spell)
    result = checked(raw)
    assert reasons(result) == {"unit_change": [("S03", day) for day in DAYS[100:130]]}
    assert flagged(result, "extreme_move") == []


def test_a_single_bar_in_another_unit() -> None:
    raw = times(market(), 100.0, (pl.col("symbol") == "S03") & (pl.col("session") == DAYS[100]))
    assert reasons(checked(raw)) == {"unit_change": [("S03", DAYS[100])]}


def collapse(opens: list[float], closes: list[float], volumes: list[float]) -> pl.DataFrame:
    """Sixty quiet bars at 20, then these; each bar trades from its open to its close."""
    opens, closes = [20.0] * 60 + opens, [20.0 + n % 3 / 10 for n in range(60)] + closes
    return received(
        {"session": day, "open": o, "high": max(o, c), "low": min(o, c), "close": c, "volume": v}
        for day, o, c, v in zip(DAYS, opens, closes, [1e6] * 60 + volumes, strict=False)
    )


FALL = [17.5, 1.09, 0.0100, 0.00005]


@pytest.mark.parametrize(
    ("opens", "closes", "volumes"),
    [
        ([20.0, 17.5, 1.09, 0.0100], FALL, [2e6] * 4),  # through every level, 1.09 -> 0.0100 nearly a hundredth
        (FALL, FALL, [2e6] * 4),  # gaps from level to level, each after another rout
        (FALL, FALL, [2e7] * 4),
        ([19.9], [0.2], [1e6]),  # in one day, by a hundredth to the cent
        ([0.2], [0.2], [9e6]),  # by a gap, with nine times the usual volume
        ([20.0], [0.02], [0.0]),
    ],
)
def test_a_collapse_is_no_change_of_unit(opens: list[float], closes: list[float], volumes: list[float]) -> None:
    result = checked(collapse(opens, closes, volumes))
    assert "unit_change" not in reasons(result)
    assert result.usable["close"].to_list()[-len(closes) :] == closes
    assert "extreme_move" in result.usable["flags"].to_list()[-1]


@pytest.mark.parametrize(
    ("opens", "closes", "volumes"),
    [
        ([0.2], [0.201], [1e6]),  # the open, converted, where the price was
        ([0.188], [0.2], [1e8]),  # an open further off, and a hundred times the volume
        ([2000.0], [2010.0], [1e6]),
        ([2150.0], [2010.0], [1e4]),
    ],
)
def test_a_change_of_unit_has_evidence_beyond_its_ratio(
    opens: list[float], closes: list[float], volumes: list[float]
) -> None:
    assert reasons(checked(collapse(opens, closes, volumes))) == {"unit_change": [("AAA", DAYS[60])]}


def test_the_way_back_from_another_unit_needs_its_ratio_alone() -> None:
    """A spell in cents that ends within a bar: the bar that trades back to the level is no further finding."""
    raw = collapse([2000.0, 2000.0, 2010.0, 20.1], [2000.0, 2010.0, 20.1, 20.2], [1e6] * 4)
    assert reasons(checked(raw)) == {"unit_change": [("AAA", DAYS[60]), ("AAA", DAYS[61])]}


@pytest.mark.parametrize(
    ("ratio", "rule"), [(0.5, "half_adjusted"), (2 / 3, "half_adjusted"), (2.0, "spike"), (0.25, "spike")]
)
def test_one_bar_off_by_the_ratio_of_a_split(ratio: float, rule: str) -> None:
    raw = times(market(volatility=0.004), ratio, (pl.col("symbol") == "S05") & (pl.col("session") == DAYS[200]))
    assert list(reasons(checked(raw)).values()) == [[("S05", DAYS[200])]]
    expected = {rule} if ratio != 0.5 else {"half_adjusted", "spike"}
    assert set(reasons(checked(raw))) <= expected


def test_a_fall_by_a_third_within_a_day_and_back_is_news() -> None:
    raw = market(volatility=0.004)
    hit = (pl.col("symbol") == "S05") & (pl.col("session") == DAYS[200])
    raw = times(raw, 2 / 3, hit, ["low", "close"])
    assert checked(raw).quarantine.is_empty()


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_volume_in_another_unit_is_flagged_while_it_is_new(factor: float) -> None:
    raw = times(market(), factor, (pl.col("symbol") == "S02") & (pl.col("session") >= DAYS[200]), ["volume"])
    result = checked(raw)
    assert result.quarantine.is_empty()
    found = flagged(result, "volume_unit_break")
    assert found[0] == ("S02", DAYS[205]), "once six of the last ten bars are"
    assert {symbol for symbol, _ in found} == {"S02"} and found[-1][1] < DAYS[250]


def test_a_release_lets_a_finding_pass(tmp_path: Path) -> None:
    far = (pl.col("symbol") == "S04") & (pl.col("session") >= DAYS[100])
    raw = times(market(), 1.6, far)
    assert flagged(checked(raw), "extreme_move") == [("S04", DAYS[100])]
    hundred = times(raw, 100.0, (pl.col("symbol") == "S08") & (pl.col("session") >= DAYS[300]))
    assert set(reasons(checked(hundred))) == {"unit_change"}
    listed = tmp_path / "overrides.csv"
    listed.write_text(
        "symbol,session,rule,note\n"
        f"S04,{DAYS[100]},extreme_move,takeover\n"
        f"S08,{DAYS[300]},unit_change,it did rise\n"
        f"S08,{DAYS[300]},extreme_move,it did rise\n"
    )
    result = checked(hundred, read_overrides(listed))
    assert result.quarantine.is_empty()
    assert flagged(result, "extreme_move") == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("symbol,session\nA,2020-01-02\n", "no column 'rule'"),
        ("symbol,session,rule\nA,soon,spike\n", "wrong 'session'"),
        ("symbol,session,rule\nA,2020-01-02,spikes\n", "wrong 'rule'"),
        ("symbol,session,rule\n,2020-01-02,spike\n", "wrong 'symbol'"),
    ],
)
def test_a_list_of_releases_that_cannot_be_used(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "overrides.csv"
    path.write_text(text)
    with pytest.raises(OverrideError, match=what) as caught:
        read_overrides(path)
    assert str(path) in str(caught.value)


FAULTS = {
    "identical": lambda raw: copy_of_first(raw, [SYMBOLS[7]], DAYS[100]),
    "unit": lambda raw: times(
        raw, 100.0, (pl.col("symbol") == "S03") & pl.col("session").is_between(DAYS[90], DAYS[130])
    ),
    "volume": lambda raw: times(raw, 100.0, (pl.col("symbol") == "S02") & (pl.col("session") >= DAYS[100]), ["volume"]),
    "half": lambda raw: times(raw, 2 / 3, (pl.col("symbol") == "S05") & (pl.col("session") == DAYS[119])),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("cut", [95, 110, 119, 121, 125])
def test_what_is_known_at_a_session_is_what_is_known_of_it_later(fault: str, cut: int) -> None:
    """Only the last bar may change its mind: from a move that is waited for to one that was taken back."""
    raw = FAULTS[fault](market())
    then, now = checked(raw.filter(pl.col("session") <= DAYS[cut])), checked(raw)
    before = pl.col("session") < DAYS[cut]
    assert_frame_equal(then.usable.filter(before), now.usable.filter(before))
    assert_frame_equal(then.quarantine.filter(before), now.quarantine.filter(before))


@pytest.mark.parametrize(
    ("severity", "message"),
    [
        ({"spikes": "row"}, "no rule 'spikes'; did you mean 'spike'"),
        ({"null_price": "flag"}, "null_price: expected row | symbol | batch, got flag"),
        ({"spike": "loud"}, "Input should be"),
    ],
)
def test_impossible_severities(severity: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Quality.model_validate({"severity": severity})
    assert message in str(caught.value)


def test_a_symbol_is_out_from_its_first_bad_row_on() -> None:
    raw = market().with_columns(
        close=pl.when((pl.col("symbol") == "S01") & (pl.col("session") == DAYS[300])).then(None).otherwise("close")
    )
    assert reasons(checked(raw)) == {"null_price": [("S01", DAYS[300])]}
    found = reasons(checked(raw, severity={"null_price": "symbol"}))
    assert found == {"null_price": [("S01", day) for day in DAYS[300:]]}
