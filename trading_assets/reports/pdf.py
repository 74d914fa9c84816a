"""Pages as PDF, printed by the Chromium or Chrome that the machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

#: Programs that print, in the order in which they are looked for.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
#: Milliseconds that a page may take to draw its charts, and seconds until a browser is given up.
_TO_DRAW, _TO_END = 10_000, 120
_SWITCHES = (
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--no-pdf-header-footer",
    # A sheet's width at 96 dots an inch less margins: charts are drawn as wide as they are printed.
    "--window-size=720,1040",
    f"--virtual-time-budget={_TO_DRAW}",
)


class NoBrowserError(Exception):
    """No browser that prints is on the path."""


class PrintError(Exception):
    """A browser did not print, or not all."""


def browser() -> str:
    """Return the path of the browser that prints.

    Raises
    ------
    NoBrowserError
        None is on the path.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise NoBrowserError(
            f"a PDF is printed by Chromium or Chrome, and none of {', '.join(BROWSERS)} is on the path. What to do: "
            "install one (on Debian: apt-get install chromium), or open the page and print it"
        )
    return found


def write_pdf(page: Path) -> Path:
    """Print a page of the report beside it; the file is replaced whole or not at all.

    Raises
    ------
    NoBrowserError, PrintError
        There is no browser; it ended without a file, with what it said.
    """
    program = browser()
    target = page.with_suffix(".pdf")
    with tempfile.TemporaryDirectory(dir=page.parent, prefix=f".{page.stem}.") as folder:
        partial = Path(folder) / target.name
        # As root, in containers, Chromium's sandbox cannot be set up.
        as_root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
        command = (program, *_SWITCHES, *as_root, f"--user-data-dir={folder}/profile", f"--print-to-pdf={partial}")
        try:
            ended = subprocess.run(
                (*command, page.resolve().as_uri()), capture_output=True, text=True, timeout=_TO_END, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise PrintError(f"{program} did not end in {_TO_END} s; {page} was not printed") from error
        # One that crashes leaves a part of a file, or none.
        is_whole = ended.returncode == 0 and partial.exists() and partial.read_bytes().rstrip().endswith(b"%%EOF")
        if not is_whole:
            said = (ended.stderr.strip().splitlines() or ["nothing"])[-1]
            raise PrintError(f"{program} did not print {page} (exit code {ended.returncode}); it said: {said}")
        partial.replace(target)
    return target
