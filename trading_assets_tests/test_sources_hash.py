from __future__ import annotations

from pathlib import Path

import pytest

import trading_assets
from trading_assets.sources_hash import product_hash, sources_hash


def test_a_change_of_any_module_is_another_hash_and_one_of_a_note_is_none(tmp_path: Path) -> None:
    hashes = []
    for number, (name, text) in enumerate([("a.py", "1"), ("a.py", "2"), ("n.txt", "1"), ("n.txt", "2")]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "module.py").write_text("0")
        (folder / name).write_text(text)
        hashes.append(sources_hash(folder))
    assert len(set(hashes)) == 3
    assert hashes[2] == hashes[3]


def test_the_product_has_one_hash_of_all_its_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    found = product_hash()
    product_hash.cache_clear()
    read = Path.read_bytes
    changed = Path(trading_assets.__file__).parent / "market_data" / "sources" / "dates.py"
    monkeypatch.setattr(Path, "read_bytes", lambda self: read(self) + b"#" * (self == changed))
    assert product_hash() != found
    product_hash.cache_clear()
