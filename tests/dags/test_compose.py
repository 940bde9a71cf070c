"""docker-compose.yml is valid, has what it must have and no default passwords."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.settings import Settings

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
REQUIRED = re.findall(r"^([A-Z_]+)=$", (REPOSITORY / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
SECRETS = (
    "POSTGRES_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET",
    "KENNZAHLEN_PSEUDONYM_KEY",
)


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]


@pytest.fixture
def check(tmp_path):
    """Return a function that validates the file with just the given settings, whatever .env says."""
    empty = tmp_path / "empty.env"
    empty.touch()
    return lambda **environment: validate(empty, environment)


def validate(env_file, environment):
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed (apt-get install docker-compose)")
    return subprocess.run(
        [
            program,
            "--file",
            str(COMPOSE),
            "--project-directory",
            str(REPOSITORY),
            "--env-file",
            str(env_file),
            "config",
            "-q",
        ],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_compose_file_is_valid(check):
    result = check(**dict.fromkeys(REQUIRED, "/x"))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("missing", REQUIRED)
def test_nothing_starts_without_a_required_setting(check, missing):
    result = check(**{name: "/x" for name in REQUIRED if name != missing})
    assert result.returncode != 0
    assert missing in result.stderr


def test_secrets_have_no_defaults():
    text = COMPOSE.read_text(encoding="utf-8")
    assert set(SECRETS) <= set(REQUIRED)
    for name in REQUIRED:
        uses = re.findall(rf"\$\{{{name}[^}}]*\}}", text)
        assert uses
        assert all(":?" in use for use in uses), uses


def test_all_services_are_there_and_healthy_before_others_start(services):
    expected = {"postgres", "airflow-init", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor"}
    assert set(services) == expected | {"airflow-triggerer", "mail"}
    assert services["mail"]["profiles"] == ["dev"]
    for name in set(services) - {"airflow-init"}:
        assert services[name].get("healthcheck"), name
    assert services["airflow-scheduler"]["depends_on"]["airflow-api-server"]["condition"] == "service_healthy"


def test_ports_are_open_on_this_machine_only(services):
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all("127.0.0.1" in port for port in ports), ports


def test_the_store_outlives_the_containers(services):
    for name, service in services.items():
        if name.startswith("airflow-"):
            assert "store:/opt/kennzahlen/store" in service["volumes"]


def test_every_setting_reaches_the_containers_and_is_in_the_example(services):
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    environment = services["airflow-scheduler"]["environment"]
    operator_page = (REPOSITORY / "docs" / "operate" / "betrieb.md").read_text(encoding="utf-8")
    for setting in dataclasses.fields(Settings):
        name = f"KENNZAHLEN_{setting.name.upper()}"
        assert f"`{name}`" in operator_page, name
        if name != "KENNZAHLEN_PSEUDONYM_KEY_FILE":  # containers get the key itself
            assert name in environment, name
            (given,) = re.findall(rf"^(?:# )?{name}=(\S*)", example, re.MULTILINE)
            if name.startswith(("KENNZAHLEN_FETCH", "KENNZAHLEN_MAX")):
                assert float(given) == setting.default, name


def test_the_image_installs_by_hash_and_does_not_run_as_root():
    lines = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    installs = [line for line in lines if "pip install" in line and " -r " in line]
    assert len(installs) == 3
    assert all("--no-deps --require-hashes" in line for line in installs)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 50000"]
