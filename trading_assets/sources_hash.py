"""Source files by their content: what machine code was made of, and what results follow from."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


@lru_cache
def sources_hash(folder: Path) -> str:
    """Return a hash of the modules of a folder."""
    digest = hashlib.blake2b(digest_size=7)
    for file in sorted(folder.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def product_hash() -> str:
    """Return the SHA-256 of the names and the content of all files of this package, templates and tables too."""
    root, digest = Path(__file__).parent, hashlib.sha256()
    for file in sorted(each for each in root.rglob("*") if each.is_file() and "__pycache__" not in each.parts):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
