"""The Dagster UI on one configuration, from any folder: nothing of a checkout is needed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.runs.home import lacking
from trading_assets.terminal_run import dagster_instance

#: Name of the file; not `workspace.yaml`, which may be the user's own in a home of Dagster that other projects share.
FILE = "trading_assets_workspace.yaml"
#: Where the UI finds the assets; `workspace.yaml` of a checkout says the same to plain `dagster dev`.
WORKSPACE = """\
load_from:
  - python_module:
      module_name: trading_assets.definitions
      location_name: trading_assets
"""


def prepare_home(configuration: Configuration) -> Path:
    """Make the home of Dagster as a run does, with the workspace in it; return the workspace's file."""
    with dagster_instance(configuration):
        file = configuration.dagster_home.resolve() / FILE
        if not file.exists() or file.read_text(encoding="utf-8") != WORKSPACE:
            file.write_text(WORKSPACE, encoding="utf-8")
    return file


def lacks(home: Path) -> list[str]:
    """Return what to say of a `dagster.yaml` that somebody edited; nothing of one that is ours, or has it all."""
    found = lacking(home)
    if not found:
        return []
    said = [f"{home / 'dagster.yaml'} was edited, and is left as it is. It lacks", *(f"  {each}" for each in found)]
    return [*said, "  what to do: see docs/how-to.md, or remove the file: the next run writes it anew"]


def ui_command(workspace: Path, host: str, port: int | None) -> list[str]:
    """Return the command of Dagster's own server; without a port it takes 3000, or a free one where that is taken.

    Parameters
    ----------
    workspace
        File of Dagster's workspace.
    host, port
        Address that the server listens on.
    """
    chosen = [] if port is None else ["--port", str(port)]
    return [sys.executable, "-m", "dagster", "dev", "--workspace", str(workspace), "--host", host, *chosen]


def start_ui(configuration: Configuration, host: str, port: int | None) -> None:
    """Become the UI's process: Ctrl-C, and whoever watches this process, then reach Dagster itself.

    Step processes find configuration and data folder by the environment, which the command has set.

    Parameters
    ----------
    configuration
        Configuration whose data folder is Dagster's home.
    host, port
        Address that the server listens on; without a port it is 3000, or a free one.
    """
    workspace = prepare_home(configuration)
    for line in lacks(workspace.parent):
        print(line, file=sys.stderr)
    os.environ["DAGSTER_HOME"] = str(workspace.parent)
    command = ui_command(workspace, host, port)
    os.execv(command[0], command)
