"""The HTML pages: content in, a document out, beside the file with Plotly. Nothing is loaded from a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import polars as pl

from trading_assets.analytics.tables import STAGE as ANALYTICS
from trading_assets.backtests.results.metrics import OF_BENCHMARK, PRICE_RETURN
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.reports.html_table import HtmlTable
from trading_assets.reports.notes import OUT_OF_DATE
from trading_assets.reports.strategy_page.criteria import criteria_table
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.drawing import Chart, Drawing, shared_script
from trading_assets.reports.strategy_page.first_screen import facts, headline_split, summary
from trading_assets.reports.strategy_page.section import Section
from trading_assets.reports.strategy_page.sections import sections
from trading_assets.strategies.evaluation.failure import cause_of_failure
from trading_assets.strategies.tables import REFUSED

if TYPE_CHECKING:
    from jinja2 import Environment

RESULT_TEXT = {
    "go": "go",
    "conditional": "conditional",
    "reject": "reject",
    "insufficient_evidence": "insufficient evidence",
    "failed": "failed",
    "none": "no verdict yet",
}


#: Split -> whose numbers those of the first screen are.
SPLIT_WORDS = {"holdout": "in the holdout", DEVELOPMENT: "in train and validation; the holdout is closed"}


@dataclass(frozen=True)
class RenderedSection:
    """A section with the places of its charts."""

    anchor: str
    title: str
    stage: str
    text: str
    notes: list[str]
    charts: list[Chart]
    side_by_side: bool
    tables: list[HtmlTable]
    folded: bool
    folded_title: str
    folded_charts: list[Chart]
    folded_tables: list[HtmlTable]
    files: list[str] = field(default_factory=list)


def strategy_page(content: StrategyContent) -> str:
    """Return the page of one strategy, which reads Plotly from the file beside it (`shared_script`)."""
    name, _ = shared_script()
    return _page(content, f'<script src="{name}"></script>')


def single_file_page(content: StrategyContent) -> str:
    """Return the page of one strategy with Plotly inside, to be sent to somebody."""
    _, script = shared_script()
    return _page(content, f"<script>{script}</script>")


def _page(content: StrategyContent, plotly: str) -> str:
    drawing = Drawing()
    result, explanation = result_of(content.status, content.verdicts)
    refused = content.status.filter(pl.col("status") == REFUSED)
    return (
        environment()
        .get_template("strategy.html.j2")
        .render(
            style=style(),
            plotly=plotly,
            name=content.name,
            subtitle=_subtitle(content),
            synthetic=content.synthetic,
            result=result,
            result_text=RESULT_TEXT[result] + ("" if refused.is_empty() else ", of an earlier registration"),
            hypothesis=content.hypothesis,
            summary=summary(result, explanation, content.verdicts),
            outdated=[note for note in content.notes if note.startswith(OUT_OF_DATE)],
            other_notes=sum(not note.startswith(OUT_OF_DATE) for note in content.notes),
            failure=cause_of_failure(content.status) or "",
            refused=refused["error"][0] if not refused.is_empty() else "",
            facts=facts(content) if result != "failed" else [],
            facts_of=SPLIT_WORDS.get(headline_split(content), ""),
            earlier=[
                (version, criteria_table(rows), result_of(content.status.clear(), rows))
                for (version,), rows in content.earlier_verdicts.sort("recorded_at").group_by(
                    "product_version", maintain_order=True
                )
            ],
            sections=[rendered(section, drawing) for section in sections(content)],
            draw=drawing.script,
        )
    )


def result_of(status: pl.DataFrame, verdicts: pl.DataFrame) -> tuple[str, str]:
    """Return the verdict's result and its explanation in words."""
    rows = verdicts.filter(pl.col("kind") == "result")
    cause = cause_of_failure(status.filter(pl.col("stage") != ANALYTICS))  # no verdict follows from it
    if cause is not None:
        return "failed", f"It failed, so there is nothing to judge. {cause}"
    if rows.is_empty():
        return "none", "The verdict of this strategy has not been materialised."
    return rows["result"][0], rows["note"][0] or ""


def _subtitle(content: StrategyContent) -> str:
    settings = content.settings
    universe = settings.universe if isinstance(settings.universe, str) else ", ".join(settings.universe)
    parts = [f"{settings.type} on {universe}"]
    if not content.equity.is_empty():
        first, last = content.equity["session"].min(), content.equity["session"].max()
        parts.append(f"{first!s} to {last!s}")
    named = content.metrics.filter(pl.col("metric").is_in(OF_BENCHMARK)).drop_nulls("reference")["reference"]
    if content.benchmark and not named.is_empty():
        beside = " (the strategy's returns have dividends in them)" if named[0].endswith(PRICE_RETURN) else ""
        parts.append(f"benchmark {named[0]}{beside}")
    return " · ".join(parts)


def rendered(section: Section, drawing: Drawing) -> RenderedSection:
    """Return a section with the places of its charts, which the drawing takes in.

    Parameters
    ----------
    section, drawing
        Section, and what draws the charts of its page.
    """
    return RenderedSection(
        anchor=section.anchor,
        title=section.title,
        stage=section.stage,
        text=section.text,
        notes=section.notes,
        charts=[drawing.add(figure, f"{section.anchor}-{index}") for index, figure in enumerate(section.charts)],
        side_by_side=section.side_by_side,
        tables=section.tables,
        folded=bool(section.folded_charts or section.folded_tables),
        folded_title=section.folded_title,
        folded_charts=[
            drawing.add(figure, f"{section.anchor}-folded-{index}")
            for index, figure in enumerate(section.folded_charts)
        ],
        folded_tables=section.folded_tables,
        files=section.files,
    )


@cache
def environment() -> Environment:
    """Return the environment of the templates."""
    from jinja2 import Environment, PackageLoader

    return Environment(loader=PackageLoader("trading_assets.reports"), autoescape=True, trim_blocks=True)


@cache
def style() -> str:
    """Return the style sheet of the pages."""
    return (resources.files("trading_assets.reports") / "templates" / "style.css").read_text(encoding="utf-8")
