"""The version that the terminal prints."""

from __future__ import annotations

import subprocess

from typer.testing import CliRunner

from trading_assets import __version__
from trading_assets.cli import app
from trading_assets.cli_version import version
from trading_assets_tests.conftest import REPOSITORY


def test_the_version_has_the_commit_of_the_checkout() -> None:
    done = subprocess.run(
        ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    commit = done.stdout.strip()[:12]
    assert version() == (f"{__version__} ({commit})" if done.returncode == 0 else __version__)
    printed = CliRunner().invoke(app, ["--version"])
    assert (printed.exit_code, printed.stdout) == (0, f"trading-assets {version()}\n")
