"""A seeded synthetic market: one factor with regimes, fat tails, clustering volatility, plausible daily bars.

There is nothing to find in it unless trends are planted. Given the past, the factor's expected log return is the same
in every state: a constant plus a martingale difference. What depends on the past is the size of moves, their
correlation and the volume. A trading rule earns what its exposure earns, less its costs; results on these bars show
that the machinery works, never that a strategy does.
"""

from __future__ import annotations

import bisect
import datetime as dt
import hashlib
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.sources import SyntheticSource
from trading_assets.market_data.calendars import ALWAYS, periods_per_year, sessions
from trading_assets.market_data.sources.synthetic_faults import TAKEN_AWAY, planted

Floats = NDArray[np.float64]

#: Every market starts here, whatever window is asked for, so that a window does not change its bars.
ANCHOR = dt.date(2000, 1, 3)

#: Regimes of the factor: calm, bear, turbulent. Daily transition probabilities; spells last about 200, 60 and
#: 25 sessions. A bear market begins with a one-day fall: no one sees it coming, and the drift of all other
#: sessions pays for it, so that calm years rise faster than the average and the mean stays constant.
TRANSITIONS = np.array([[0.995, 0.003, 0.002], [0.009, 0.983, 0.008], [0.030, 0.010, 0.960]])
BEAR = 1
FACTOR_VOLATILITY = np.array([1.0, 1.5, 2.0])
OWN_VOLATILITY = np.array([1.0, 1.2, 1.5])
BEAR_FALL = 4.0  # daily calm deviations of the factor

#: Sessions from the first over which late listings are spread.
LISTING_SESSIONS = 5040
TAIL = 6.0  # degrees of freedom of Student's t
PERSISTENCE, ROUGHNESS = 0.97, 0.25  # of log volatility: lag-one correlation, stationary deviation
OVERNIGHT = 0.25  # share of an equity session's variance between close and open
LEADER_LOADING, LEADER_OWN = 1.1, 0.4  # the first symbol is the market's leader
RAW_COLUMNS = ("symbol", "asset_class", "session", "open", "high", "low", "close", "volume", "adj_close", "source")


class _Market(NamedTuple):
    """What all symbols share, by session: regime, log return and relative volatility of the factor."""

    regime: NDArray[np.int64]
    factor: Floats
    calm: float


class Generated(NamedTuple):
    """Bars in the raw columns, and symbol, session, fault: what is wrong with them."""

    bars: pl.DataFrame
    faults: pl.DataFrame


def generate(source: SyntheticSource, start: dt.date, end: dt.date, seed: int) -> pl.DataFrame:
    """Return the bars of `generate_with_faults`.

    Parameters
    ----------
    source, start, end, seed
        As `generate_with_faults` takes them.
    """
    return generate_with_faults(source, start, end, seed).bars


def generate_with_faults(source: SyntheticSource, start: dt.date, end: dt.date, seed: int) -> Generated:
    """Return bars of the synthetic market with sessions in [start, end], and the faults planted in them.

    Notes
    -----
    A symbol's log return is loading x factor + own noise. The factor's expected log return is `drift`; own
    noise has expected simple return 0, so holding many symbols is no free gain. Log volatility is an AR(1)
    process; shocks are Student's t. High and low are the extremes of a Brownian path between open and close,
    drawn from their exact distribution (Karatzas and Shreve 1991, 2.8). With a `trend`, each symbol rises and falls
    by turns, in spells of its own with geometric lengths; over time they cancel. Equity opens with a gap, uncorrelated
    with the session that follows; crypto opens at the previous close. Prices have two decimals (four below 1;
    crypto eight), as traded. With `splits` there is an `adj_close`, adjusted forward, else it is null. The first symbol
    is listed for good.

    Parameters
    ----------
    source
        How many symbols (SYN001, ...) or which; annual drift, volatility and correlation (see its fields);
        `missing_rate` of the bars is left out, at random; `trend` plants an edge for rules that follow trends;
        `listings`, `delistings` and `splits` happen to symbols at random; `faults` are planted at their rates.
    start, end
        The same bars whatever window is asked for; there are none before `ANCHOR`.
    seed
        Each symbol has random streams of its own, keyed by (seed, symbol): its path depends on neither the
        other symbols nor their order, except that the first one leads the market.
    """
    names = _names(source.symbols)
    days = sessions(source.calendar, ANCHOR, end)
    market = _market(source, days.len(), seed)
    leader: pl.DataFrame | None = None
    parts = []
    for rank, name in enumerate(names):
        bars, is_listed = _bars(source, name, rank, market, days, seed)
        if source.faults:
            leader = bars if rank == 0 else leader
            bars, is_listed = _with_faults(source, bars, is_listed, None if rank == 0 else leader, seed)
        parts.append(bars.filter(is_listed, pl.col("session") >= start))
    empty = {"symbol": pl.String, "session": pl.Date, **dict.fromkeys(RAW_COLUMNS[3:9], pl.Float64)}
    schema = empty | ({"fault": pl.String} if source.faults else {})
    rows = pl.concat([pl.DataFrame(schema=schema), *parts]).with_columns(
        asset_class=pl.lit(source.asset_class), source=pl.lit("synthetic")
    )
    if not source.faults:
        nothing = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, "fault": pl.String})
        return Generated(rows.select(RAW_COLUMNS).sort("symbol", "session"), nothing)
    rows = rows.sort("symbol", "session", maintain_order=True)
    there = rows.filter(~pl.col("fault").is_in(TAKEN_AWAY).fill_null(False))
    return Generated(there.select(RAW_COLUMNS), rows.select("symbol", "session", "fault").drop_nulls())


