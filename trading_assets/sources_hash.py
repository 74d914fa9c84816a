"""What machine code was made of, as the names of its files say it."""

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
