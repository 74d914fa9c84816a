"""The table of layouts in docs/sources.md: `python -m trading_assets_tests.market_data.layout_table` writes it anew."""

from __future__ import annotations

from pathlib import Path

from trading_assets.config.file_layouts import FileLayout, file_layouts

DOCUMENT = Path(__file__).parents[2] / "docs" / "sources.md"
_START, _END = "<!-- layouts: generated -->\n", "<!-- layouts: end -->\n"


def table() -> str:
    """The rows of all layouts, by name."""
    rows = ["| layout | files | session | volume | prices |", "|---|---|---|---|---|"]
    rows += [_row(layout) for layout in file_layouts().values()]
    return "\n".join(rows) + "\n"


def _row(layout: FileLayout) -> str:
    cells = (f"`{layout.name}`", layout.title, layout.session, layout.volume, layout.prices)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def documented() -> str:
    """The table as the document has it."""
    return DOCUMENT.read_text(encoding="utf-8").split(_START)[1].split(_END)[0]


if __name__ == "__main__":
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(_START)
    DOCUMENT.write_text(before + _START + table() + _END + rest.split(_END)[1], encoding="utf-8")
