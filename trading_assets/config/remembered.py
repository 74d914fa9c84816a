"""The visible file by which a folder remembers which configuration and which data folder are worked with in it.

`trading-assets run --config F --data D` writes it; every command and plain `dagster asset materialize` in
that folder then use the same two, without environment variables. It is two lines of text that a person can read and
edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trading_assets.config.errors import ConfigurationError

FILE = "trading_assets.folder"
_KEYS = ("config", "data")
_LARGEST = 10_000


@dataclass(frozen=True)
class Remembered:
    """What the file of a folder says, as absolute paths; None where it says nothing."""

    file: Path
    config: Path | None
    data: Path | None


def read_remembered(folder: Path) -> Remembered | None:
    """Return what a folder remembers; None if it has no such file.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or says something else.
    """
    file = folder / FILE
    if not file.exists():
        return None
    try:
        text = file.read_bytes()[:_LARGEST].decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{FILE} cannot be read\n  file: {file}\n  cause: {error}\n"
            "  what to do: delete it, and name the configuration with --config"
        ) from None
    found: dict[str, Path] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, separator, value = line.partition(":")
        if key.strip() not in _KEYS or not separator or not value.strip():
            raise ConfigurationError(
                f"{FILE} says something that is not understood\n  file: {file}, line {number}\n"
                f"  expected: a line `config: PATH` and a line `data: PATH`, got {line[:80]!r}"
            )
        found[key.strip()] = (folder / value.strip()).resolve()
    return Remembered(file, found.get("config"), found.get("data"))


def remember(folder: Path, config: Path | None, data: Path) -> bool:
    """Write down what is worked with in a folder; whether that is news.

    Paths inside the folder are written relative to it, so that the folder can be moved.

    Parameters
    ----------
    config
        The YAML file; None for the shipped demo, which needs no line.
    """
    lines = ["# What trading-assets works with in this folder; --config and --data of `run` change it."]
    if config is not None:
        lines.append(f"config: {_short(config, folder)}")
    lines.append(f"data: {_short(data, folder)}")
    text = "\n".join(lines) + "\n"
    file = folder / FILE
    try:
        if file.exists() and file.read_text(encoding="utf-8") == text:
            return False
        file.write_text(text, encoding="utf-8")
    except OSError:  # a folder that cannot be written remembers nothing; what was asked for still runs
        return False
    return True


def _short(path: Path, folder: Path) -> str:
    whole = path.resolve()
    return whole.relative_to(folder.resolve()).as_posix() if whole.is_relative_to(folder.resolve()) else str(whole)
