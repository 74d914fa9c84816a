"""How large a source may be, asked before it is read: what is unpacked, counted in rows, or much larger than packed."""

from __future__ import annotations

from dataclasses import dataclass

from trading_assets.market_data.sources.errors import SourceError

MIB = 2**20
#: What is unpacked to less is never too large for what it was packed in.
_SMALL = 64 * MIB


@dataclass(frozen=True)
class SizeLimits:
    """Limits of one file.

    Attributes
    ----------
    most_mib
        MiB of it, unpacked.
    most_rows
        Rows of it, lines of a text.
    most_packed
        Bytes unpacked for each byte packed, of what is unpacked to more than 64 MiB.
    """

    most_mib: float = 4_096.0
    most_rows: int = 100_000_000
    most_packed: float = 100.0

    @property
    def most_bytes(self) -> int:
        """Most bytes of a file, unpacked."""
        return int(self.most_mib * MIB)

    def assert_bytes(self, name: str, unpacked: int, packed: int | None = None) -> None:
        """Raise if a file is too large.

        Parameters
        ----------
        name
            Of the file, for the message.
        unpacked
            Its bytes, or those that were unpacked so far.
        packed
            Bytes that they were packed in; None: they are not packed.

        Raises
        ------
        SourceError
            Names the file, its size and the key.
        """
        if unpacked > self.most_bytes:
            raise SourceError(
                f"{_mib(unpacked)} MiB{' or more, unpacked' if packed is not None else ''}",
                file=name,
                expected=f"at most {self.most_mib:,g} MiB (`largest_mib`)",
                todo="raise the key if the file is to be read, or part it",
            )
        if packed is not None and unpacked > _SMALL and unpacked > self.most_packed * packed:
            raise SourceError(
                f"{_mib(unpacked)} MiB or more in {packed / MIB:,.1f} MiB: over {self.most_packed:,g} times its size",
                file=name,
                expected="bars; prices pack to a tenth",
                todo="look at what is in it; raise `most_packed` if that is to be read",
            )

    def assert_rows(self, name: str, rows: int) -> None:
        """Raise if a file has too many rows.

        Raises
        ------
        SourceError
            Names the file, its rows and the key.
        """
        if rows > self.most_rows:
            raise SourceError(
                f"{rows:,} rows",
                file=name,
                expected=f"at most {self.most_rows:,} (`most_rows`)",
                todo="raise the key if the file is to be read, or part it",
            )


def _mib(size: int) -> str:
    return f"{size / MIB:,.0f}"
