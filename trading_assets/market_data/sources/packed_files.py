"""Texts packed with gzip or in a zip, unpacked in memory up to what a source allows."""

from __future__ import annotations

import gzip
import io
import logging
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.file_kinds import refuse_workbook
from trading_assets.market_data.sources.json_table import ENDINGS
from trading_assets.market_data.sources.size_limits import SizeLimits

_CHUNK = 1 << 24
#: Endings of the members of a zip that are read, and how many others are named.
_MEMBERS = (".csv", ".txt", ".tsv", *ENDINGS)
_MOST_NAMED = 10

logger = logging.getLogger(__name__)


def unpacked_gzip(path: Path, name: str, limits: SizeLimits) -> bytes:
    """Return what a gzip file holds.

    Parameters
    ----------
    path, name
        Where it is, and its name for messages.
    limits
        Checked while it is unpacked: no size that a file states is believed.

    Raises
    ------
    SourceError
        It is cut, damaged, or too large.
    """
    parts: list[bytes] = []
    packed, unpacked = path.stat().st_size, 0
    try:
        with gzip.open(path) as stream:
            while part := stream.read(_CHUNK):
                parts.append(part)
                unpacked += len(part)
                limits.assert_bytes(name, unpacked, packed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        cut = isinstance(error, EOFError)
        raise SourceError(
            "the gzip file is cut" if cut else f"not a gzip file, or a damaged one: {error}",
            file=name,
            line=_readable_lines(path) if cut else None,
            expected="a whole gzip file (the line is the last that can be read)" if cut else "gzip",
            todo="deliver the file again",
        ) from None
    return b"".join(parts)


def _readable_lines(path: Path) -> int:
    return zlib.decompressobj(wbits=31).decompress(path.read_bytes()).count(b"\n")


def is_table_member(member: str) -> bool:
    """Return whether a member of a zip is a table."""
    return PurePosixPath(member).suffix.lower() in _MEMBERS and not member.startswith("__MACOSX/")


def members(path: Path, name: str, limits: SizeLimits) -> Iterator[tuple[str, bytes]]:
    """Yield members that are tables, in the order of their names; in memory, never written to a path of theirs.

    Parameters
    ----------
    path, name
        Where the zip is, and its name for messages.
    limits
        Of each member. `zipfile` unpacks no more of it than its directory states, so that this is checked before.

    Raises
    ------
    SourceError
        It has no table, is damaged, or a member is too large.
    """
    content = path.read_bytes()
    refuse_workbook(content, name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [each for each in archive.namelist() if not each.startswith("__MACOSX/") and not each.endswith("/")]
            tables = sorted(filter(is_table_member, names))
            others = sorted(set(names) - set(tables))
            if not tables:
                raise SourceError("no CSV in the zip", file=name, expected="members ending in .csv")
            if others:
                logger.warning("%s: members that are not read: %s", name, ", ".join(others[:_MOST_NAMED]))
            for member in tables:
                stated = archive.getinfo(member)
                # A member may overlap others in the file: what is packed is never more than the file.
                packed = min(stated.compress_size, len(content))
                limits.assert_bytes(f"{name}/{member}", stated.file_size, packed)
                yield f"{name}/{member}", archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise SourceError(
            f"the zip cannot be read: {error}",
            file=name,
            expected="a whole zip without a password",
            todo="deliver it again",
        ) from None