def _with_faults(
    source: SyntheticSource, bars: pl.DataFrame, is_listed: pl.Series, leader: pl.DataFrame | None, seed: int
) -> tuple[pl.DataFrame, pl.Series]:
    """Of the sessions on which the symbol is listed; whatever is missing there is a fault."""
    name = bars["symbol"][0]
    alive = bars.filter(is_listed)
    same = None if leader is None else leader.filter(is_listed)

    def draw(fault: str, length: int) -> Floats:
        return np.asarray(_stream(seed, name, "fault", fault).random(length))

    def market_draw(fault: str, length: int) -> Floats:
        return np.asarray(_stream(seed, "market", "fault", fault).random(bars.height)[is_listed.to_numpy()][:length])

    faulty = planted(alive, dict[str, float](source.faults.items()), draw, market_draw, same)
    return faulty, pl.repeat(True, faulty.height, eager=True)


def _names(symbols: int | list[str]) -> list[str]:
    if isinstance(symbols, int):
        return [f"SYN{number:03d}" for number in range(1, symbols + 1)]
    return symbols


def _stream(seed: int, *key: str) -> np.random.Generator:
    """A random stream of its own: drawn in order of sessions, it begins the same for every length."""
    digest = hashlib.blake2b("\x1f".join([str(seed), *key]).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def _market(source: SyntheticSource, length: int, seed: int) -> _Market:
    year = periods_per_year(source.calendar)
    calm = source.volatility * np.sqrt(source.correlation / year)
    regime = _regimes(seed, length)
    before = np.concatenate([[0], regime[:-1]])[:length]
    expected_fall = np.where(before == BEAR, 0.0, TRANSITIONS[before, BEAR]) * BEAR_FALL * calm
    fall = np.where((regime == BEAR) & (before != BEAR), BEAR_FALL * calm, 0.0)
    # The regime of a day is drawn that day, so its volatility and its fall are news; their mean is the drift.
    shock = calm * FACTOR_VOLATILITY[regime] * _clustered(seed, "market", length) * _shocks(seed, "market", length)
    return _Market(regime, source.drift / year + expected_fall - fall + shock, calm)


def _regimes(seed: int, length: int) -> NDArray[np.int64]:
    """The Markov chain, calm at first."""
    steps = np.cumsum(TRANSITIONS, axis=1)[:, :-1].tolist()
    state, states = 0, list[int]()
    for uniform in _stream(seed, "market", "regime").random(length).tolist():
        state = bisect.bisect_right(steps[state], uniform) if states else 0
        states.append(state)
    return np.array(states, dtype=np.int64)


def _shocks(seed: int, name: str, length: int) -> Floats:
    """Student's t with unit variance."""
    draws = _stream(seed, name, "shock").standard_t(TAIL, length)
    return np.asarray(draws * np.sqrt((TAIL - 2) / TAIL))


def _clustered(seed: int, name: str, length: int) -> Floats:
    """Relative volatility with mean square 1: the exponential of an AR(1) process."""
    innovations = _stream(seed, name, "volatility").standard_normal(length) * ROUGHNESS * np.sqrt(1 - PERSISTENCE**2)
    # As `scipy.signal.lfilter` adds them up, to the bit; to import it takes longer than all else that is done here.
    log_volatility = np.fromiter(accumulate(innovations.tolist(), _persistent), np.float64, length)
    return np.exp(log_volatility - ROUGHNESS**2)


def _persistent(before: float, innovation: float) -> float:
    """The next value of an AR(1) process."""
    return innovation + PERSISTENCE * before


def _trend(source: SyntheticSource, name: str, length: int, seed: int) -> Floats:
    """What the spell of each session adds to its log return: rising spells and falling ones by turns."""
    uniform = _stream(seed, name, "trend").random(length)
    turns = uniform < 1 / source.trend_sessions
    turns[:1] = uniform[:1] < 0.5
    rising = np.where(np.cumsum(turns) % 2 == 0, 1.0, -1.0)
    return np.asarray(source.trend / periods_per_year(source.calendar) * rising)


def _bars(
    source: SyntheticSource, name: str, rank: int, market: _Market, days: pl.Series, seed: int
) -> tuple[pl.DataFrame, pl.Series]:
    """Bars of all sessions, and whether each is there."""
    length = days.len()
    traits = _stream(seed, name, "traits").standard_normal(4)
    loading = LEADER_LOADING if rank == 0 else float(np.exp(0.25 * traits[0]))
    size = LEADER_OWN if rank == 0 else float(np.exp(0.2 * traits[1]))
    own_calm = size * source.volatility * np.sqrt((1 - source.correlation) / periods_per_year(source.calendar))
    relative = OWN_VOLATILITY[market.regime] * _clustered(seed, name, length)
    own = own_calm * relative
    noise = own * _shocks(seed, name, length) - own**2 / 2
    returns = loading * market.factor + noise + _trend(source, name, length, seed)

    deviation = np.hypot(own, loading * market.calm * FACTOR_VOLATILITY[market.regime])
    paths = _stream(seed, name, "path")
    gap_noise, up, down, trade = paths.standard_normal((length, 4)).T
    share = 0.0 if source.calendar == ALWAYS else OVERNIGHT
    overnight = share * returns + np.sqrt(share * (1 - share)) * deviation * gap_noise
    intraday, variance = returns - overnight, (1 - share) * deviation**2

    first = np.log(100.0) + 0.8 * traits[2]
    close = first + np.cumsum(returns)
    start = close - intraday
    high = start + (intraday + np.sqrt(intraday**2 - 2 * variance * _log_uniform(up))) / 2
    low = start + (intraday - np.sqrt(intraday**2 - 2 * variance * _log_uniform(down))) / 2
    activity = 0.4 * np.log(relative) + 0.3 * np.abs(returns) / deviation + 0.3 * trade
    volume = np.exp(17.0 + traits[3] + activity - close)  # about 25 to 100 million of quote currency a session

    ratio = _share_ratio(source, name, length, seed)
    is_there = _stream(seed, name, "missing").random(length) >= source.missing_rate
    if rank > 0:
        is_there &= _listed(source, name, length, seed)
    prices = {"open": start, "high": high, "low": low, "close": close}
    volume = volume * ratio
    bars = pl.DataFrame(
        {
            "symbol": pl.Series([name]).new_from_index(0, length),
            "session": days,
            **{key: _printed(np.exp(value) / ratio, source.asset_class) for key, value in prices.items()},
            "volume": np.maximum(volume.round() if source.asset_class == "equity" else volume.round(3), 0.0),
            "adj_close": pl.Series(np.exp(close))
            if source.splits
            else pl.repeat(None, length, dtype=pl.Float64, eager=True),
        }
    )
    return bars, pl.Series(is_there)


def _share_ratio(source: SyntheticSource, name: str, length: int, seed: int) -> Floats:
    """Shares that one of the first session has become."""
    if not source.splits:
        return np.ones(length)
    event, kind = _stream(seed, name, "splits").random((length, 2)).T
    ratio = np.select([kind < 0.7, kind < 0.85], [2.0, 3.0], 1.5)
    happens = event < source.splits / periods_per_year(source.calendar)
    happens[:1] = False  # nobody held it before
    return np.asarray(np.cumprod(np.where(happens, ratio, 1.0)), dtype=np.float64)


def _listed(source: SyntheticSource, name: str, length: int, seed: int) -> NDArray[np.bool_]:
    """From the listing to the delisting; whether and when does not depend on how many sessions are asked for."""
    is_late, when, ends = _stream(seed, name, "life").random(3)
    first = int(when * LISTING_SESSIONS) if is_late < source.listings else 0
    daily = source.delistings / periods_per_year(source.calendar)
    last = first + np.log(ends) / np.log1p(-daily) if daily > 0 else np.inf
    place = np.arange(length)
    return np.asarray((place >= first) & (place <= last))


def _log_uniform(normal: Floats) -> Floats:
    """Log of a uniform number, from a normal one."""
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(normal))


def _printed(price: Floats, asset_class: str) -> Floats:
    if asset_class == "crypto":
        return np.maximum(price.round(8), 1e-8)
    return np.maximum(np.where(price < 1, price.round(4), price.round(2)), 1e-4)
