"""The commands `trading-assets model ...`: who is champion, a person's word, scores, and the state of the registry."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import Annotated

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, FormatOption, load
from trading_assets.cli_output import console, escaped, paper_of, print_frame, printers

model_app = typer.Typer(
    help="Say who is champion, decide it by hand, score with it, look after the registry.", no_args_is_help=True
)

ChampionArgument = Annotated[str, typer.Argument(help="Its name in the section champions.")]
CandidateArgument = Annotated[str, typer.Argument(help="One of its candidates.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it goes on record.")]
ByOption = Annotated[str | None, typer.Option(help="Who decides; default the user of this machine.")]


@model_app.command("list")
def list_all(config: ConfigOption = None, data: DataOption = None, format: FormatOption = "table") -> None:
    """Print champions and their shadows, since when and why, and models that compete with none."""
    configuration = load(config, data)
    from trading_assets.models.standing import champion_history, list_models
    from trading_assets.warehouse import Warehouse

    warehouse = Warehouse(configuration.warehouse_path)
    found = list_models(warehouse, configuration)
    if format != "table":
        printers()[format](found)
        return
    print_frame(found, paper_of(width=160))
    for champion in configuration.champions:
        for word in champion_history(warehouse, configuration, champion).waiting:
            _say(f"waits for the first session after {word.day}: {word.in_words()}")


@model_app.command()
def pin(
    champion: ChampionArgument,
    candidate: CandidateArgument,
    reason: ReasonOption,
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Make a candidate champion from the next session on, whatever tests say; `rollback` takes it back."""
    _decide("pin", champion, candidate, reason, by, config, data)


@model_app.command()
def promote(
    champion: ChampionArgument,
    candidate: CandidateArgument,
    reason: ReasonOption,
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Make a candidate champion from the next session on; tests go on, by sessions from then on."""
    _decide("promote", champion, candidate, reason, by, config, data)


@model_app.command()
def rollback(
    champion: ChampionArgument,
    reason: ReasonOption,
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Go back to what was before the last change, from the next session on; once more takes that back."""
    _decide("rollback", champion, None, reason, by, config, data)


@model_app.command()
def compare(
    first: Annotated[str, typer.Argument(help="Name of a model or a champion.")],
    second: Annotated[str, typer.Argument(help="What it is set beside.")],
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Test whether one is better than the other, by all sessions known before the holdout, and with which power."""
    configuration = load(config, data)
    from trading_assets.models.standing import compare_models
    from trading_assets.warehouse import Warehouse

    printers()[format](compare_models(Warehouse(configuration.warehouse_path), configuration, first, second))


@model_app.command()
def score(
    model: Annotated[str, typer.Argument(help="Name of a model, or of a champion.")],
    session: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="A session after the last refit; default the last with features."),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Score a session by the registered model, without training: the bits that the next run writes.

    The artifact is held to its hash, and has to give the scores of its fold on record again.
    """
    configuration = load(config, data)
    from trading_assets.models.session_scores import score_session
    from trading_assets.warehouse import Warehouse

    now, warehouse = dt.datetime.now(dt.UTC).replace(tzinfo=None), Warehouse(configuration.warehouse_path)
    day = None if session is None else session.date()
    printers()[format](score_session(warehouse, configuration, model, day, now).rows)


@model_app.command()
def verify(config: ConfigOption = None, data: DataOption = None, format: FormatOption = "table") -> None:
    """Compare the artifacts of the registry with their hashes; exit 1 if one is another, or gone."""
    configuration = load(config, data)
    from trading_assets.models.registry_files import FAULTS, verify_artifacts

    found = verify_artifacts(configuration.home)
    printers()[format](found)
    if found["state"].is_in(FAULTS).any():
        raise typer.Exit(FAILED)


@model_app.command()
def prune(
    keep: Annotated[int, typer.Option(help="Newest versions of each model that stay.", min=1)] = 10,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and leave it.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Remove old versions: never a champion or challenger of the registry, nor one whose scores are in a table."""
    configuration = load(config, data)
    from trading_assets.models.registry_files import prune_versions, versions_in_use
    from trading_assets.warehouse import Warehouse

    in_use = versions_in_use(Warehouse(configuration.warehouse_path))
    printers()[format](prune_versions(configuration.home, in_use, keep, dry_run=dry_run))


def _decide(
    action: str,
    champion: str,
    candidate: str | None,
    reason: str,
    by: str | None,
    config: ConfigOption,
    data: DataOption,
) -> None:
    configuration = load(config, data)
    from trading_assets.models.standing import decide_by_hand
    from trading_assets.warehouse import Warehouse

    made = decide_by_hand(
        Warehouse(configuration.warehouse_path),
        configuration,
        champion,
        action=action,
        candidate=candidate,
        by=by or getpass.getuser(),
        reason=reason,
        now=dt.datetime.now(dt.UTC).replace(tzinfo=None),
    )
    pinned = ", pinned" if made.pinned else ""
    _say(f"{made.candidate} is champion {champion} from the first session after {made.day}{pinned}; on record")
    _say("trading-assets run computes what follows; trading-assets model rollback takes it back")


def _say(text: str) -> None:
    console.print(escaped(text), highlight=False, soft_wrap=True)
