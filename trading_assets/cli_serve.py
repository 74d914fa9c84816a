"""The command `trading-assets serve`: scores over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from trading_assets.cli_options import ConfigOption, DataOption, load
from trading_assets.cli_output import console, escaped

serve_app = typer.Typer()


@serve_app.command()
def serve(
    model: Annotated[str | None, typer.Argument(help="Name of a model or a champion; default the only one.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; default this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 is a free one.", min=0, max=65535)] = 8300,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Answer rows of features with scores of the registered model, over HTTP; nothing is written.

    Needs the extra `serve`.
    """
    configuration = load(config, data)
    from trading_assets.serving.server import require_libraries, served_name
    from trading_assets.serving.server import serve as start

    require_libraries()
    start(configuration, served_name(configuration, model), host, port, _say)


def _say(text: str) -> None:
    console.print(escaped(text), highlight=False, soft_wrap=True)
    console.file.flush()
