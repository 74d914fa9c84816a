from __future__ import annotations

from pathlib import Path

from trading_assets.sources_hash import sources_hash


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
