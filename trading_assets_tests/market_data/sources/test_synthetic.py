"""The synthetic market: the same bars however it is asked, plausible, and with nothing to find in it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.signal import lfilter

from trading_assets.config.quality import Quality
from trading_assets.config.sources import SyntheticSource
from trading_assets.market_data import calendars, sources
from trading_assets.market_data.quality.apply_rules import apply_rules
from trading_assets.market_data.revisions import reconcile
from trading_assets.market_data.sources.synthetic import ANCHOR, PERSISTENCE, ROUGHNESS, _clustered, _stream, generate
from trading_assets.market_data.tables import RAW_BARS
from trading_assets_tests.market_data.markets import NOW
from trading_assets_tests.narrow import as_number

END = dt.date(2012, 12, 31)
EQUITY = SyntheticSource(source="synthetic", asset_class="equity", symbols=12)
CRYPTO = SyntheticSource(
    source="synthetic", asset_class="crypto", symbols=["COIN1", "COIN2", "COIN3"], volatility=0.65, correlation=0.5
)

#: No row states a corporate action.
ACTIONS = dict.fromkeys(("cash_dividend", "split_ratio"), pl.lit(None, pl.Float64))


def changed(source: SyntheticSource, **updates: object) -> SyntheticSource:
    return source.model_copy(update=updates)


def test_the_volatility_is_what_a_filter_of_scipy_makes_of_its_innovations() -> None:
    normal = _stream(7, "SYN001", "volatility").standard_normal(4000)
    innovations = normal * ROUGHNESS * np.sqrt(1 - PERSISTENCE**2)
    expected = np.exp(lfilter([1.0], [1.0, -PERSISTENCE], innovations) - ROUGHNESS**2)
    assert np.array_equal(_clustered(7, "SYN001", 4000), expected)


@pytest.fixture(scope="module")
def equity() -> pl.DataFrame:
    return generate(EQUITY, ANCHOR, END, 7)


@pytest.fixture(scope="module")
def crypto() -> pl.DataFrame:
    return generate(CRYPTO, ANCHOR, END, 7)


def returns(bars: pl.DataFrame) -> np.ndarray:
    """(sessions, symbols) log returns, symbols in ascending order."""
    wide = bars.pivot(on="symbol", index="session", values="close").sort("session").drop("session")
    return np.diff(np.log(wide.select(sorted(wide.columns)).to_numpy()), axis=0)


@pytest.mark.parametrize(
    "source",
    [changed(EQUITY, symbols=3, missing_rate=0.1), changed(CRYPTO, missing_rate=0.1)],
    ids=["equity", "crypto"],
)
def test_a_window_shows_the_same_bars_as_the_whole(source: SyntheticSource) -> None:
    whole = generate(source, ANCHOR, END, 7)
    ends = [ANCHOR, *(dt.date(2005, 6, day) for day in range(1, 10)), END]
    for end in ends:  # of many lengths, odd and even, for the tails of vectorised loops
        for start in (ANCHOR, end - dt.timedelta(days=30)):
            window = whole.filter(pl.col("session").is_between(start, end))
            assert_frame_equal(generate(source, start, end, 7), window, check_exact=True)


def test_a_symbol_does_not_depend_on_the_others(crypto: pl.DataFrame) -> None:
    fewer = generate(changed(CRYPTO, symbols=["COIN1", "COIN3"]), ANCHOR, END, 7)
    assert_frame_equal(fewer, crypto.filter(pl.col("symbol") != "COIN2"), check_exact=True)


def test_the_same_seed_gives_the_same_bars_and_another_one_others(crypto: pl.DataFrame) -> None:
    assert_frame_equal(generate(CRYPTO, ANCHOR, END, 7), crypto, check_exact=True)
    other = generate(CRYPTO, ANCHOR, END, 8)
    assert other["session"].equals(crypto["session"])
    assert not (other["close"] == crypto["close"]).any()


def test_no_bars_before_the_anchor() -> None:
    assert generate(EQUITY, dt.date(1990, 1, 1), dt.date(2000, 1, 2), 7).is_empty()
    assert generate(EQUITY, dt.date(1990, 1, 1), dt.date(2000, 1, 4), 7)["session"].unique().to_list() == [
        dt.date(2000, 1, 3),
        dt.date(2000, 1, 4),
    ]


def test_the_source_hands_over_these_bars(crypto: pl.DataFrame) -> None:
    bars = sources.read_bars(CRYPTO, start=ANCHOR, end=END, directory=None, seed=7)  # type: ignore[arg-type]
    assert_frame_equal(bars.select(crypto.columns), crypto)
    own_seed = sources.read_bars(changed(CRYPTO, seed=8), start=ANCHOR, end=END, directory=None, seed=7)  # type: ignore[arg-type]
    assert not own_seed["close"].equals(crypto["close"])


@pytest.mark.parametrize("name", ["equity", "crypto"])
def test_bars_pass_the_quality_rules(name: str, request: pytest.FixtureRequest) -> None:
    bars: pl.DataFrame = request.getfixturevalue(name)
    calendar = {"equity": "XNYS", "crypto": "24/7"}[name]
    days = calendars.sessions(calendar, ANCHOR, END)
    raw = reconcile(
        RAW_BARS.empty(),
        bars.with_columns(
            calendar=pl.lit(calendar),
            coverage=pl.lit(None, pl.Float64),
            market_cap=pl.lit(None, pl.Float64),
            **ACTIONS,
            source_file=pl.lit(None, pl.String),
            source_line=pl.lit(None, pl.Int64),
        ),
        NOW,
    ).raw_bars
    result = apply_rules(raw, pl.DataFrame({"session": days}).with_columns(calendar=pl.lit(calendar)), END, Quality())
    assert result.quarantine.is_empty()
    assert result.usable.height == days.len() * bars["symbol"].n_unique()
    assert not any(
        set(flags) & {"zero_volume", "rounding_clamped", "duplicate_exact"} for flags in result.usable["flags"]
    )


def test_crypto_trades_on_weekends_without_a_gap(crypto: pl.DataFrame) -> None:
    assert (crypto["session"].dt.weekday() >= 6).any()
    gap = crypto.select(pl.col("open") / pl.col("close").shift(1).over("symbol") - 1).to_series()
    assert as_number(gap.abs().max()) < 1e-6  # eight decimals


def test_names_and_missing_bars() -> None:
    few = generate(changed(EQUITY, symbols=3, missing_rate=0.2), ANCHOR, END, 7)
    assert few["symbol"].unique().sort().to_list() == ["SYN001", "SYN002", "SYN003"]
    expected = 3 * calendars.sessions("XNYS", ANCHOR, END).len()
    deviation = (expected * 0.2 * 0.8) ** 0.5
    assert abs(few.height - 0.8 * expected) < 5 * deviation
    whole = generate(changed(EQUITY, symbols=3), ANCHOR, END, 7)
    assert_frame_equal(
        whole.join(few, on=["symbol", "session"], how="semi", maintain_order="left"), few, check_exact=True
    )


def test_tails_are_fat_and_volatility_clusters(equity: pl.DataFrame) -> None:
    r = returns(equity)
    z = (r - r.mean(axis=0)) / r.std(axis=0)
    assert (z**4).mean() > 4  # a normal distribution has 3
    size = np.abs(z)
    clustering = [np.corrcoef(size[1:, n], size[:-1, n])[0, 1] for n in range(size.shape[1])]
    assert np.mean(clustering) > 0.05
    assert size.shape[0] ** -0.5 * 2 < np.min(clustering)


def test_volume_goes_with_the_size_of_moves(equity: pl.DataFrame) -> None:
    volume = np.log(
        equity.pivot(on="symbol", index="session", values="volume").sort("session").drop("session").to_numpy()
    )
    dollars = (
        volume[1:]
        + np.log(equity.pivot(on="symbol", index="session", values="close").sort("session").drop("session").to_numpy())[
            1:
        ]
    )
    size = np.abs(returns(equity))
    assert min(np.corrcoef(dollars[:, n], size[:, n])[0, 1] for n in range(size.shape[1])) > 0.2


def test_symbols_move_together_and_the_first_one_leads(equity: pl.DataFrame) -> None:
    correlation = np.corrcoef(returns(equity).T)
    pairs = correlation[1:, 1:][np.triu_indices(11, 1)]
    assert 0.3 < pairs.mean() < 0.6  # 0.4 in calm, more when the factor is volatile
    assert correlation[0, 1:].mean() > pairs.mean()
    alone = np.corrcoef(returns(generate(changed(EQUITY, correlation=0.0), ANCHOR, END, 7)).T)
    assert np.abs(alone[np.triu_indices(12, 1)]).mean() < 0.03


def factor_returns() -> list[np.ndarray]:
    """The factor of many markets: with correlation 1 a symbol is nothing but its loading of it."""
    alone = changed(CRYPTO, symbols=["COIN"], correlation=1.0, volatility=0.25, drift=0.08)
    return [returns(generate(alone, ANCHOR, END, seed))[:, 0] / 1.1 for seed in range(80)]


def test_the_mean_is_the_drift_whatever_has_been() -> None:
    """No edge: neither large moves, falls, trends nor high volatility tell the next return.

    Bounds are three standard errors; with 380,000 days they would show a mean off by the price of the sudden falls,
    a hundredth of a daily deviation.
    """
    drift = 0.08 / 365
    conditions: dict[str, list[np.ndarray]] = {
        name: [] for name in ("always", "large", "fall", "trend", "volatile", "calm")
    }
    for r in factor_returns():
        past = np.lib.stride_tricks.sliding_window_view(r, 60)[:-1]
        coming, volatility = r[60:], past.std(axis=1)
        conditions["always"].append(coming)
        conditions["large"].append(coming[np.abs(past[:, -1]) > 0.03])
        conditions["fall"].append(coming[past[:, -1] < -0.03])
        conditions["trend"].append(coming[past.sum(axis=1) > 0.05])
        conditions["volatile"].append(coming[volatility > np.quantile(volatility, 0.8)])
        conditions["calm"].append(coming[volatility < np.quantile(volatility, 0.2)])
    for name, parts in conditions.items():
        values = np.concatenate(parts)
        assert values.size > 500, name
        assert abs(values.mean() - drift) < 3 * values.std() / values.size**0.5, name


def test_own_noise_earns_nothing() -> None:
    """A symbol's simple return has the mean of its factor's, so that holding many is no free gain."""
    alone = generate(changed(CRYPTO, symbols=40, correlation=0.0, volatility=0.8, drift=0.0), ANCHOR, END, 3)
    simple = np.expm1(returns(alone)).ravel()
    assert abs(simple.mean()) < 4 * simple.std() / simple.size**0.5


def test_a_trend_adds_rising_and_falling_spells_of_each_symbols_own() -> None:
    flat = changed(CRYPTO, symbols=[f"COIN{number}" for number in range(40)])
    trending = changed(flat, trend=0.365, trend_sessions=40)
    added = returns(generate(trending, ANCHOR, END, 7)) - returns(generate(flat, ANCHOR, END, 7))
    rising = added > 0
    np.testing.assert_allclose(np.abs(added), 0.365 / 365, atol=1e-6)  # quotes have eight decimals
    turns = np.diff(rising.astype(int), axis=0) != 0
    spells = turns.size / turns.sum()
    assert spells == pytest.approx(40, rel=3 / np.sqrt(turns.sum()))
    # Nothing is left over: fractions of rising sessions scatter about one half as spells of this length do.
    assert abs(rising.mean() - 0.5) < 3 * 0.5 * np.sqrt(40 / rising.size)
    assert np.corrcoef(rising.T.astype(float))[0, 1:].max() < 0.5
