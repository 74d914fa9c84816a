"""The program of the process: it restricts itself, then loads what answers, then the code that is not ours.

It is run as a file, with nothing but the standard library, because threads that a library starts while it is imported
would not be restricted. What it is to do comes as the first message:

- `path`: of imports; `answers`: dotted name of the module with `serve(module, requests)` that answers;
- `sources`: text, path and whether it is a package, of each module of the other's code, by dotted name: these modules
  are made from here, never from files;
- `read`, `write`: what the kernel is to allow; `folder`: where relative paths start;
- `limits`: megabytes of memory.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any


class OwnModules(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads modules from their texts."""

    def __init__(self, sources: Mapping[str, tuple[bytes, str, bool]]) -> None:
        self._sources = sources
        self._spaces = {
            name.rsplit(".", depth)[0] for name in sources for depth in range(1, name.count(".") + 1)
        } - set(sources)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module of ours, or of a folder that holds some.

        Parameters
        ----------
        fullname, path, target
            As `importlib.abc.MetaPathFinder` has them.
        """
        if fullname in self._spaces:
            spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
            return spec if path is None or fullname.rpartition(".")[0] in {*self._spaces, *self._sources} else None
        if fullname not in self._sources:
            return None
        _, file, is_package = self._sources[fullname]
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=file, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [str(Path(file).parent)]
        return spec

    def is_package(self, fullname: str) -> bool:
        """Return whether a module is a package."""
        return self._sources[fullname][2]

    def get_source(self, fullname: str) -> str:
        """Return the text of a module, for tracebacks too."""
        return importlib.util.decode_source(self._sources[fullname][0])

    def get_code(self, fullname: str) -> CodeType:
        """Return the compiled module."""
        source, file, _ = self._sources[fullname]
        return compile(source, file, "exec", dont_inherit=True)


def main(descriptor: int) -> None:
    """Serve until the other side is gone."""
    with socket.socket(fileno=descriptor) as other:
        sys.path[:] = [*sys.path, os.fspath(Path(__file__).parents[2])]
        messages = importlib.import_module("trading_assets.sandbox.messages")
        setup = messages.receive(other)
        sys.path[:] = setup["path"]
        enforced = _restrict(setup)
        sys.meta_path.insert(0, OwnModules(setup["sources"]))
        importlib.import_module(setup["answers"]).serve(other, setup, enforced)


def _restrict(setup: Mapping[str, Any]) -> dict[str, Any]:
    """Restrict this process as far as the platform can; say what it could."""
    os.chdir(setup["folder"])
    most = setup["limits"]["megabytes"] << 20
    for name, limit in (("RLIMIT_DATA", most), ("RLIMIT_FSIZE", most), ("RLIMIT_CORE", 0)):
        number = getattr(resource, name, None)
        if number is not None:
            hard = resource.getrlimit(number)[1]
            allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(number, (allowed, hard))
    landlock = importlib.import_module("trading_assets.sandbox.landlock")
    calls = importlib.import_module("trading_assets.sandbox.system_calls")
    try:
        if not setup["restricted"]:
            raise OSError("switched off")
        landlock.restrict([Path(each) for each in setup["read"]], [Path(each) for each in setup["write"]])
    except OSError as error:
        return {"reads": False, "network": calls.close_channels(), "cause": str(error)}
    return {"reads": True, "network": calls.close_channels(), "cause": ""}


if __name__ == "__main__":
    main(int(sys.argv[1]))
