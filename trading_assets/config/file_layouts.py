"""Layouts of vendors' files, known by name: how each is read, and how it is recognised.

A layout is a YAML file in `layouts/`. `read` holds keys of a files source; what the source itself states comes first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator

from trading_assets.config.sections import AssetClass, Positive, Section

AUTO, GENERIC = "auto", "generic"
"""Names that are no layout: recognise the file, or go by the usual names of columns alone."""


class Turnover(Section):
    """The column of the value that was traded, which shows in what unit volume is."""

    column: str
    scale: Positive = Field(default=1.0, description="quote currency of one unit of the column")


class Recognition(Section):
    """What all files of a layout have in common, and others do not."""

    header: list[str] = Field(default=[], description="names of columns that are all there, in any case and order")
    without: list[str] = Field(default=[], description="names of which none is in the header of the file")
    cells: dict[str, str] = Field(default={}, description="column -> regular expression that fits each filled cell")
    first_line: str = Field(default="", description="regular expression found in the first line of the file")
    file: str = Field(default="", description="regular expression found in the path, in any case")
    not_file: str = Field(default="", description="regular expression that is not found in the path, in any case")
    turnover: Turnover | None = None
    splits_in_prices: str = Field(
        default="",
        description="a column of splits by which prices do not jump: they are divided by them already",
    )

    @field_validator("first_line", "file", "not_file")
    @classmethod
    def _expression(cls, value: str) -> str:
        re.compile(value)
        return value


class FileLayout(Section):
    """One layout: what the file is, what its sessions and units are, and how it is read."""

    name: str
    title: str = Field(min_length=1, description="what the file is and where people get it")
    session: str = Field(min_length=1, description="which session a row belongs to")
    volume: str = Field(min_length=1, description="what one unit of volume is")
    prices: str = Field(min_length=1, description="whether prices are those that were traded")
    asset_class: AssetClass
    recognise: Recognition
    read: dict[str, Any] = Field(description="keys of a files source")
    interval: Literal["daily", "stamps"] = Field(
        default="daily", description="`stamps`: files come at any interval, and the stamps say which"
    )
    asks: dict[str, str] = Field(
        default={}, description="key -> why a source has to state it for bars shorter than a day: the file does not say"
    )
    doubts: list[str] = Field(default=[], description="what the file does not say and the reader has to know")

    @property
    def defaults(self) -> dict[str, Any]:
        """Keys of a files source that states nothing itself."""
        return {"asset_class": self.asset_class, **self.read}


@lru_cache(maxsize=1)
def file_layouts() -> dict[str, FileLayout]:
    """Return the shipped layouts by name, in the order of their names."""
    folder = Path(str(resources.files("trading_assets.config") / "layouts"))
    files = sorted(folder.glob("*.yaml"))
    return {
        file.stem: FileLayout.model_validate({**yaml.safe_load(file.read_text(encoding="utf-8")), "name": file.stem})
        for file in files
    }


def with_layout(stated: dict[str, Any], layout: FileLayout) -> dict[str, Any]:
    """Merge the keys of a source with those of a layout.

    Parameters
    ----------
    stated
        What the source says; it comes first. Its `columns` are added to the layout's; what it says of the unit of
        volume, in whatever key, or of the place of the symbol, replaces all that the layout says of them.
    layout
        The layout of its files.
    """
    replaced = {"volume_in", "volume_scale"} if {"volume_in", "volume_scale"} & stated.keys() else set()
    if "symbol_from" in stated:
        replaced.add("symbol_pattern")
    defaults = {key: value for key, value in layout.defaults.items() if key not in replaced}
    merged = {**defaults, **stated}
    if "columns" in defaults and "columns" in stated:
        merged["columns"] = {**defaults["columns"], **stated["columns"]}
    return merged
