"""A bar that shows how far a run is: in a terminal, in a notebook, or as lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trading_assets.run_outcome import RunProgress


@contextmanager
def progress_bar(console: Console | None = None) -> Iterator[Callable[[RunProgress], None]]:
    """Show a bar while the block runs, and yield what is to be told of each step.

    Parameters
    ----------
    console
        Where it is shown; default the terminal or the cell of a notebook. Where neither is there to draw on, each step
        that begins is a line. A step that has ended is a line everywhere, with the time that it took.

    Examples
    --------
    >>> from trading_assets import open_project, progress_bar
    >>> with progress_bar() as bar:  # doctest: +SKIP
    ...     open_project("my_research.yaml").run(progress=bar)
    """
    shown = console or Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shown, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def tell(now: RunProgress) -> None:
            progress.update(task, total=now.total, completed=now.done)
            if now.begins:
                progress.update(task, description=now.step)
                if not (shown.is_terminal or shown.is_jupyter):
                    shown.print(now.step, highlight=False)
            elif now.seconds is not None:
                shown.print(took(now), highlight=False)

        yield tell


def took(ended: RunProgress) -> str:
    """Return the line of a step that has ended: how long it took, and whether it failed or left all as it was."""
    how = " failed" if ended.failed else " unchanged" if ended.unchanged else ""
    return f"{ended.seconds or 0.0:7.1f} s  {ended.step}{how}"
