from __future__ import annotations

import io

import numpy as np
import pytest

from trading_assets.models.families import arrays


def test_arrays_come_back_and_their_bytes_are_the_same() -> None:
    values = {"a": np.arange(3.0), "names": np.array(["one", "two"]), "raw": arrays.of_bytes(b"\x00\xff")}
    content = arrays.to_bytes(values)
    assert arrays.is_arrays(content) and content == arrays.to_bytes(values)
    found = arrays.from_bytes(content)
    assert {name: each.tolist() for name, each in found.items()} == {
        name: each.tolist() for name, each in values.items()
    }
    assert found["raw"].tobytes() == b"\x00\xff"


def test_bytes_with_an_object_in_them_are_refused() -> None:
    """An object array is a pickle, which runs what it says."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, evil=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        arrays.from_bytes(buffer.getvalue())
