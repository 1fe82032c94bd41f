"""What deploy/ relies on is there: parsed, since an engine for containers is not everywhere."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.ready import main as ready
from ilo.cli import _parser
from ilo.config_schema import general_problems
from ilo.secrets import (
    ADMIN_SECRET_VARIABLE,
    CASSANDRA_PASSWORD_VARIABLE,
    NODE_SECRET_VARIABLE,
)
from tests.support.ilo_process import ROOT, running

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "relay")
DOORS = {"api": ("api_listen", 7999), "relay": ("relay_listen", 4000)}


def config_of(service: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(
        (DEPLOY / service / "general_config.yaml").read_text("utf-8")
    )
    return config


def test_there_are_cassandra_its_keyspace_and_both_halves() -> None:
    assert set(SERVICES) == {"cassandra", "keyspace", *OURS}
    assert SERVICES["cassandra"]["image"] == SERVICES["keyspace"]["image"] == "cassandra:5"
    assert "ports" not in SERVICES["cassandra"]
    assert COMPOSE["networks"]["store"] == {"internal": True}


@pytest.mark.parametrize("service", OURS)
def test_its_command_is_one_of_ilo(service: str) -> None:
    options = _parser().parse_args(SERVICES[service]["command"])

    assert str(options.config) == "/etc/ilo"
    assert f"./{service}:/etc/ilo:ro" in SERVICES[service]["volumes"]


@pytest.mark.parametrize("service", OURS)
def test_its_configuration_fits_the_schema_and_names_what_it_is_given(service: str) -> None:
    config = config_of(service)

    assert general_problems(config) == []
    assert config["Cassandra_address"] == "cassandra"
    named = {
        value.removeprefix("/run/secrets/")
        for value in config.values()
        if isinstance(value, str) and value.startswith("/run/secrets/")
    }
    assert named == set(SERVICES[service]["secrets"]) <= set(COMPOSE["secrets"])
    # Read-only but for this.
    assert config["data_dir"].startswith("/tmp/")  # noqa: S108


@pytest.mark.parametrize("service", OURS)
def test_its_door_is_published_and_looked_at(service: str) -> None:
    key, port = DOORS[service]

    assert config_of(service)[key] == f"0.0.0.0:{port}"
    assert SERVICES[service]["ports"] == [f"{port}:{port}"]
    assert SERVICES[service]["healthcheck"]["test"][-1] == f"https://127.0.0.1:{port}/ready"


def test_the_relay_asks_the_api_by_a_name_that_leads_there() -> None:
    host = re.fullmatch(r"https://(.+):7999", config_of("relay")["api_url"])

    assert host is not None
    assert host[1] in SERVICES["api"]["networks"]["doors"]["aliases"]
    assert "doors" in SERVICES["relay"]["networks"]


def test_the_keyspace_and_the_datacenter_are_the_same_everywhere() -> None:
    [*_, statement] = SERVICES["keyspace"]["command"]
    made = re.search(r"IF NOT EXISTS (\w+) .*'NetworkTopologyStrategy', '(\w+)': 1", statement)

    assert made is not None
    for service in OURS:
        config = config_of(service)
        assert (config["Cassandra_keyspace"], config["Cassandra_datacenter"]) == made.groups()
    assert SERVICES["cassandra"]["environment"]["CASSANDRA_DC"] == made[2]


def test_no_secret_stands_in_the_files() -> None:
    for file in DEPLOY.rglob("*"):
        if file.is_file():
            text = file.read_text("utf-8")
            for variable in (
                ADMIN_SECRET_VARIABLE,
                NODE_SECRET_VARIABLE,
                CASSANDRA_PASSWORD_VARIABLE,
            ):
                assert variable not in text
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())


def test_what_the_image_is_made_of_is_there_and_not_left_out() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
        for name in line.split()
    ]
    let_in = set(
        re.findall(
            r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8"), re.MULTILINE
        )
    )

    assert {"requirements.txt", "ilo/", "store/"} <= set(copied) == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert SERVICES["api"]["build"] == {"context": "..", "dockerfile": "deploy/Dockerfile"}


def test_the_health_check_tells_who_is_ready(tmp_path: Path) -> None:
    with running(tmp_path) as ilo:
        there = ready(f"{ilo.api_url}/ready")
    gone = ready(f"{ilo.api_url}/ready")

    assert (there, gone) == (0, 1)
