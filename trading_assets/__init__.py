"""From raw price bars to a go / no-go verdict you can defend."""

__version__ = "0.2.0"
