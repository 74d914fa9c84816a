"""The bar: lines where nothing can be drawn."""

from __future__ import annotations

import io

from rich.console import Console

from trading_assets.run_outcome import RunProgress
from trading_assets.run_progress import progress_bar


def test_each_step_that_begins_is_a_line_in_a_log() -> None:
    written = io.StringIO()
    with progress_bar(Console(file=written, width=80)) as bar:
        bar(RunProgress("features/daily", 0, 2, begins=True))
        bar(RunProgress("features/daily", 1, 2, begins=False, seconds=12.345))
        bar(RunProgress("models/splits", 1, 2, begins=True))
        bar(RunProgress("models/splits", 2, 2, begins=False, seconds=0.04, failed=True))
        bar(RunProgress("models/regimes", 2, 2, begins=False))  # nobody saw it begin
    assert written.getvalue().rstrip().splitlines() == [
        "features/daily",
        "   12.3 s  features/daily",
        "models/splits",
        "    0.0 s  models/splits failed",
    ]


def test_a_terminal_shows_how_many_are_done() -> None:
    written = io.StringIO()
    with progress_bar(Console(file=written, width=80, force_terminal=True)) as bar:
        bar(RunProgress("features/daily", 1, 2, begins=True))
    assert "features/daily" in written.getvalue() and "1/2" in written.getvalue()
