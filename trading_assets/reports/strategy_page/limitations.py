"""The section that argues against the result: luck, choice, and how little the data can tell."""

from __future__ import annotations

from trading_assets import charts
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.reports.html_table import Cell, Format, Head, HtmlTable, number, percent
from trading_assets.reports.strategy_page.breakdown import breakdown_tables, in_words, spans
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.section import Section

#: Statistics of the choice among the trials: what they say, and how they are written.
CHOICE: dict[str, tuple[str, Format]] = {
    "trials": ("parameter sets that were ever tried", number),
    "distinct_trials": ("different ones: sets with the same returns count once", number),
    "types": ("different types of strategies that were tried on these symbols and sessions", number),
    "effective_trials": ("different ideas among the sets, by the clusters of their returns", number),
    "sharpe": ("Sharpe of the parameters in use", number),
    "expected_maximum_sharpe": ("Sharpe that the best of so many would show without any skill", number),
    "psr": ("probability that the true Sharpe is above 0, if this were the only trial", percent),
    "dsr": ("the same, against the best of its trials without skill, for all types (deflated)", percent),
    "dsr_effective": ("the same, counting only different ideas", percent),
    "haircut_sharpe": ("Sharpe that would be as significant if it were the only trial", number),
    "min_track_record": ("sessions until the first of these probabilities is 95 %", number),
    "pbo": ("probability that the best parameters of one half are below the median in the other", percent),
    "pbo_loss": ("probability that they earn less than the benchmark at their exposure there", percent),
}
EVERY: dict[str, tuple[str, Format]] = {
    "spa_p": ("chance of so good a best trial on record if none beats cash (Hansen's SPA)", percent),
    "reality_check_p": ("the same by White's reality check, which bad strategies make milder", percent),
}
DRAWN: dict[tuple[str, str], tuple[str, Format]] = {
    ("bootstrap", "sharpe_5"): ("Sharpe of resampled daily returns, 5th percentile", number),
    ("bootstrap", "sharpe_50"): ("median", number),
    ("bootstrap", "sharpe_95"): ("95th percentile", number),
    ("bootstrap", "drawdown_95"): ("drawdown of resampled daily returns, 95th percentile", percent),
    ("bootstrap", "calmar_5"): ("Calmar of resampled daily returns, 5th percentile", number),
    ("trade_bootstrap", "expectancy_r_5"): ("expectancy of resampled trades in R, 5th percentile", number),
    ("trade_bootstrap", "expectancy_r_95"): ("95th percentile", number),
    ("permutation", "percentile"): ("random decisions that the Sharpe beats, of 100", number),
    ("permutation", "sharpe_50"): ("Sharpe of random decisions, median", number),
    ("permutation", "sharpe_95"): ("95th percentile", number),
}


def limitations_section(content: StrategyContent) -> Section:
    """Return how this could be wrong: the first section after the verdict."""
    shown, others = spans(content)[:1], spans(content)[1:]
    figures = []
    if not content.logits.is_empty():
        figures.append(
            charts.histogram(
                content.logits,
                "combinations",
                "Where the best of one half ranks in the other",
                "logit; below 0: worse half",
            )
        )
    return Section(
        anchor="limitations",
        title="How this could be wrong",
        stage="robustness",
        text="Many parameter sets were tried and one was kept: the first table says how good the best of them would "
        "look by luck. The second says how far chance alone moves the result, and whether it matters what was bought "
        "when. The others say when the result was made, and what is left of it without its best moments. "
        + in_words(content),
        charts=figures,
        tables=[
            *(table for table in (_choice(content), _drawn(content)) if table.rows),
            *(table for split in shown for table in breakdown_tables(content, split)),
        ],
        folded_title="When it was made, on the other span",
        folded_tables=[table for split in others for table in breakdown_tables(content, split)],
        files=[f"{content.name}_{table}.csv" for table in ("overfitting", "resampling", "breakdown")],
    )


def _choice(content: StrategyContent) -> HtmlTable:
    own = dict(content.overfitting.select("statistic", "value").iter_rows())
    every = dict(content.every_strategy.select("statistic", "value").iter_rows())
    rows = [
        [Cell(name.replace("_", " ")), Cell(words), _number(values[name], form)]
        for meaning, values in ((CHOICE, own), (EVERY, every))
        for name, (words, form) in meaning.items()
        if name in values
    ]
    return HtmlTable([Head("statistic"), Head("what it is"), Head(DEVELOPMENT, number=True)], rows, "The choice")


def _drawn(content: StrategyContent) -> HtmlTable:
    splits = content.resampling["split"].unique().sort().to_list()
    values = {
        (row["split"], row["method"], row["statistic"]): row["value"]
        for row in content.resampling.iter_rows(named=True)
    }
    rows = [
        [Cell(method.replace("_", " ")), Cell(words), *(_number(values.get((s, method, name)), form) for s in splits)]
        for (method, name), (words, form) in DRAWN.items()
        if splits
    ]
    return HtmlTable(
        [Head("method"), Head("what it is"), *(Head(split, number=True) for split in splits)], rows, "Chance"
    )


def _number(value: float | None, form: Format) -> Cell:
    return Cell("–", "unknown") if value is None else Cell(form(value), "number")
