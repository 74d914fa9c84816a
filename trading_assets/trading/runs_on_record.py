"""What runs of a running account have put on record, in order, before each wrote the sessions that it publishes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trading_assets.protocol import Record


def runs_on_record(records: Iterable[Record], configuration: str, account: str) -> list[Mapping[str, Any]]:
    """Return what each run of an account has said: `through`, its last session, and the rest of `put_on_record`.

    The last of them may have been killed before it wrote rows.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, account
        Names of the configuration and of the account.
    """
    said = [each.payload for each in records if (each.kind, each.configuration) == ("evidence", configuration)]
    return [each for each in said if each.get("account") == account and "through" in each]
