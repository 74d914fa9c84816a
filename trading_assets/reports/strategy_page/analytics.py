"""The section of where the return came from: parts, symbols, factors, decay of the score, capacity, overlap."""

from __future__ import annotations

import polars as pl

from trading_assets import charts
from trading_assets.reports.html_table import HtmlTable, grid, number, percent
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.section import Section

#: Symbols that are drawn: those that earned most and those that lost most.
_SHOWN = 20
_IN_WORDS = {
    "holding": "held",
    "entry_timing": "entry to close",
    "exit_timing": "close to exit",
}


def analytics_sections(content: StrategyContent) -> list[Section]:
    """Return the section, none before the stage has run."""
    if content.contributions.is_empty():
        return []
    pictures = [
        charts.bars(_by(content, "part"), "name", "amount", "Made of", "quote currency"),
        charts.bars(_by(content, "symbol"), "name", "amount", "By symbol", "quote currency"),
    ]
    decay = _decay(content.signal_quality)
    if decay.height:
        pictures.append(charts.bars(decay, "after", "correlation", "What the score told", "rank correlation"))
    total = content.contributions.filter(dimension="part")["amount"].sum()
    return [
        Section(
            anchor="analytics",
            title="Where the return came from",
            stage="analytics",
            text=f"The parts are the whole change of {total:,.2f} in the account, interest on cash among them, with "
            "nothing left over. Factors are long a third of the symbols and short another, by what was known the day "
            "before; what none of them explains is alpha. A score that tells something has a rank correlation above "
            "zero with the returns that follow it. With more money the same fills are dearer, by the cost model.",
            charts=pictures,
            side_by_side=True,
            tables=[each for each in (_factors(content), _capacity(content), _overlap(content)) if each.rows],
            folded_title="By trigger, exit reason, sector, side and year",
            folded_tables=[_contributions(content)],
            files=[],
        )
    ]


def _by(content: StrategyContent, dimension: str) -> pl.DataFrame:
    """Amounts of one dimension, the largest first; of many those at both ends."""
    rows = content.contributions.filter(dimension=dimension).sort("amount", "name", descending=[True, False])
    if rows.height > _SHOWN:
        rows = pl.concat([rows.head(_SHOWN // 2), rows.tail(_SHOWN // 2)])
    name = pl.col("name").replace(_IN_WORDS).replace("none", "cash")
    return rows.select(name, "amount")


def _decay(quality: pl.DataFrame) -> pl.DataFrame:
    rows = quality.filter(subject="score", name="all", statistic="ic").sort("horizon")
    after = pl.when(pl.col("horizon") == 1).then(pl.lit("1 session")).otherwise(pl.format("{} sessions", "horizon"))
    return rows.drop_nulls("value").select(after=after, correlation="value")


def _factors(content: StrategyContent) -> HtmlTable:
    rows = content.factor_exposures.sort("model", pl.col("factor") != "alpha", "factor").select(
        factors=pl.col("model").replace({"catalogue": "own", "file": "of your file"}),
        factor=pl.col("factor").str.replace_all("_", " "),
        earned="earned",
        loading=pl.when(pl.col("factor") != "alpha").then("estimate"),
        t="t",
        explained="r_squared",
    )
    formats = {"earned": percent, "loading": "{:.3f}".format, "t": number, "explained": percent}
    return grid(rows, formats=formats, caption="What factors earned, of the sum of daily returns beyond cash")


def _capacity(content: StrategyContent) -> HtmlTable:
    rows = content.capacity.sort("assets").select("assets", "sharpe", "slippage_bps", "largest_share")
    heads = {"slippage_bps": "slippage, bp", "largest_share": "largest fill of a day's volume"}
    return grid(rows, formats={"largest_share": percent}, heads=heads, caption="An estimate with more money")


def _overlap(content: StrategyContent) -> HtmlTable:
    measures = ("correlation", "correlation_in_drawdowns", "common_holdings")
    rows = content.overlap.filter(pl.col("measure").is_in(measures)).sort("other", "measure")
    if rows.is_empty():
        return HtmlTable()
    wide = rows.pivot("measure", index="other", values="value", maintain_order=True)
    heads = {"other": "with", "correlation_in_drawdowns": "in drawdowns", "common_holdings": "common holdings"}
    shown = wide.select("other", *(name for name in measures if name in wide.columns))
    return grid(shown, formats={"common_holdings": percent}, heads=heads, caption="How much others are the same")


def _contributions(content: StrategyContent) -> HtmlTable:
    rows = content.contributions.filter(~pl.col("dimension").is_in(["part", "symbol"]))
    return grid(
        rows.sort("dimension", "name").select("dimension", pl.col("name").str.replace_all("_", " "), "amount"),
        heads={"dimension": "by", "name": "of"},
    )
