"""Text files in other encodings than UTF-8."""

from __future__ import annotations

import codecs

from trading_assets.market_data.sources.errors import SourceError

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
#: Encodings of two bytes a character and the signs that text in them has; tried in this order.
_EAST_ASIAN = (("cp932", 0x3040, 0x30FF), ("gbk", 0x4E00, 0x9FFF), ("euc_kr", 0xAC00, 0xD7A3))
_SAMPLE = 100_000


def to_utf8(data: bytes, encoding: str, *, file: str) -> bytes:
    """Return `data` as UTF-8.

    Parameters
    ----------
    data, encoding
        Bytes of the file, and the name of the encoding that they should be in.
    file
        Name of the file, for the message of an error.

    Raises
    ------
    SourceError
        It is not in that encoding.
    """
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        return data
    try:
        return data.decode(encoding).removeprefix("\ufeff").encode()
    except UnicodeDecodeError as error:
        raise SourceError(
            f"not text in {encoding} (byte 0x{data[error.start]:02x})",
            file=file,
            line=data.count(b"\n", 0, error.start) + 1,
            expected=f"`encoding: {encoding}`",
            todo="correct `encoding`, or leave it out for UTF-8",
        ) from None


def likely_encodings(data: bytes) -> list[str]:
    """Return the likely encodings of a text that is no UTF-8; several where its bytes are text in each of them."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return [encoding]
    sample = data[:_SAMPLE]
    if sample.count(0) > len(sample) // 4:
        return ["utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"]
    found = []
    for encoding, first, last in _EAST_ASIAN:
        foreign = [character for character in _decoded(sample, encoding) if not character.isascii()]
        if foreign and 2 * sum(first <= ord(character) <= last for character in foreign) > len(foreign):
            found.append(encoding)
    return found or ["cp1252"]


def _decoded(sample: bytes, encoding: str) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)  # a character may be cut at the end
    except UnicodeDecodeError:
        return ""
