"""A champion is loaded when it may be another one; what does not fit together for a moment only is no fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from trading_assets.models.registered_model import ArtifactError, RegisteredModel
from trading_assets.serving.circuit import Circuit
from trading_assets.serving.watch import AGAIN_SECONDS, GRACE_SECONDS, LOOK_SECONDS, Watch
from trading_assets.warehouse import LockedError
from trading_assets_tests.serving.test_circuit import Clock, make_model


@dataclass
class Registry:
    """A champion whose registry is a variable."""

    found: RegisteredModel | Exception
    earlier: RegisteredModel | None = None
    commits: int = 0
    loads: int = field(default=0, init=False)

    def state(self) -> int:
        return self.commits

    def load(self) -> RegisteredModel:
        self.loads += 1
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def load_earlier(self) -> RegisteredModel | None:
        return self.earlier


class World:
    def __init__(self, found: RegisteredModel | Exception, earlier: RegisteredModel | None = None) -> None:
        self.clock, self.registry = Clock(), Registry(found, earlier)
        self.circuit = Circuit(self.clock)
        self.watch = Watch(self.registry, self.circuit, self.clock)

    def look(self, seconds: float = LOOK_SECONDS) -> tuple[str | None, str | None]:
        """Version that answers, and the trouble, after a look some seconds later."""
        self.clock.now += seconds
        self.watch.look()
        standing = self.circuit.standing
        return standing.answering.version if standing.answering else None, standing.trouble


def test_a_champion_is_loaded_once_until_something_changes() -> None:
    world = World(make_model("v1"))
    assert [world.look() for _ in range(5)] == [("v1", None)] * 5
    assert world.registry.loads == 1
    world.registry.found, world.registry.commits = make_model("v2"), 1
    assert world.look() == ("v2", None)
    assert world.registry.loads == 2


def test_what_is_written_while_a_model_is_loaded_is_looked_at_next() -> None:
    """A run writes the model first, and who is champion a moment later."""

    class Overtaken(Registry):
        def load(self) -> RegisteredModel:
            found = super().load()
            if self.loads == 1:
                self.found, self.commits = make_model("v2"), self.commits + 1
            return found

    world = World(make_model("v1"))
    overtaken = Overtaken(make_model("v1"))
    world.watch = Watch(overtaken, world.circuit, world.clock)
    assert [world.look(), world.look(), world.look()] == [("v1", None), ("v2", None), ("v2", None)]
    assert overtaken.loads == 2


def test_what_does_not_fit_together_for_a_moment_is_no_fault() -> None:
    """A run has written scores and not yet put them on record."""
    world = World(make_model("v1"))
    world.look()
    world.registry.found, world.registry.commits = ArtifactError("not registered in its version v2"), 1
    assert [world.look() for _ in range(4)] == [("v1", None)] * 4
    world.registry.found = make_model("v2")
    assert world.look() == ("v2", None)


def test_what_stays_wrong_is_said_and_tried_again_more_and_more_rarely() -> None:
    world = World(make_model("v1"))
    world.look()
    world.registry.found, world.registry.commits = ArtifactError("edited"), 1
    for _ in range(int(GRACE_SECONDS / LOOK_SECONDS)):
        world.look()
    assert world.look() == ("v1", "edited")
    world.look(2 * GRACE_SECONDS)
    loads = world.registry.loads
    world.look(AGAIN_SECONDS / 2)
    assert world.registry.loads == loads
    world.registry.found = make_model("v1")
    assert world.look(AGAIN_SECONDS) == ("v1", None)


def test_a_server_that_starts_beside_damage_falls_back_and_recovers() -> None:
    world = World(ArtifactError("gone"), earlier=make_model("v0"))
    assert world.look() == ("v0", "gone")
    world.registry.found, world.registry.commits = make_model("v1"), 1
    assert world.look() == ("v1", None)


def test_a_server_without_any_model_says_why_and_looks_again() -> None:
    world = World(ArtifactError("nothing was run"))
    assert world.look() == (None, "nothing was run")
    world.registry.found = make_model("v1")
    assert world.look(2 * LOOK_SECONDS) == ("v1", None)


def test_a_warehouse_in_use_is_no_fault() -> None:
    world = World(make_model("v1"))
    world.look()
    world.registry.found, world.registry.commits = LockedError("in use"), 1
    assert world.look(GRACE_SECONDS * 3) == ("v1", None)
    assert world.look(GRACE_SECONDS * 3) == ("v1", None)


def test_an_error_that_nobody_expects_is_told_and_ends_nothing() -> None:
    world = World(RuntimeError("a library gave up"))
    assert world.look() == (None, "RuntimeError: a library gave up")


def test_an_artifact_that_is_exchanged_on_disk_is_looked_at(tmp_path: Path) -> None:
    model = make_model("v1")
    path = tmp_path / "model.bin"
    path.write_bytes(b"1")
    world = World(RegisteredModel(**{**vars(model), "path": path}))
    assert [world.look(), world.look()] == [("v1", None)] * 2
    assert world.registry.loads == 1
    path.write_bytes(b"12")
    world.look()
    assert world.registry.loads == 2


def test_looking_goes_on_beside_until_it_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_assets.serving.watch.LOOK_SECONDS", 0.01)
    world = World(make_model("v1"))
    world.watch.start()
    world.registry.found, world.registry.commits = make_model("v2"), 1
    for _ in range(500):
        if (model := world.circuit.standing.current) is not None and model.version == "v2":
            break
        world.watch._ended.wait(0.01)
    world.watch.end()
    assert model is not None and model.version == "v2"
    assert not world.watch._thread.is_alive()
