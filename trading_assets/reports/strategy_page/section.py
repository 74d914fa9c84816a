"""A section of a strategy's page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trading_assets.reports.html_table import HtmlTable

#: Name of the page of all models, beside the pages of strategies.
MODELS_PAGE = "models.html"
#: Name of the page of running accounts.
TRADING_PAGE = "trading.html"


@dataclass(frozen=True)
class Section:
    """A section of the page; `stage` is where its tables come from."""

    anchor: str
    title: str
    stage: str
    text: str = ""
    notes: list[str] = field(default_factory=list)
    charts: list[Any] = field(default_factory=list)
    side_by_side: bool = False
    tables: list[HtmlTable] = field(default_factory=list)
    folded_title: str = ""
    folded_charts: list[Any] = field(default_factory=list)
    folded_tables: list[HtmlTable] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
