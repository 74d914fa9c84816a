"""Build the page of all strategies."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from trading_assets.reports.html_table import grid, percent
from trading_assets.reports.strategy_page.page import environment, style


def index_page(
    name: str,
    subtitle: str,
    verdicts: pl.DataFrame,
    remarks: Sequence[tuple[str, str, Sequence[str]]],
    quality: pl.DataFrame,
    expected: pl.DataFrame,
    data_docs: str | None,
    models: str | None = None,
    accounts: str | None = None,
) -> str:
    """Return the page of all strategies.

    Parameters
    ----------
    verdicts
        One row a strategy, as `verdict_summary` makes it; the strategy links to its page.
    remarks
        Strategy, its verdict in words, what has to be read beside its numbers.
    quality
        Rows quarantined and flagged, by reason.
    expected
        What is expected of each table, the number of rows that break it, and the first of them.
    data_docs
        Where the Data Docs are, from the page's folder; None: nowhere.
    models, accounts
        Where the page of models is, and that of running accounts; None: there are none.
    """
    formats = {"annual_return": percent, "max_drawdown": percent}
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            style=style(),
            name=name,
            subtitle=subtitle,
            verdicts=grid(verdicts, formats=formats, links={"strategy": lambda strategy: f"{strategy}.html"}),
            remarks=remarks,
            quality=grid(quality),
            expected=grid(expected) if not expected.is_empty() else None,
            data_docs=data_docs,
            models=models,
            accounts=accounts,
        )
    )
