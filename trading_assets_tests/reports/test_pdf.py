"""A page is printed by the machine's own browser, whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from trading_assets.reports.pdf import BROWSERS, NoBrowserError, PrintError, write_pdf

PAGE = "<!DOCTYPE html><title>a</title><p>a page"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "reports" / "a b.html"
    path.parent.mkdir()
    path.write_text(PAGE, encoding="utf-8")
    return path


def put_in_place(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of the name of a browser, before which no other one is found."""
    program = folder / "bin" / BROWSERS[0]
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")


def test_without_a_browser_it_is_said_what_to_install(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(page.parent))
    with pytest.raises(NoBrowserError, match=r"none of chromium, .* is on the path\. What to do: install one"):
        write_pdf(page)


#: Writes the beginning of a file, as a browser that crashes does.
HALF = """for each; do case $each in --print-to-pdf=*) printf %s-half %PDF > "${each#*=}";; esac; done
echo no display >&2; exit"""


@pytest.mark.parametrize(
    ("script", "code"), [("echo no display >&2; exit 3", 3), (f"{HALF} 139", 139), (f"{HALF} 0", 0)]
)
def test_a_browser_that_prints_nothing_or_half_leaves_the_earlier_file(
    page: Path, monkeypatch: pytest.MonkeyPatch, script: str, code: int
) -> None:
    earlier = page.with_suffix(".pdf")
    earlier.write_text("before", encoding="utf-8")
    put_in_place(page.parent.parent, monkeypatch, script)
    with pytest.raises(PrintError, match=rf"did not print .*a b\.html \(exit code {code}\); it said: no display"):
        write_pdf(page)
    assert earlier.read_text(encoding="utf-8") == "before"
    assert sorted(each.name for each in page.parent.iterdir()) == ["a b.html", "a b.pdf"]


@pytest.mark.browser
def test_a_page_is_printed(page: Path) -> None:
    written = write_pdf(page)
    assert written == page.with_suffix(".pdf")
    assert written.read_bytes().startswith(b"%PDF-")
    assert sorted(each.name for each in page.parent.iterdir()) == ["a b.html", "a b.pdf"]
