"""From the sources' bars to bars that may be used: quality rules, adjustment, calendars, universe."""
