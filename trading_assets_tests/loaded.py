"""A configuration that is loaded anew only when a file beside it has changed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from trading_assets.config import Configuration, load_configuration


def loaded(config: Path, data: Path) -> Configuration:
    """Load a configuration, or take the one that the same files gave before."""
    beside = {path for path in config.parent.iterdir() if path.is_file() and path.stat().st_size < 1 << 20}
    if config.parent != Path(__file__).parent:  # where modules of a user may be
        beside |= set(config.parent.glob("*/*.py"))
    return _loaded(config, data, tuple((str(path), path.read_bytes()) for path in sorted(beside)))


@lru_cache(maxsize=16)
def _loaded(config: Path, data: Path, beside: tuple[tuple[str, bytes], ...]) -> Configuration:
    return load_configuration(config, data)
