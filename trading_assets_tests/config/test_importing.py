"""What is wrong of a module that is named, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config.importing import import_dotted


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_room.ideas", "^no module no_such_room.ideas$"),
        ("imported_here.lacks", "module imported_here.lacks cannot be imported: No module named 'no_such_room'"),
        ("imported_here.fails", "module imported_here.fails cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_missing_is_told_from_what_a_module_lacks_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    (tmp_path / "imported_here").mkdir()
    (tmp_path / "imported_here" / "lacks.py").write_text("import no_such_room\n")
    (tmp_path / "imported_here" / "fails.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LookupError, match=said):
        import_dotted(name)


def test_a_module_is_the_one_of_this_process() -> None:
    assert import_dotted("pathlib").Path is Path
