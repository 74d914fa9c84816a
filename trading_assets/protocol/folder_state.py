"""Where the protocol of a data folder stands, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from trading_assets.protocol.earlier import last_import
from trading_assets.protocol.records import Record
from trading_assets.protocol.restores import forgetful_restores, said_of


def folder_state(records: Sequence[Record]) -> list[str]:
    """Return sentences on the folder, what it has on record, its last export and imports that were refused."""
    if not records:
        return ["The data folder has nothing on record yet."]
    counted = Counter(record.kind for record in records[1:])
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counted.items())) or "nothing yet"
    lines = [
        f"Folder {records[0].payload.get('id')}: on record since {records[0].recorded_at:%Y-%m-%d %H:%M} UTC,"
        f" {len(records)} records ({kinds}).",
        _last_export(records),
    ]
    lines += [f"{said[0].upper()}{said[1:]}." for said in map(said_of, forgetful_restores(records))]
    for configuration in sorted({record.configuration for record in records if record.kind == "import"}):
        last = last_import(records, configuration)
        if last is not None and "refused" in last.payload:
            lines.append(f"Refused: {last.payload.get('file')}: {last.payload['refused']}")
    return lines


def _last_export(records: Sequence[Record]) -> str:
    last = next((record for record in reversed(records) if record.kind == "export"), None)
    if last is None:
        return "Never exported: `trading-assets protocol export` writes a line to keep elsewhere."
    later = len(records) - last.row
    return f"Exported on {last.recorded_at:%Y-%m-%d %H:%M} UTC; {later} records since."
