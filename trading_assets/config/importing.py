"""Modules by their dotted names, with what is wrong of them in words."""

from __future__ import annotations

import importlib
from types import ModuleType


def import_dotted(name: str) -> ModuleType:
    """Import a module into this process.

    Raises
    ------
    LookupError
        There is no such module, or it cannot be imported.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise LookupError(f"no module {name}") from error
        raise LookupError(f"module {name} cannot be imported: {error}") from error
    except Exception as error:
        raise LookupError(f"module {name} cannot be imported: {type(error).__name__}: {error}") from error
