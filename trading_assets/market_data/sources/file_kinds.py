"""What a file is by its first bytes, whatever its name says, and what to do with one that is no table of bars."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Literal

from trading_assets.market_data.sources.errors import SourceError, shown

Kind = Literal["parquet", "arrow", "hdf5", "gzip", "zip", "text"]

#: Bytes that have to be known.
START = 512
_CONTAINERS: tuple[tuple[bytes, Kind], ...] = (
    (b"PAR1\x15", "parquet"),
    (b"ARROW1\x00\x00", "arrow"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
)
#: First bytes -> what such a file is, and what to do.
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (xls)", "save the sheet as CSV, or write Parquet"),
    (
        b"\x00\x00\x00\x01Bud1",
        "a folder's settings (.DS_Store)",
        "take it out of `path`, such as with `path: prices/*.csv`",
    ),
    (b"\x00\x05\x16\x07", "a Mac's attributes of another file (._NAME)", "take it out of `path`"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard", "unpack it (zstd -d), or compress it with gzip"),
    *(
        (b"BZh%d1AY&SY" % level, "compressed with bzip2", "unpack it (bunzip2), or compress it with gzip")
        for level in range(1, 10)
    ),
    (b"\xfd7zXZ\x00", "compressed with xz", "unpack it (unxz), or compress it with gzip"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4", "unpack it (lz4 -d), or compress it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it, or pack it as zip"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it, or pack it as zip"),
    (b"FEA1\x00", "a Feather file of version 1", "write it again as Feather version 2, Parquet or CSV"),
    (b"\xff\xff\xff\xff", "an Arrow stream", "write an Arrow file (Feather version 2), Parquet or CSV"),
    (b"SQLite format 3\x00", "an SQLite database", "read it with `source: sql`, `path` and `query`"),
    (b"Obj\x01", "an Avro file", "write Parquet or CSV"),
    (b"%PDF-", "a PDF document", "download the data as CSV"),
    (b"\x80\x04\x95", "a Python pickle", "write Parquet or CSV, such as with pandas: read_pickle(...).to_parquet(...)"),
    (b"\x80\x05\x95", "a Python pickle", "write Parquet or CSV, such as with pandas: read_pickle(...).to_parquet(...)"),
)
_TAR = slice(257, 262)
_PAGE = re.compile(rb"^\s*<(!doctype|html|head|body|\?xml|h1|p|div|error)[\s>/]", re.IGNORECASE)
#: An object, a list of objects or a list of lists: a header may begin with a bracket, too.
_JSON = re.compile(rb"^\s*(\{\s*[\"}]|\[\s*[\[{\]])")
_TITLE = re.compile(rb"<(?:title|h1|message|code)[^>]*>\s*([^<]{1,200})", re.IGNORECASE)
_TAGS = re.compile(rb"<[^>]*>")


def kind_of(start: bytes) -> Kind:
    """Return how a file is to be opened, by its first `START` bytes."""
    return next((kind for magic, kind in _CONTAINERS if start.startswith(magic)), "text")


def refuse_other_kinds(data: bytes, name: str) -> None:
    """Raise if a file is no text and none of the containers that are read.

    Parameters
    ----------
    data
        At least the first `START` bytes; more of a page shows more of what it says.
    name
        For the message.

    Raises
    ------
    SourceError
        What it is, and what to do.
    """
    for magic, what, todo in _OTHERS:
        if data.startswith(magic):
            raise _not_read(what, name, todo)
    if data[_TAR] == b"ustar":
        raise _not_read("a tar archive", name, "unpack it, or pack it as zip")
    if _PAGE.match(data):
        title = _TITLE.search(data)
        says = title.group(1) if title else _TAGS.sub(b" ", data[:400])
        text = " ".join(says.decode("utf-8", "replace").split())
        raise _not_read(
            f"a web page, which says {shown(text)}", name, "download the data again; the answer was no data"
        )


def refuse_workbook(data: bytes, name: str) -> None:
    """Raise if a zip is a workbook of Excel, of OpenDocument, or a document.

    Raises
    ------
    SourceError
        What it is, and what to do.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = set(archive.namelist())
    except zipfile.BadZipFile:
        return
    if any(member.startswith("xl/") for member in members):
        raise _not_read("an Excel workbook (xlsx)", name, "save the sheet as CSV, or write Parquet")
    if "mimetype" in members and "content.xml" in members:
        raise _not_read("an OpenDocument file", name, "save the sheet as CSV, or write Parquet")
    if "[Content_Types].xml" in members:
        raise _not_read("an Office document", name, "save the data as CSV, or write Parquet")


def refuse_message(data: bytes, name: str) -> None:
    """Raise if a text is no table but a service's message in JSON, such as `{"Note": "... call frequency ..."}`.

    Raises
    ------
    SourceError
        What it says, and what to do.
    """
    if not _JSON.match(data):
        return
    text = " ".join(data[:300].decode("utf-8", "replace").split())
    raise _not_read(
        f"JSON, which says {shown(text)}",
        name,
        "if it holds bars, name it .json; if it is a service's message, download the data again",
    )


def _not_read(what: str, name: str, todo: str) -> SourceError:
    return SourceError(
        f"the file is {what}",
        file=name,
        expected="CSV, JSON (plain, gzipped, in a zip), Parquet, or Feather",
        todo=todo,
    )
