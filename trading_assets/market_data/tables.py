"""Tables of the market_data stage."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

ASSET_CLASSES = ("equity", "crypto", "index")

_SYMBOL = Column(pl.String, "Symbol as the source names it")
_SESSION = Column(pl.Date, "Session of the instrument's calendar (crypto: the UTC day)")
_ASSET_CLASS = Column(pl.String, "equity, crypto, or index (a benchmark, never traded)", one_of=ASSET_CLASSES)
_SOURCE = Column(pl.String, "Source that delivered the bar: sample, files, synthetic, ...")
_CALENDAR = Column(pl.String, "Calendar of the instrument: an exchange_calendars name, or 24/7")
_RAW = {
    "symbol": _SYMBOL,
    "session": _SESSION,
    "occurrence": Column(
        pl.Int64, "1 for the first row of this symbol and session, 2 for its first duplicate, ...", at_least=1
    ),
    "asset_class": _ASSET_CLASS,
    "open": Column(pl.Float64, "As received, quote currency; null where there was no finite number", nullable=True),
    "high": Column(pl.Float64, "As received, quote currency", nullable=True),
    "low": Column(pl.Float64, "As received, quote currency", nullable=True),
    "close": Column(pl.Float64, "As received, quote currency", nullable=True),
    "volume": Column(pl.Float64, "As received, units traded in the session", nullable=True),
    "adj_close": Column(pl.Float64, "The source's split- and dividend-adjusted close, if it has one", nullable=True),
    "market_cap": Column(pl.Float64, "As received, quote currency, if the source has it", nullable=True),
    "cash_dividend": Column(pl.Float64, "As the row states it, per share; 0 or null: none", nullable=True),
    "split_ratio": Column(
        pl.Float64, "As the row states it, new shares for an old one; 0, 1 or null: none", nullable=True
    ),
    "coverage": Column(
        pl.Float64, "Share of the session's intraday bars that were there; null for a daily bar", nullable=True
    ),
    "source": _SOURCE,
    "source_file": Column(pl.String, "File the row came from, null for a source without files", nullable=True),
    "source_line": Column(pl.Int64, "Line of that file, counted from 1", nullable=True),
    "calendar": _CALENDAR,
    "ingested_at": Column(pl.Datetime("us"), "When this value was first received, UTC"),
}

RAW_BARS = Table(
    name="market_data.raw_bars",
    description="A bar as received",
    key=("symbol", "session", "occurrence"),
    columns=_RAW,
    by_month="session",
)

REJECTED_ROWS = Table(
    name="market_data.rejected_rows",
    description="A received row that is no bar, and why",
    key=("source", "source_file", "source_line", "reason", "text"),
    columns={
        "source": _SOURCE,
        "source_file": Column(pl.String, "File the row came from; empty for a source without files"),
        "source_line": Column(pl.Int64, "Line of that file, counted from 1; 0 for a source without lines"),
        "session": Column(pl.Date, "Session of the row; null where its date cannot be read", nullable=True),
        "reason": Column(pl.String, "Why it is no bar: no_date, no_prices_beside_a_bar, no_instrument, ..."),
        "text": Column(pl.String, "The row as received, its first 200 characters"),
    },
)

SOURCES_DOWN = Table(
    name="market_data.sources_down",
    description="A source that was down when a month was last read: scheduled runs read it again",
    key=("session", "source"),
    columns={
        "session": Column(pl.Date, "First day of the month"),
        "source": Column(pl.String, "Source that was down, whether or not another one stood in for it"),
    },
)

REVISIONS = Table(
    name="market_data.revisions",
    description="A value that a later delivery changed or took away (append only)",
    key=("symbol", "session", "occurrence", "column", "received_at"),
    columns={
        "symbol": _SYMBOL,
        "session": _SESSION,
        "occurrence": Column(pl.Int64, "Which of the changed rows of this symbol and session", at_least=1),
        "column": Column(pl.String, "Column of raw_bars that changed"),
        "old": Column(pl.Float64, "Value until then", nullable=True),
        "new": Column(pl.Float64, "Value from then on; null if the row was not delivered again", nullable=True),
        "received_at": Column(pl.Datetime("us"), "When the changed delivery arrived, UTC"),
        "old_received_at": Column(
            pl.Datetime("us"), "When the old value had arrived, UTC; null in revisions of version 0.1", nullable=True
        ),
    },
)

BARS = Table(
    name="market_data.bars",
    description="A usable bar: raw prices as traded, and adjusted prices to look at",
    key=("symbol", "session"),
    columns={
        "symbol": _SYMBOL,
        "asset_class": _ASSET_CLASS,
        "session": _SESSION,
        "open": Column(pl.Float64, "Raw, as traded, quote currency", above=0),
        "high": Column(pl.Float64, "Raw, as traded, quote currency", above=0),
        "low": Column(pl.Float64, "Raw, as traded, quote currency", above=0),
        "close": Column(pl.Float64, "Raw, as traded, quote currency", above=0),
        "volume": Column(pl.Float64, "Units traded; 0 (flag zero_volume) where the source has none", at_least=0),
        "split_ratio": Column(
            pl.Float64, "New shares per old share going ex at this open (2-for-1: 2.0), else 1", above=0
        ),
        "cash_dividend": Column(pl.Float64, "Quote currency per share held the evening before, else 0", at_least=0),
        "forward_factor": Column(
            pl.Float64, "F: 1 at the first bar, moved by each action up to this session only", above=0
        ),
        "adj_open": Column(pl.Float64, "open x F", above=0),
        "adj_high": Column(pl.Float64, "high x F", above=0),
        "adj_low": Column(pl.Float64, "low x F", above=0),
        "adj_close": Column(pl.Float64, "close x F", above=0),
        "dollar_volume": Column(pl.Float64, "Raw close x volume, quote currency", at_least=0),
        "market_cap": Column(pl.Float64, "Market capitalisation, quote currency, if the source has it", nullable=True),
        "flags": Column(pl.List(pl.String), "What a reader should know of the bar; see quality.RULES"),
        "source": _SOURCE,
    },
    by_month="session",
)

QUARANTINE = Table(
    name="market_data.quarantine",
    description="A bar that is kept but never used, and why",
    key=("symbol", "session", "occurrence"),
    columns={**_RAW, "reasons": Column(pl.List(pl.String), "Every rule that the bar broke; see quality.RULES")},
)

CORPORATE_ACTIONS = Table(
    name="market_data.corporate_actions",
    description="A split or dividend, as recorded, as inferred from the adjusted close, and as used",
    key=("symbol", "session"),
    columns={
        "symbol": _SYMBOL,
        "session": Column(pl.Date, "Ex-session: known at its open"),
        "split_ratio": Column(pl.Float64, "Used: new shares per old share, else 1", above=0),
        "cash_dividend": Column(pl.Float64, "Used: quote currency per old share, else 0", at_least=0),
        "recorded_split": Column(
            pl.Float64,
            "Of the files of `actions`, or stated by the bars' own files; null: nothing is on record",
            nullable=True,
        ),
        "recorded_dividend": Column(pl.Float64, "Likewise; null if nothing is on record", nullable=True),
        "inferred_split": Column(pl.Float64, "From the adjusted close; null if the source has none", nullable=True),
        "inferred_dividend": Column(pl.Float64, "From the adjusted close; null if there is none", nullable=True),
        "agrees": Column(
            pl.Boolean,
            "Both come to the same change of price within rounding; null if there is only one",
            nullable=True,
        ),
    },
)

SESSIONS = Table(
    name="market_data.sessions",
    description="An expected session of a calendar, from the first bar to the as-of date",
    key=("calendar", "session"),
    columns={"calendar": _CALENDAR, "session": _SESSION},
)

SETTLED_MONTHS = Table(
    name="market_data.settled_months",
    description="A month whose bars, like all before it, are what a run over everything would make of them",
    key=("session",),
    columns={
        "session": Column(pl.Date, "The month's last day"),
        "fingerprint": Column(pl.String, "Of all that bars up to then depend on beside the received ones"),
        "raw_commit": Column(pl.Int64, "The last commit that changed received bars up to then"),
    },
)

INSTRUMENTS = Table(
    name="market_data.instruments",
    description="A symbol of the universe or a benchmark",
    key=("symbol",),
    columns={
        "symbol": _SYMBOL,
        "asset_class": _ASSET_CLASS,
        "calendar": _CALENDAR,
        "source": _SOURCE,
        "first_session": Column(pl.Date, "Session of the first usable bar; null if none is usable", nullable=True),
        "last_session": Column(pl.Date, "Session of the last usable bar; null if none is usable", nullable=True),
        "delisted": Column(
            pl.Date, "Recorded delisting date, if there is one; nothing before that day may use it", nullable=True
        ),
        "delisting_value": Column(pl.Float64, "What holders were left with; null if not on record", nullable=True),
        "delisting_unit": Column(
            pl.String,
            "per_share: quote currency; return: a fraction, from the last close",
            nullable=True,
            one_of=("per_share", "return"),
        ),
        "delisting_reason": Column(pl.String, "Why it was delisted; null if not on record", nullable=True),
        "exchange": Column(pl.String, "Where it was listed last; null if not on record", nullable=True),
        "synthetic": Column(pl.Boolean, "The prices are generated, not observed"),
        "tickers": Column(pl.List(pl.String), "Its names over time; its symbol where none are known", nullable=True),
        "in_universe": Column(pl.Boolean, "Has at least one spell in the universe; false for a mere benchmark"),
        "sector": Column(pl.String, "As the configuration says; null: none is known", nullable=True),
    },
)

DELISTINGS = Table(
    name="market_data.delistings",
    description="An ending on record; what has no row and no bars any more is frozen at its last close",
    key=("symbol",),
    columns={
        "symbol": _SYMBOL,
        "session": Column(pl.Date, "Day of the delisting: booked at its close, and known from then on"),
        "value": Column(pl.Float64, "What holders were left with; null: the last close", nullable=True),
        "unit": Column(
            pl.String,
            "per_share: quote currency; return: a fraction, from the last close",
            nullable=True,
            one_of=("per_share", "return"),
        ),
        "reason": Column(pl.String, "Why; null if not on record", nullable=True),
        "exchange": Column(pl.String, "Where it was listed last; null if not on record", nullable=True),
    },
)

BORROW_RATES = Table(
    name="market_data.borrow_rates",
    description="What a short position of a symbol pays from a session on; the others pay `costs.borrow_bps`",
    key=("symbol", "row"),
    columns={
        "symbol": _SYMBOL,
        "row": Column(pl.Int64, "Number of the symbol's row, from 0, in order of the sessions", at_least=0),
        "session": Column(pl.Date, "In force from its close on; null: from the first close on", nullable=True),
        "borrow_bps": Column(pl.Float64, "Of the position's value, a year; null: as before", nullable=True, at_least=0),
        "borrowable": Column(pl.Boolean, "false: no short position may grow"),
    },
)

RISK_FREE = Table(
    name="market_data.risk_free",
    description="What cash earns, from the day after it is published on; a constant has one row",
    key=("session",),
    columns={
        "session": Column(pl.Date, "Day of which the rate is"),
        "rate": Column(pl.Float64, "Simple interest a year of 360 days on what is invested, a fraction"),
    },
)

_PROVIDER = Column(pl.String, "Provider: a key of the section alternative_data")
_ABOUT = Column(pl.String, "Symbol that the value is of; empty: of the whole market")
_OBSERVED = Column(pl.Datetime("us"), "Day or time that the value is of, as written")
_PUBLISHED = Column(pl.Datetime("us"), "When it was public, UTC; of a mere day its end")

PUBLICATIONS = Table(
    name="market_data.publications",
    description="A value as it was published; of a revised one each publication",
    key=("provider", "name", "symbol", "observed", "published_at"),
    columns={
        "provider": _PROVIDER,
        "name": Column(pl.String, "Name of the value"),
        "symbol": _ABOUT,
        "observed": _OBSERVED,
        "published_at": _PUBLISHED,
        "session": Column(
            pl.Date, "No earlier session may know it: the UTC day of its publication; after a mere day the day after"
        ),
        "value": Column(pl.Float64, "As published"),
        "source_file": Column(pl.String, "File the row came from"),
        "source_line": Column(pl.Int64, "Line of that file, counted from 1"),
    },
)

REJECTED_PUBLICATIONS = Table(
    name="market_data.rejected_publications",
    description="A row of alternative data that is no publication, and why",
    key=("provider", "source_file", "source_line", "reason", "text"),
    columns={
        "provider": _PROVIDER,
        "source_file": Column(pl.String, "File the row came from"),
        "source_line": Column(pl.Int64, "Line of that file, counted from 1"),
        "reason": Column(pl.String, "Why it is none: no_publication_time, no_number, duplicate, ..."),
        "text": Column(pl.String, "The row as received, its first 200 characters"),
    },
)

REWRITTEN_PUBLICATIONS = Table(
    name="market_data.rewritten_publications",
    description="A publication that a later delivery changed, added to the past or took away (append only)",
    key=("provider", "name", "symbol", "observed", "published_at", "received_at"),
    columns={
        "provider": _PROVIDER,
        "name": Column(pl.String, "Name of the value"),
        "symbol": _ABOUT,
        "observed": _OBSERVED,
        "published_at": _PUBLISHED,
        "old": Column(pl.Float64, "Value until then; null if there was none", nullable=True),
        "new": Column(pl.Float64, "Value from then on; null if it was not delivered again", nullable=True),
        "received_at": Column(pl.Datetime("us"), "When the delivery that says so was read, UTC"),
    },
)

UNIVERSE = Table(
    name="market_data.universe",
    description="A spell of a symbol in the universe; outside its spells a symbol is not entered",
    key=("symbol", "start"),
    columns={
        "symbol": _SYMBOL,
        "asset_class": Column(pl.String, "equity or crypto", one_of=ASSET_CLASSES[:2]),
        "start": Column(pl.Date, "First session of the spell"),
        "end": Column(pl.Date, "Last session of the spell; null while it lasts", nullable=True),
    },
)
