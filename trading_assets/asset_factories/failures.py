"""What tells a failure from its consequences further down."""

from __future__ import annotations


class UpstreamFailedError(Exception):
    """The strategy, or one that it is made of, failed in an earlier step, so there is nothing to go on with.

    `str()` names that step and its error. Who tells people what failed tells the earlier step, once.
    """
