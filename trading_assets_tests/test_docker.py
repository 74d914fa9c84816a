"""The image, the services and the template of the environment say what they should; Docker itself is rarely there."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import jsonschema
import pytest
import yaml
from dagster._core.instance.ref import InstanceRef

from trading_assets.cli_ui import FILE
from trading_assets.config.secrets import FILE_SUFFIX, VARIABLES
from trading_assets.runs.home import SETTINGS, lacking
from trading_assets_tests.conftest import REPOSITORY

DOCKER = REPOSITORY / "docker"
COMPOSE = sorted(DOCKER.glob("compose*.yaml"))
LONGEST_BUILD = 1_500
#: Nothing can be written but what is in memory; without a configuration it is the demo. A mode is said, as the
#: folder of the image that is covered would give its own.
LOCKED = (
    "docker run --rm --read-only --cap-drop=ALL --network=none --tmpfs=/tmp:mode=1777 --tmpfs=/data:mode=1777 "
    "--env=TRADING_ASSETS_CONFIG="
)
PREPARE = ("ui", "--prepare")


class Instruction(NamedTuple):
    word: str
    text: str
    stage: int


def instructions() -> list[Instruction]:
    """Instructions of the Dockerfile, lines that go on joined; a stage begins with FROM, 0 is before the first."""
    text = re.sub(r"(?m)^#.*\n", "", (DOCKER / "Dockerfile").read_text())
    found, stage = [], 0
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            stage += word == "FROM"
            found.append(Instruction(word, rest.strip(), stage))
    return found


def of(word: str, stage: int | None = None) -> list[str]:
    return [each.text for each in instructions() if each.word == word and stage in (None, each.stage)]


def docker_runs() -> bool:
    """Whether there is a client, and a daemon that answers it."""
    program = shutil.which("docker")
    if program is None:
        return False
    return subprocess.run([program, "version"], capture_output=True, check=False, timeout=30).returncode == 0


class _Loader(yaml.SafeLoader):
    """Compose's own tag empties a list of a file before."""


_Loader.add_constructor("!reset", lambda loader, node: [])


def composed(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=_Loader)


def services() -> dict[str, dict[str, Any]]:
    return dict(composed(DOCKER / "compose.yaml")["services"])


def test_the_image_is_small_and_runs_as_nobody_in_particular() -> None:
    assert of("FROM") == ["${PYTHON} AS build", "${PYTHON}"]
    assert of("USER", 2) == ["10001:10001"]
    assert not of("RUN", 2)  # nothing is installed beside what the first stage made
    assert of("COPY", 2) == ["--from=build /opt/trading_assets /opt/trading_assets"]
    assert len(of("HEALTHCHECK", 2)) == 1
    words = [each.word for each in instructions() if each.stage == 2]
    assert words.index("USER") > words.index("COPY")


def test_nothing_secret_or_changeable_is_built_in() -> None:
    names = [part.split("=")[0] for text in (*of("ENV"), *of("ARG")) for part in text.split() if "=" in part]
    assert {"PYTHON", "UV_VERSION", "EXTRAS", "DAGSTER_HOME"} <= {*names}
    assert not {*names} & {*VARIABLES}
    makefile = (REPOSITORY / "Makefile").read_text()
    assert f"UV_VERSION := {dict(each.split('=', 1) for each in of('ARG', 1))['UV_VERSION']}\n" in makefile
    assert all("--frozen" in each for each in of("RUN") if " sync " in each)  # what uv.lock says, by its hashes


def test_what_is_copied_is_there_and_nothing_else_is_sent_to_the_builder() -> None:
    rules = [each for each in (REPOSITORY / ".dockerignore").read_text().split("\n") if each and each[0] != "#"]
    assert rules[0] == "*"
    sent = {each[1:] for each in rules if each.startswith("!")}
    copied = {name for text in of("COPY", 1) for name in text.split()[:-1]}
    assert copied == sent
    assert all((REPOSITORY / name).exists() for name in copied)
    assert any(fnmatch.fnmatch("trading_assets/.env", each) for each in rules[1:])


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_files_fit_the_schema_of_compose(path: Path) -> None:
    schema = resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    validator = jsonschema.validators.validator_for(json.loads(schema.read_text()))
    assert [each.message for each in validator(json.loads(schema.read_text())).iter_errors(composed(path))] == []


def test_services_are_locked_down() -> None:
    found = services()
    assert {"daemon", "webserver"} <= {*found}
    for name, service in found.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        assert "docker.sock" not in json.dumps(service), name
    assert [name for name, service in found.items() if service.get("user")] == ["owner"]
    assert found["owner"]["network_mode"] == "none"
    assert found["owner"]["env_file"] == []
    assert found["owner"]["volumes"] == ["data:/data"]
    published = [each for service in found.values() for each in service.get("ports", [])]
    assert published
    assert all(each.startswith("127.0.0.1:") for each in published)
    assert composed(DOCKER / "compose.proxy.yaml")["services"]["webserver"]["ports"] == []
    assert found["webserver"]["pid"] == "service:daemon"
    assert found["webserver"]["hostname"] == found["daemon"]["hostname"]


