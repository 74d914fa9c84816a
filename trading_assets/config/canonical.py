"""One text for one value, so that its hash can stand for it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json


def canonical(value: object) -> str:
    """Return JSON with sorted keys and no spaces: the same value, the same text. Dates in ISO form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_iso, allow_nan=False)


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical text, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _iso(value: object) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"no canonical form for {type(value).__name__}")
