"""Which version of the product this is, down to the commit where that can be told."""

from __future__ import annotations

import json
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from trading_assets import __version__


def version() -> str:
    """Return the version, with the commit in brackets: of the checkout it runs from, or that it was installed from."""
    known = commit()
    return f"{__version__} ({known[:12]})" if known else __version__


@lru_cache(maxsize=1)
def commit() -> str | None:
    """Return the commit that it runs from, or was installed from; None where that cannot be told."""
    return _of_checkout(Path(__file__).parent.parent) or _of_installation()


def _of_checkout(folder: Path) -> str | None:
    if not (folder / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def _of_installation() -> str | None:
    """Return the commit that the installer wrote down (PEP 610); None if it was installed from an archive."""
    try:
        text = distribution("trading_assets").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    commit = json.loads(text).get("vcs_info", {}).get("commit_id") if text else None
    return commit if isinstance(commit, str) else None
