"""The quality rules: one by one, against a second implementation on random markets, and unmoved by the future."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.config.quality import SEVERITIES, Quality
from trading_assets.market_data import calendars, quality
from trading_assets.market_data.quality import RULES, faults, missing_sessions, rules
from trading_assets.market_data.quality.apply_rules import QualityResult, apply_rules
from trading_assets.market_data.revisions import reconcile
from trading_assets.market_data.sources import sample
from trading_assets.market_data.tables import QUARANTINE, RAW_BARS
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.market_data.markets import AS_OF, CALENDAR, NOW, SESSIONS, path, received
from trading_assets_tests.market_data.quality.reference_rules import as_received, markets, reference_rules

INFINITE, NAN = float("inf"), float("nan")
SATURDAY, FUTURE = dt.date(2024, 1, 6), AS_OF + dt.timedelta(days=1)


def checked(raw: pl.DataFrame, as_of: dt.date = AS_OF) -> QualityResult:
    return apply_rules(raw, CALENDAR, as_of, Quality())


def names(frame: pl.DataFrame, column: str) -> dict[tuple[str, dt.date], list[list[str]]]:
    """symbol, session -> what each of its rows is called."""
    found: dict[tuple[str, dt.date], list[list[str]]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault((row["symbol"], row["session"]), []).append(row[column])
    return found


# --- rule by rule -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        ({"close": None}, ["null_price"]),
        ({"open": None, "low": None}, ["null_price"]),
        ({"high": NAN}, ["non_finite_price"]),
        ({"open": -INFINITE}, ["non_finite_price", "non_positive_price"]),
        ({"low": 0.0}, ["non_positive_price"]),
        ({"open": -1.0, "low": -2.0}, ["non_positive_price"]),
        ({"low": 102.0}, ["ohlc_violation"]),
        ({"high": 99.5}, ["ohlc_violation"]),
        ({"open": 98.0}, ["ohlc_violation"]),
        ({"open": 102.0}, ["ohlc_violation"]),
        ({"low": 101.1, "high": 101.0, "close": 101.05, "open": 101.05}, []),
        ({"open": None, "high": 99.0, "low": 100.0}, ["null_price", "ohlc_violation"]),
        ({"volume": -1.0}, ["negative_volume"]),
        ({"session": SATURDAY}, ["not_a_session"]),
        ({"session": dt.date(2024, 1, 15)}, ["not_a_session"]),
        ({"session": FUTURE}, ["future_bar"]),
        (
            {"session": SATURDAY, "close": -5.0, "volume": -1.0},
            ["non_positive_price", "ohlc_violation", "negative_volume", "not_a_session"],
        ),
    ],
)
def test_a_bad_row_is_quarantined_with_every_reason_and_its_neighbours_are_not(
    fault: dict[str, Any], reasons: list[str]
) -> None:
    row = received([{"session": SESSIONS[5], "close": 100.0, **fault}])
    others = path([100.0] * 4 + [101.0] + [100.0] * 5).filter(pl.col("session") != row["session"][0])
    result = checked(pl.concat([others, row]))
    assert names(result.quarantine, "reasons") == ({("AAA", row["session"][0]): [reasons]} if reasons else {})
    alone = checked(others)
    kept = result.usable.filter(pl.col("session") != row["session"][0])
    # The close after a bad bar is compared with the last good one, so only a bar in use may change a flag.
    assert_frame_equal(kept.drop("flags"), alone.usable.drop("flags"))
    if reasons:
        assert_frame_equal(result.usable, alone.usable)


def test_quarantined_values_are_finite_or_null() -> None:
    bad = received([{"session": SESSIONS[0], "open": NAN, "high": INFINITE, "volume": NAN, "adj_close": -INFINITE}])
    held = checked(bad).quarantine
    assert held.select("open", "high", "volume", "adj_close").row(0) == (None, None, None, None)
    QUARANTINE.validate(QUARANTINE.conform(held))


@pytest.mark.parametrize(("breach", "outcome"), [(0.00099, "rounding_clamped"), (0.00101, "ohlc_violation")])
@pytest.mark.parametrize("side", ["high", "low"])
def test_a_breach_of_rounding_size_is_clamped_and_a_larger_one_is_not(breach: float, outcome: str, side: str) -> None:
    prices = {"open": 100.0, "close": 100.0, "high": 101.0, "low": 99.0}
    prices[side] = 100 / (1 + breach) if side == "high" else 100 / (1 - breach)
    result = checked(received([{"session": SESSIONS[0], **prices}]))
    if outcome == "ohlc_violation":
        assert names(result.quarantine, "reasons") == {("AAA", SESSIONS[0]): [[outcome]]}
    else:
        assert result.usable["flags"].to_list() == [[outcome]]
        assert result.usable[side].to_list() == [100.0]


def test_without_rounding_allowance_every_breach_is_a_violation() -> None:
    breached = received([{"session": SESSIONS[0], "high": 100.0 - 1e-9}, {"session": SESSIONS[1], "high": 100.0}])
    result = apply_rules(breached, CALENDAR, AS_OF, Quality(rounding_breach=0))
    assert names(result.quarantine, "reasons") == {("AAA", SESSIONS[0]): [["ohlc_violation"]]}


def test_gap_event_is_more_than_a_tenth_between_close_and_open() -> None:
    raw = received(
        [
            {"session": SESSIONS[0], "close": 100.0},
            {"session": SESSIONS[1], "open": 110.5, "high": 111.0, "close": 105.0},
            {"session": SESSIONS[2], "open": 105.0, "low": 105.0, "high": 130.0, "close": 130.0},
            {"session": SESSIONS[3], "open": 117.0, "low": 117.0, "high": 130.0, "close": 120.0},
        ]
    )
    assert checked(raw).usable["flags"].to_list() == [[], ["gap_event"], [], []]


def test_zero_and_absent_volume_are_flagged_and_stored_as_zero() -> None:
    raw = received(
        {"session": s, "close": c, "volume": v}
        for s, c, v in zip(SESSIONS, (100.0, 101.0, 102.0), (0.0, None, 5.0), strict=False)
    )
    usable = checked(raw).usable
    assert usable["flags"].to_list() == [["zero_volume"], ["zero_volume"], []]
    assert usable["volume"].to_list() == [0.0, 0.0, 5.0]


def test_stale_price_from_the_fifth_equal_close_on() -> None:
    flags = checked(path([100.0, 101, 101, 101, 101, 101, 101, 102])).usable["flags"].to_list()
    assert flags == [[], [], [], [], [], ["stale_price"], ["stale_price"], []]


def test_copies_are_reduced_and_conflicts_are_all_quarantined() -> None:
    rows = [{"session": SESSIONS[0], "occurrence": n, "close": 100.0} for n in (1, 2, 3)]
    rows += [{"session": SESSIONS[1], "occurrence": n, "close": c} for n, c in ((1, 100.0), (2, 100.0), (3, 101.0))]
    rows += [
        {"session": SESSIONS[2], "occurrence": n, "close": 100.0, "adj_close": a} for n, a in ((1, None), (2, 50.0))
    ]
    result = checked(received(rows))
    assert result.usable.select("session", "occurrence", "flags").rows() == [(SESSIONS[0], 1, ["duplicate_exact"])]
    assert names(result.quarantine, "reasons") == {
        ("AAA", SESSIONS[1]): [["duplicate_conflict"]] * 2,
        ("AAA", SESSIONS[2]): [["duplicate_conflict"]] * 2,
    }


@pytest.mark.parametrize(
    ("closes", "spikes", "extremes"),
    [
        ([100, 160, 100], [1], []),  # there and back
        ([100, 160, 119.9], [1], []),
        ([100, 160, 121], [], [1]),  # not near enough
        ([100, 160, 161], [], [1]),  # a new level
        ([100, 142, 100], [], []),  # less than half is no extreme move
        ([100, 150, 100], [1], []),  # but three for two is a split's ratio
        ([100, 143, 100], [1], []),
        ([100, 66.7, 100], [1], []),
        ([100, 66.7, 66], [], [1]),  # a split that nobody recorded
        ([100, 160], [], [1]),  # not yet decided
        ([100, 300, 100, 300, 100], [1, 3], []),
        ([100, 300, 900, 300, 310], [2], [1]),
        ([100, 40, 16, 6.4], [], [1, 2, 3]),
        ([100, 300, 100], [1], []),  # the way back (-67 %) is no extreme move
        ([160, 100, 101], [], []),
    ],
)
def test_extreme_moves_and_spikes(closes: list[float], spikes: list[int], extremes: list[int]) -> None:
    result = checked(path(map(float, closes)))
    assert result.quarantine["session"].to_list() == [SESSIONS[n] for n in spikes]
    flagged = result.usable.filter(pl.col("flags").list.contains("extreme_move"))
    assert flagged["session"].to_list() == [SESSIONS[n] for n in extremes]


@pytest.mark.parametrize(
    ("opens", "closes", "spikes", "suspects"),
    [
        ([100, 51.4], [100, 56.0], [], [1]),  # 51.4 / 100 = 0.514: within 3 % of a half, the close at -44 %
        ([100, 51.6], [100, 56.0], [], []),  # 0.516 is further
        ([100, 33.3, 34], [100, 34.0, 35.0], [], [1]),
        ([100, 66.0, 101], [100, 97.0, 99.0], [1], []),  # the open alone, and the next close is back
        ([100, 10.2, 10], [100, 10.5, 10.4], [], [1]),  # a tenth
        ([100, 147, 140], [100, 141.0, 142.0], [], [1]),  # 3-for-2 the other way
        ([100, 17.0, 16], [100, 16.5, 16.4], [], []),  # a sixth is none of the list: extreme by its close alone
    ],
)
def test_an_open_at_the_ratio_of_a_split_without_a_record_is_suspect(
    opens: list[float], closes: list[float], spikes: list[int], suspects: list[int]
) -> None:
    raw = received(
        {"session": s, "open": float(o), "high": max(o, c) * 1.0, "low": min(o, c) * 1.0, "close": c}
        for s, o, c in zip(SESSIONS, opens, closes, strict=False)
    )
    result = checked(raw)
    assert result.quarantine["session"].to_list() == [SESSIONS[n] for n in spikes]
    flagged = result.usable.filter(pl.col("flags").list.contains("split_suspect"))
    assert flagged["session"].to_list() == [SESSIONS[n] for n in suspects]
    assert all("extreme_move" in flags for flags in flagged["flags"])


@pytest.mark.parametrize(
    ("asset_class", "usual", "found"), [("crypto", 0.06, False), ("crypto", 0.05, True), ("equity", 0.06, True)]
)
def test_an_extreme_move_of_a_coin_is_far_for_that_coin(asset_class: str, usual: float, found: bool) -> None:
    """+58 % is ln 1.58 = 0.4574: below 8 x 0.06 = 0.48, above 8 x 0.05 = 0.40; equities have no such multiple."""
    closes = [100 * math.exp(usual * (n % 2)) for n in range(50)]
    raw = path([*closes, closes[-1] * 1.58], asset_class=asset_class)
    flags = checked(raw).usable["flags"].to_list()
    assert ("extreme_move" in flags[-1]) == found
    assert not any("extreme_move" in each for each in flags[:-1])


def test_a_coin_of_few_bars_is_measured_by_the_half_alone() -> None:
    closes = [100 * math.exp(0.06 * (n % 2)) for n in range(20)]  # 19 moves before the last bar
    raw = path([*closes, closes[-1] * 1.58], asset_class="crypto")
    assert "extreme_move" in checked(raw).usable["flags"][-1]


def test_a_move_is_measured_from_the_last_good_bar() -> None:
    raw = pl.concat(
        [
            path([100.0]),
            received(
                [{"session": SESSIONS[1], "close": 160.0, "low": 170.0}, {"session": SESSIONS[9], "close": 155.0}]
            ),
        ]
    )
    result = checked(raw)
    assert names(result.quarantine, "reasons") == {("AAA", SESSIONS[1]): [["ohlc_violation"]]}
    assert result.usable.row(-1, named=True)["flags"] == ["extreme_move", "gap_event"]


@pytest.mark.parametrize("ratio", [0.1, 2.0, 7.0])
def test_a_split_on_record_is_no_move(ratio: float) -> None:
    before, after = 100.0, 100 / ratio
    raw = received(
        {"session": s, "close": c, "adj_close": 10.0}
        for s, c in zip(SESSIONS, (before, before, after, after), strict=False)
    )
    assert checked(raw).usable["flags"].to_list() == [[]] * 4


def test_a_wrong_adjusted_close_at_an_unchanged_price_is_no_fault_of_the_bar() -> None:
    raw = received(
        {"session": s, "close": 100.0, "adj_close": a}
        for s, a in zip(SESSIONS, (100.0, 100.0, 530.0, 100.0), strict=False)
    )
    result = checked(raw)
    assert result.quarantine.is_empty()
    assert result.usable["flags"].to_list() == [[]] * 4


def test_every_rule_is_named_once_and_described() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    declared = [value for value in vars(rules).values() if isinstance(value, quality.Rule)]
    assert sorted(declared) == sorted(RULES)
    assert all(rule.description for rule in RULES)
    assert {rule.name for rule in RULES} == set(SEVERITIES)


def test_the_docs_list_every_rule() -> None:
    page = (REPOSITORY / "docs" / "data-quality.md").read_text()
    rows = [line for line in page.splitlines() if re.match(r"\| `[a-z_]+` \| (flag|row|symbol|batch) \|", line)]
    assert rows == [f"| `{rule.name}` | {SEVERITIES[rule.name][0]} | {rule.description} |" for rule in RULES]


# --- on random markets -------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(markets())
@pytest.mark.slow
def test_agrees_with_the_reference_rules(rows: list[dict[str, Any]]) -> None:
    result = checked(as_received(rows))
    flags, reasons = reference_rules(rows, AS_OF)
    assert names(result.usable, "flags") == flags
    by_key = {key: sorted(found) for key, found in names(result.quarantine, "reasons").items()}
    assert by_key == {key: sorted(found) for key, found in reasons.items()}


@settings(max_examples=30)
@given(markets(), st.randoms(use_true_random=False))
@pytest.mark.slow
def test_order_of_rows_changes_nothing(rows: list[dict[str, Any]], random: Any) -> None:
    raw = as_received(rows)
    order = list(range(raw.height))
    random.shuffle(order)
    expected, shuffled = checked(raw), checked(raw[order])
    assert_frame_equal(shuffled.usable, expected.usable)
    assert_frame_equal(shuffled.quarantine, expected.quarantine)


@settings(max_examples=30)
@given(markets(), st.integers(1, 11))
def test_the_next_bar_decides_spikes_and_nothing_else_depends_on_the_future(
    rows: list[dict[str, Any]], cut: int
) -> None:
    """What was known at the close of a session, against what is known at the end.

    Rules of a row ask for nothing but the row, so only the last received bar of each symbol may change: from
    `extreme_move` to `spike`.
    """
    raw = as_received(rows)
    day = SESSIONS[cut]
    then, now = checked(raw.filter(pl.col("session") <= day)), checked(raw)
    usable_now = now.usable.filter(pl.col("session") <= day)
    spikes = then.usable.join(usable_now, on=["symbol", "session"], how="anti")
    assert_frame_equal(
        then.usable.join(spikes, on=["symbol", "session"], how="anti", maintain_order="left"), usable_now
    )
    last = then.usable.group_by("symbol").agg(pl.col("session").max())
    assert spikes.join(last, on=["symbol", "session"], how="anti").is_empty()
    assert all("extreme_move" in flags for flags in spikes["flags"])
    quarantined_then = then.quarantine.drop("reasons").rows(named=True)
    quarantined_now = now.quarantine.filter(pl.col("session") <= day)
    assert quarantined_now.height == len(quarantined_then) + spikes.height


def test_a_bar_whose_next_one_turns_out_a_spike_stays_as_it_was_decided() -> None:
    """Open at half, close at 95: the next bar, 200, does not take it back; that 97 makes 200 a spike comes later."""
    raw = path([100.0, 101.0, 95.0, 200.0, 97.0]).with_columns(
        open=pl.Series([100.0, 101.0, 50.5, 200.0, 97.0]), low=pl.Series([99.0, 100.0, 50.0, 199.0, 96.0])
    )
    then, now = checked(raw[:4]), checked(raw)
    assert then.usable["flags"].list.contains("extreme_move").to_list() == [False, False, True, True]
    assert now.quarantine["close"].to_list() == [200.0]
    assert now.usable["flags"][:3].equals(then.usable["flags"][:3])


# --- real prices, checks ------------------------------------------------------------------------------------


def test_the_sample_quarantines_nothing_and_its_genuine_crash_survives() -> None:
    start, end = dt.date(2000, 3, 1), dt.date(2013, 3, 1)
    bars = sample.read(start, end).with_columns(calendar=pl.lit("XNYS"))
    raw = reconcile(RAW_BARS.empty(), bars, NOW).raw_bars
    days = calendars.sessions("XNYS", start, end)
    result = apply_rules(raw, pl.DataFrame({"session": days}).with_columns(calendar=pl.lit("XNYS")), end, Quality())
    assert result.quarantine.is_empty()
    extreme = result.usable.filter(pl.col("flags").list.contains("extreme_move"))
    assert extreme.select("symbol", "session").rows() == [("AAPL", dt.date(2000, 9, 29))]


def test_faults_and_missing_sessions_are_counted() -> None:
    instruments = pl.DataFrame(
        {"symbol": ["AAA"], "calendar": ["XNYS"], "first_session": [SESSIONS[0]], "last_session": [SESSIONS[9]]}
    )
    sound = path([100.0] * 10).with_columns(**{f"adj_{name}": pl.lit(1.0) for name in quality.PRICES})
    assert not any(faults(sound, instruments, CALENDAR).values())
    bad = sound.with_columns(
        close=pl.when(pl.col("session") == SESSIONS[1]).then(NAN).otherwise("close"),
        low=pl.when(pl.col("session") == SESSIONS[2]).then(100.5).otherwise("low"),
        session=pl.col("session").replace(SESSIONS[3], SATURDAY),
    )
    counted = faults(pl.concat([bad, bad[5:6]]), instruments, CALENDAR)
    assert list(counted.values()) == [1, 1, 1, 1]
    with_hole = missing_sessions([sound.filter(~pl.col("session").is_in(SESSIONS[3:5]))], instruments, CALENDAR)
    assert with_hole.rows() == [("AAA", 10, 2)]
