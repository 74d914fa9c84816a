"""A manifest that is not as it was written is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trading_assets.backups.manifest import FILE, CopyError, Manifest, read_manifest, sha256_of, write_manifest

MADE = Manifest("tiny", "c", "2026-11-30T12:00:00", "0.2.0", "2.0.0", 2, "h", "f", {"home/a": "s"}, {"a.b": "1:2"})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_manifest(tmp_path, MADE)
    assert read_manifest(tmp_path) == MADE
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_folder_without_a_manifest_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(CopyError, match="this is no copy"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', "\0"])
def test_what_is_no_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(CopyError, match="manifest of the copy cannot be read"):
        read_manifest(tmp_path)


def test_edited_manifest_is_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path, MADE)
    said = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**said, "records": 1}))
    with pytest.raises(CopyError, match="not as it was written"):
        read_manifest(tmp_path)


def test_hash_of_a_file_is_the_one_that_fips_180_gives_for_abc(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
