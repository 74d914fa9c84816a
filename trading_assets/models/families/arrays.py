"""Models as arrays: saved as ``.npz`` without objects, so that reading one runs no code."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: How a ``.npz`` begins.
_MAGIC = b"PK\x03\x04"


def to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as the bytes of a ``.npz``, the same for the same arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def from_bytes(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a ``.npz``.

    Raises
    ------
    ValueError
        It is none, or holds objects.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def is_arrays(content: bytes) -> bool:
    """Return whether bytes are those of a ``.npz``."""
    return content.startswith(_MAGIC)


def of_bytes(content: bytes) -> NDArray[np.uint8]:
    """Return bytes as an array, to be saved beside others."""
    return np.frombuffer(content, dtype=np.uint8)