def test_services_begin_with_programs_and_files_that_there_are(tmp_path: Path) -> None:
    binaries = REPOSITORY / ".venv/bin"
    for name in ("daemon", "webserver"):
        program, *arguments = services()[name]["entrypoint"]
        assert (binaries / program).exists()
        assert arguments[-1] == f"/data/dagster_home/{FILE}"
        asked = [*arguments[:-2], "--help"]
        done = subprocess.run([binaries / program, *asked], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "--workspace" in done.stdout
    assert services()["home"]["command"] == ["ui", "--prepare"]


def test_the_template_names_every_variable_and_holds_no_value_of_one() -> None:
    lines = (DOCKER / "env.template").read_text().splitlines()
    stated = dict(each.lstrip("#").split("=", 1) for each in lines if re.match(r"#?[A-Z][A-Z0-9_]*=", each))
    used = {name for path in COMPOSE for name in re.findall(r"\$\{([A-Z_]+)", path.read_text())}
    used |= {*re.findall(r"\{\$([A-Z_]+)\}", (DOCKER / "Caddyfile").read_text())}
    assert {name for name in stated if not name.endswith(FILE_SUFFIX)} == {*VARIABLES} | used
    assert {name.removesuffix(FILE_SUFFIX) for name in stated if name.endswith(FILE_SUFFIX)} <= {*VARIABLES}
    filled = {name: value for name, value in stated.items() if value.strip("'") and f"#{name}={value}" not in lines}
    assert {*filled} == {"TRADING_ASSETS_CONFIG_FOLDER", "TRADING_ASSETS_SECRETS_FOLDER", "TRADING_ASSETS_PORT"}
    ignored = subprocess.run(
        ["git", "check-ignore", "docker/.env", ".env", "docker/secrets/key"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout.split() == ["docker/.env", ".env", "docker/secrets/key"]


def test_files_of_secrets_in_the_template_lie_where_every_service_that_needs_them_can_read_them() -> None:
    named = re.findall(r"(?m)^#?[A-Z_]+_FILE=(.+)$", (DOCKER / "env.template").read_text())
    assert named
    for name in ("home", "daemon", "webserver"):
        mounted = [each.removesuffix(":ro").rpartition(":")[2] for each in services()[name]["volumes"]]
        assert all(any(path.startswith(f"{folder}/") for folder in mounted) for path in named), name


def test_variables_of_secrets_in_the_code_are_in_the_list() -> None:
    """A name that a default of a key, or a class of a vendor, reads a secret by."""
    text = "\n".join(path.read_text() for path in (REPOSITORY / "trading_assets").rglob("*.py"))
    found = {*re.findall(r'"([A-Z][A-Z0-9_]*(?:_KEY|_KEY_ID|_TOKEN|_SECRET|_URI|_PASSWORD))"', text)}
    assert found - {"SYMBOL_KEY"} == {*VARIABLES}


def test_dagster_reads_the_storage_of_the_compose_file(tmp_path: Path) -> None:
    """Dagster itself validates the keys; no database is opened."""
    shutil.copy(DOCKER / "dagster.postgres.yaml", tmp_path / "dagster.yaml")
    storage = InstanceRef.from_dir(str(tmp_path)).storage_data
    assert storage is not None
    assert (storage.module_name, storage.class_name) == ("dagster_postgres", "DagsterPostgresStorage")
    named = {*re.findall(r"env: (\w+)", (DOCKER / "dagster.postgres.yaml").read_text())}
    for service in ("home", "daemon", "webserver"):
        given = composed(DOCKER / "compose.postgres.yaml")["services"][service]["environment"]
        assert {*given} == named
    assert dg.__version__.split(".")[0] == "1"
    ours = yaml.safe_load(SETTINGS)
    assert {key: each for key, each in composed(tmp_path / "dagster.yaml").items() if key != "storage"} == ours
    assert lacking(tmp_path) == []


@pytest.mark.acceptance
def test_the_steps_of_the_image_make_a_program_in_a_plain_directory(tmp_path: Path) -> None:
    """RUN and COPY as Docker does them, with another root; then the program starts, without the repository."""
    root = tmp_path / "root"
    (root / "opt").mkdir(parents=True)
    arguments = dict(each.split("=", 1) for each in of("ARG", 1))
    variables = dict(part.split("=", 1) for text in of("ENV", 1) for part in text.split())
    work = root / "build"
    work.mkdir()

    def placed(text: str) -> str:
        for name, value in arguments.items():
            text = text.replace("${" + name + "}", value.strip('"'))
        return text.replace("/opt/", f"{root}/opt/")

    environment = {**os.environ, **{name: placed(value) for name, value in variables.items()}}
    for each in instructions():
        if each.stage == 1 and each.word == "COPY":
            *sources, target = each.text.split()
            for name in sources:
                source, to = REPOSITORY / name, work / (name if target == "./" else target)
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, to, ignore=ignored) if source.is_dir() else shutil.copy(source, to)
        elif each.stage == 1 and each.word == "RUN":
            subprocess.run(
                ["sh", "-ec", placed(each.text)], cwd=work, env=environment, check=True, timeout=LONGEST_BUILD
            )
    shutil.rmtree(work)
    program = root / "opt/trading_assets/bin/trading-assets"
    own = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "code")}
    for command in (["--version"], ["config", "check", "--data", str(tmp_path / "data")], ["ui", "--prepare"]):
        done = subprocess.run([program, *command], cwd=tmp_path, env=own, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.acceptance
def test_the_image_is_built_and_starts_with_a_root_that_cannot_be_written() -> None:
    if not docker_runs():
        pytest.skip("Docker does not run here")
    tag = "trading-assets-smoke"
    build = ["docker", "build", "--quiet", "--file", "docker/Dockerfile", "--tag", tag, "."]
    subprocess.run(build, cwd=REPOSITORY, check=True, timeout=LONGEST_BUILD)
    done = subprocess.run([*LOCKED.split(), tag, *PREPARE], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


def test_the_workflow_starts_what_writes_with_a_root_that_cannot_be_written() -> None:
    """The version is printed before anything is written: it starts anywhere."""
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/tests.yaml").read_text())
    [step] = [
        each
        for job in workflow["jobs"].values()
        for each in job["steps"]
        if each.get("name") == "it starts with a root that cannot be written"
    ]
    assert step["run"].split() == [*LOCKED.split(), "trading-assets", *PREPARE]
