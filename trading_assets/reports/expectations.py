"""What people expect of the tables, in words, each with the query that lists what breaks it.

Contracts of columns and types are enforced at every write (`warehouse.table`); these are about what the rows say
together. None of them stops a run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

_EXAMPLES = 10


class Expectation(NamedTuple):
    """One expectation of a table.

    Attributes
    ----------
    table
        The table it is about.
    name
        Unique, in snake case.
    text
        What is expected, as a sentence.
    failing
        A SELECT of the rows that break it.
    reads
        The tables that the SELECT reads.
    """

    table: str
    name: str
    text: str
    failing: str
    reads: tuple[str, ...]


def _of(table: str, name: str, text: str, failing: str, *others: str) -> Expectation:
    return Expectation(table, name, text, failing, (table, *others))


_RAW, _BARS, _QUARANTINE = "market_data.raw_bars", "market_data.bars", "market_data.quarantine"
_SESSIONS, _INSTRUMENTS, _UNIVERSE = "market_data.sessions", "market_data.instruments", "market_data.universe"
_DAILY, _TRADES, _FILLS, _EQUITY = "features.daily", "backtests.trades", "backtests.fills", "backtests.equity"

EXPECTATIONS: Sequence[Expectation] = (
    _of(
        _RAW,
        "deliveries_hardly_repeat_themselves",
        "A session of a symbol is delivered once.",
        f"""SELECT symbol, session, max(occurrence) AS times FROM {_RAW}
        GROUP BY ALL HAVING max(occurrence) > 1 ORDER BY ALL""",
    ),
    _of(
        _QUARANTINE,
        "few_bars_of_a_symbol_are_quarantined",
        "At most one bar in twenty of a symbol is unusable (bars after the as-of date are not counted).",
        f"""WITH bad AS (
            SELECT symbol, count(*) AS quarantined FROM {_QUARANTINE}
            WHERE NOT list_contains(reasons, 'future_bar') GROUP BY symbol
        ), good AS (SELECT symbol, count(*) AS used FROM {_BARS} GROUP BY symbol)
        SELECT symbol, quarantined, coalesce(used, 0) AS used FROM bad LEFT JOIN good USING (symbol)
        WHERE quarantined > 0.05 * (quarantined + coalesce(used, 0)) ORDER BY symbol""",
        _BARS,
    ),
    _of(
        _BARS,
        "closes_are_within_the_range",
        "Open and close lie between low and high.",
        f"SELECT symbol, session, open, high, low, close FROM {_BARS} "
        "WHERE greatest(open, close) > high OR least(open, close) < low ORDER BY ALL",
    ),
    _of(
        _BARS,
        "far_moves_are_flagged_or_explained",
        "No adjusted close doubles or halves in a session without a flag.",
        f"""SELECT symbol, session, move FROM (
            SELECT symbol, session, flags, adj_close / lag(adj_close) OVER own AS move
            FROM {_BARS} WINDOW own AS (PARTITION BY symbol ORDER BY session)
        ) WHERE (move > 2 OR move < 0.5) AND len(flags) = 0 ORDER BY ALL""",
    ),
    _of(
        _BARS,
        "symbols_trade",
        "A tradable symbol has volume in nineteen of twenty bars.",
        f"""SELECT b.symbol, count_if(b.volume = 0) AS without, count(*) AS bars FROM {_BARS} AS b
        WHERE b.asset_class <> 'index' GROUP BY b.symbol
        HAVING count_if(b.volume = 0) > 0.05 * count(*) ORDER BY ALL""",
    ),
    _of(
        _BARS,
        "prices_move",
        "No symbol has the same close in more than one of ten bars as in the bar before, an index aside.",
        f"""SELECT symbol, count_if(same) AS unchanged, count(*) AS bars FROM (
            SELECT symbol, close = lag(close) OVER (PARTITION BY symbol ORDER BY session) AS same
            FROM {_BARS} WHERE asset_class <> 'index'
        ) GROUP BY symbol HAVING count_if(same) > 0.1 * count(*) ORDER BY ALL""",
    ),
    _of(
        _BARS,
        "daily_moves_are_of_a_plausible_size",
        "The median daily move of a symbol is between a hundredth of a percent and fifteen percent, from 20 moves on.",
        f"""SELECT symbol, median(abs(move)) AS median_move FROM (
            SELECT symbol, adj_close / lag(adj_close) OVER (PARTITION BY symbol ORDER BY session) - 1 AS move
            FROM {_BARS}
        ) GROUP BY symbol HAVING count(move) >= 20 AND median(abs(move)) NOT BETWEEN 0.0001 AND 0.15
        ORDER BY symbol""",
    ),
    _of(
        _BARS,
        "symbols_have_most_of_their_sessions",
        "A symbol has a usable bar in nineteen of twenty sessions of its calendar from its first bar to its last.",
        f"""WITH expected AS (
            SELECT i.symbol, count(*) AS sessions FROM {_INSTRUMENTS} AS i JOIN {_SESSIONS} AS s
            ON s.calendar = i.calendar AND s.session BETWEEN i.first_session AND i.last_session GROUP BY i.symbol
        ), there AS (SELECT symbol, count(*) AS bars FROM {_BARS} GROUP BY symbol)
        SELECT symbol, bars, sessions FROM expected JOIN there USING (symbol)
        WHERE bars < 0.95 * sessions ORDER BY symbol""",
        _INSTRUMENTS,
        _SESSIONS,
    ),
    _of(
        _INSTRUMENTS,
        "symbols_have_usable_bars",
        "Every symbol of the universe has at least one usable bar.",
        f"SELECT symbol, source FROM {_INSTRUMENTS} WHERE in_universe AND first_session IS NULL ORDER BY ALL",
    ),
    _of(
        _INSTRUMENTS,
        "symbols_live_until_the_end_or_are_delisted",
        "A symbol without a bar in its calendar's last 21 sessions is delisted on record.",
        f"""SELECT i.symbol, i.last_session FROM {_INSTRUMENTS} AS i
        JOIN (SELECT calendar, session, row_number() OVER (PARTITION BY calendar ORDER BY session DESC) AS back
              FROM {_SESSIONS}) AS s ON s.calendar = i.calendar AND s.back = 21
        WHERE i.delisted IS NULL AND i.last_session < s.session ORDER BY ALL""",
        _SESSIONS,
    ),
    _of(
        _SESSIONS,
        "every_session_has_bars",
        "Each expected session has the bar of at least one symbol of its calendar.",
        f"""SELECT s.calendar, s.session FROM {_SESSIONS} AS s
        JOIN (SELECT calendar, min(first_session) AS first, max(last_session) AS last
              FROM {_INSTRUMENTS} GROUP BY calendar) AS i
            ON i.calendar = s.calendar AND s.session BETWEEN i.first AND i.last
        ANTI JOIN (SELECT i.calendar, b.session FROM {_BARS} AS b JOIN {_INSTRUMENTS} AS i USING (symbol)) AS b
            ON b.calendar = s.calendar AND b.session = s.session ORDER BY ALL""",
        _INSTRUMENTS,
        _BARS,
    ),
    _of(
        _UNIVERSE,
        "spells_have_bars",
        "Every spell of a symbol in the universe that its data reach has at least one bar.",
        f"""WITH spans AS (SELECT symbol, min(session) AS first, max(session) AS last FROM {_BARS} GROUP BY symbol)
        SELECT u.symbol, u.start, u."end" FROM {_UNIVERSE} AS u JOIN spans AS s USING (symbol)
        WHERE u.start <= s.last AND (u."end" IS NULL OR u."end" >= s.first) AND NOT EXISTS (
            SELECT 1 FROM {_BARS} AS b WHERE b.symbol = u.symbol AND b.session >= u.start
            AND (u."end" IS NULL OR b.session <= u."end")) ORDER BY ALL""",
        _BARS,
    ),
    _of(
        _DAILY,
        "every_bar_has_features",
        "Each usable bar of a tradable symbol has a row of features, unless its move was extreme: it makes no signals.",
        f"""SELECT b.symbol, b.session FROM {_BARS} AS b ANTI JOIN {_DAILY} AS d USING (symbol, session)
        WHERE b.asset_class <> 'index' AND NOT list_contains(b.flags, 'extreme_move') ORDER BY ALL""",
        _BARS,
    ),
    _of(
        _TRADES,
        "trades_end_after_they_begin",
        "No trade ends before it begins.",
        f"""SELECT strategy, trade_id, entry_session, exit_session FROM {_TRADES}
        WHERE exit_session < entry_session ORDER BY ALL""",
    ),
    _of(
        _FILLS,
        "fills_are_at_prices_of_their_session",
        "A fill is within one percent of the range of its session's bar, slippage included, unless it is forced.",
        f"""SELECT f.strategy, f.symbol, f.session, f.price, b.low, b.high FROM {_FILLS} AS f
        JOIN {_BARS} AS b USING (symbol, session)
        WHERE f.price > 1.01 * b.high OR f.price < 0.99 * b.low ORDER BY ALL""",
        _BARS,
    ),
    _of(
        _EQUITY,
        "cash_is_never_negative",
        "No strategy owes cash: there is no leverage.",
        f"SELECT strategy, split, session, cash FROM {_EQUITY} WHERE cash < -1e-6 ORDER BY ALL",
    ),
    _of(
        _EQUITY,
        "equity_is_never_negative",
        "No strategy is worth less than nothing.",
        f"SELECT strategy, split, session, equity FROM {_EQUITY} WHERE equity < 0 ORDER BY ALL",
    ),
    _of(
        _EQUITY,
        "equity_moves_like_a_portfolio",
        "No portfolio without leverage gains or loses more than a quarter in a session.",
        f"SELECT strategy, split, session, daily_return FROM {_EQUITY} WHERE abs(daily_return) > 0.25 ORDER BY ALL",
    ),
)


def evaluate(query: Callable[[str, Sequence[str]], pl.DataFrame], exists: Callable[[str], bool]) -> pl.DataFrame:
    """Check which expectations hold.

    Parameters
    ----------
    query
        (SELECT, names of the tables it reads) -> rows.
    exists
        Whether a table has been written; an expectation of one that has not is left out.

    Returns
    -------
    DataFrame
        table, expectation, text, failing (number of rows), passed, examples (JSON, the first ten), in the order of
        `EXPECTATIONS`.
    """
    rows = []
    for place, expectation in enumerate(EXPECTATIONS):
        if not all(exists(name) for name in expectation.reads):
            continue
        failing = query(expectation.failing, expectation.reads)
        examples = json.loads(failing.head(_EXAMPLES).write_json())
        rows.append(
            {
                "place": place,
                "table": expectation.table,
                "expectation": expectation.name,
                "text": expectation.text,
                "failing": failing.height,
                "passed": failing.is_empty(),
                "examples": json.dumps(examples),
            }
        )
    schema = {"place": pl.Int64, "table": pl.String, "expectation": pl.String, "text": pl.String}
    return pl.DataFrame(rows, schema={**schema, "failing": pl.Int64, "passed": pl.Boolean, "examples": pl.String})
