"""How `config detect` prints what files are believed to be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from trading_assets.cli_output import paper_of
from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.sections import AssetClass
from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources.detection import Belief, Detection


def files_of(configuration: Configuration) -> list[tuple[str, Path, AssetClass]]:
    """Return pattern, folder and asset class of each source of files of a configuration.

    Raises
    ------
    ConfigurationError
        It has none.
    """
    sources = [each for each in configuration.market_data if isinstance(each, FilesSource)]
    if not sources:
        raise ConfigurationError(
            f"the configuration {configuration.name} reads no files\n  key: market_data\n"
            "  expected: a `source: files`, or a PATH on the command line"
        )
    return [(each.path, configuration.directory, each.asset_class) for each in sources]


def print_detections(found: Sequence[Detection]) -> None:
    """Print each kind of file with every way to read it: why, what is doubtful, three bars, the YAML to paste."""
    paper = paper_of(width=120)
    for detection in found:
        others = f" and {detection.number - 1} more" if detection.number > 1 else ""
        paper.print(f"[bold]{escape(detection.file)}[/bold]{others}", highlight=False, soft_wrap=True)
        if len(detection.beliefs) > 1:
            names = " or ".join(belief.name for belief in detection.beliefs)
            paper.print(f"  {names}: nothing in the file decides; state `layout`", highlight=False, soft_wrap=True)
        for belief in detection.beliefs:
            _print_belief(belief, paper)


def _print_belief(belief: Belief, paper: Console) -> None:
    lines = [f"[bold]{belief.name}[/bold]: {escape(belief.title)}"]
    lines += [f"because: {escape(reason)}" for reason in belief.reasons]
    lines += [f"{key}: {escape(str(value))}" for key, value in belief.says.items()]
    lines += [f"[yellow]doubtful:[/yellow] {escape(doubt)}" for doubt in belief.doubts]
    for line in lines:
        paper.print(f"  {line}", highlight=False, soft_wrap=True)
    table = RichTable()
    for name in belief.first_bars.columns:
        table.add_column(name)
    for row in belief.first_bars.iter_rows():
        table.add_row(*["" if value is None else escape(str(value)) for value in row])
    paper.print(table)
    paper.print(escape(belief.yaml), highlight=False, soft_wrap=True)
