"""What a person with five minutes reads: the verdict in a sentence, the reasons for it, and six numbers in doubt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.reports.html_table import Format, number, percent
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.words import criterion_format, criterion_words

#: Two-sided 90 % of a normal distribution.
NORMAL_90 = 1.6448536269514722
#: Kinds of criteria of which enough must pass, not each.
_ENOUGH = ("secondary", "stress")
#: What of a verdict's rows stands against each result.
_AGAINST = {
    "insufficient_evidence": ("evidence",),
    "reject": ("rejection",),
    "conditional": ("primary", *_ENOUGH, "cap"),
    "go": _ENOUGH,
}
_SENTENCE = {
    "insufficient_evidence": "There is too little to judge it by.",
    "reject": "It is rejected: {failed} of the {all} things that must hold {verb} not.",
    "conditional": "Nothing refutes it, but it is no go.",
    "go": "It is a go: all that must hold does, and so does enough of what else is asked.",
}


@dataclass(frozen=True)
class Fact:
    """A headline number: what it is, and how far it could be off."""

    label: str
    value: str
    doubt: str = ""


@dataclass(frozen=True)
class Summary:
    """A verdict in a sentence, and the reasons for it."""

    sentence: str
    reasons: list[str]


def headline_split(content: StrategyContent) -> str:
    """Return the split whose numbers come first: the holdout once it was looked at, else train and validation."""
    return "holdout" if "holdout" in content.metrics["split"] else DEVELOPMENT


def summary(result: str, explanation: str, verdicts: pl.DataFrame) -> Summary:
    """Return a verdict in a sentence with its reasons.

    Parameters
    ----------
    result, explanation
        Result, and what stands in its place where there is no verdict.
    verdicts
        Rows of `robustness.verdicts` of the strategy.
    """
    if result not in _SENTENCE:
        return Summary(explanation, [])
    judged = verdicts.filter(pl.col("kind").is_in(list(_AGAINST[result]))).sort("position")
    failed = judged.filter(passed=False)
    if result in ("insufficient_evidence", "conditional"):  # what was not evaluated keeps from both better ones
        unknown = judged if result == "insufficient_evidence" else verdicts.filter(pl.col("kind") != "result")
        failed = pl.concat([failed, unknown.filter(pl.col("passed").is_null())]).sort("position")
    verb = "does" if failed.height == 1 else "do"
    sentence = _SENTENCE[result].format(failed=failed.height, all=judged.height, verb=verb)
    return Summary(sentence, [_reason(row) for row in failed.iter_rows(named=True)])


def _reason(row: dict[str, object]) -> str:
    name, value, needed = str(row["criterion"]), row["value"], row["threshold"]
    if row["kind"] == "cap" or not isinstance(needed, float):
        return _sentence(str(row["note"] or criterion_words(name)))
    form = criterion_format(name)
    found = "not evaluated" if row["passed"] is None else form(value) if isinstance(value, float) else "undefined"
    which = f" (one of the {row['kind']} criteria: not each has to hold)" if row["kind"] in _ENOUGH else ""
    return _sentence(f"{criterion_words(name)}: {found}, needed is {row['side']} {form(needed)}{which}")


def _sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def facts(content: StrategyContent) -> list[Fact]:
    """Return six numbers of the headline split, each with what chance could have made of it."""
    split = headline_split(content)
    metrics = dict(content.metrics.filter(split=split).select("metric", "value").iter_rows())
    drawn = {
        (method, statistic): value
        for method, statistic, value in content.resampling.filter(split=split)
        .select("method", "statistic", "value")
        .iter_rows()
    }
    bets = content.verdicts.filter(criterion="bets", kind="evidence")["value"]
    independent = f"{number(bets[0])} independent bets" if split == "holdout" and bets.len() and bets[0] else ""

    def fact(label: str, metric: str, form: Format, doubt: str) -> Fact:
        value = metrics.get(metric)
        return Fact(label, "–" if value is None else form(value), doubt)

    def between(method: str, statistic: str, form: Format) -> str:
        low, high = (drawn.get((method, f"{statistic}_{edge}")) for edge in (5, 95))
        return "" if low is None or high is None else f"{form(low)} to {form(high)} in 90 % of resamples"

    def one_in_twenty(statistic: str, form: Format, words: str) -> str:
        value = drawn.get(("bootstrap", statistic))
        return "" if value is None else f"{words} {form(value)} in 1 resample of 20"

    return [
        fact("Sharpe ratio", "sharpe", number, between("bootstrap", "sharpe", number)),
        fact("return a year", "annual_return", percent, _error_of_return(metrics)),
        fact("deepest fall", "max_drawdown", percent, one_in_twenty("drawdown_95", percent, "more than")),
        fact("return over deepest fall", "calmar", number, one_in_twenty("calmar_5", number, "below")),
        fact("mean profit of a trade, R", "expectancy_r", number, between("trade_bootstrap", "expectancy_r", number)),
        fact("trades", "trades", number, independent),
    ]


def _error_of_return(metrics: dict[str, float | None]) -> str:
    """Standard error of a mean of independent days, at 90 %: 1.64 x volatility / sqrt(years)."""
    volatility, sessions, periods = (metrics.get(name) for name in ("volatility", "sessions", "periods_per_year"))
    if not volatility or not sessions or not periods:
        return ""
    return (
        f"give or take {percent(NORMAL_90 * volatility / math.sqrt(sessions / periods))} (90 %, were days independent)"
    )
