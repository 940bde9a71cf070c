"""compose.celery.yaml and the values for Kubernetes name only settings that exist, agree with each other and fit the DAGs."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.settings import Settings, load_settings

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
CELERY = REPOSITORY / "compose.celery.yaml"
VALUES = REPOSITORY / "deploy" / "kubernetes" / "values.yaml"
CLAIMS = REPOSITORY / "deploy" / "kubernetes" / "claims.yaml"
ENTRYPOINT = REPOSITORY / "deploy" / "entrypoint"
REQUIRED = re.findall(r"^([A-Z_]+)=$", (REPOSITORY / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
AIRFLOW_SERVICES = (
    "airflow-init",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
)

PROVIDERS = {
    # get_provider_info.py of apache-airflow-providers-celery 3.26.0 and -cncf-kubernetes 10.25.0, which are not installed here
    "celery": {"broker_url", "result_backend", "worker_concurrency"},
    "celery_broker_transport_options": {"visibility_timeout"},
    "kubernetes_executor": {"delete_worker_pods", "delete_worker_pods_on_failure", "worker_pods_creation_batch_size"},
}
RESOURCES = {"cpu", "memory"}
CHART = {
    # what chart 1.22.0 knows of what the values say: values.yaml, values.schema.json and release notes of the chart
    "airflowVersion": None,
    "defaultAirflowRepository": None,
    "defaultAirflowTag": None,
    "executor": None,
    "airflowLocalSettings": None,
    "env": None,
    "secret": None,
    "volumes": None,
    "volumeMounts": None,
    "data": {"metadataSecretName"},
    "fernetKeySecretName": None,
    "jwtSecretName": None,
    "apiSecretKeySecretName": None,
    "config": None,
    "workers": {"kubernetes"},
    "scheduler": {"replicas", "resources", "logGroomerSidecar"},
    "apiServer": {"resources", "extraInitContainers", "extraVolumes", "extraVolumeMounts"},
    "dagProcessor": {"resources", "logGroomerSidecar"},
    "triggerer": {"persistence", "resources", "logGroomerSidecar"},
    "logs": {"persistence"},
    "createUserJob": {"enabled"},
    "dags": {"persistence", "gitSync"},
    "postgresql": {"enabled"},
    "redis": {"enabled"},
    "statsd": {"enabled"},
}


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return load(VALUES)


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the services as docker-compose merges both files."""
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed (apt-get install docker-compose)")
    empty = tmp_path_factory.mktemp("compose") / "empty.env"
    empty.touch()
    done = subprocess.run(
        [
            program,
            "-f",
            str(COMPOSE),
            "-f",
            str(CELERY),
            "--project-directory",
            str(REPOSITORY),
            "--env-file",
            str(empty),
            "config",
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            **dict.fromkeys(REQUIRED, "/x"),
            "REDIS_PASSWORD": "hush",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return services


def environment_of(values: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in values["env"]}


def bytes_of(size: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)([KMGT]i?)B?", size).groups()  # type: ignore[union-attr]
    return float(number) * (1024 if unit.endswith("i") else 1000) ** ("KMGT".index(unit[0]) + 1)


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", [COMPOSE, CELERY, VALUES, REPOSITORY / "Makefile", REPOSITORY / "Dockerfile"], ids=lambda f: f.name
)
def test_every_setting_of_airflow_exists(file: Path) -> None:
    from airflow.configuration import conf

    known = {(s, o) for s, section in conf.configuration_description.items() for o in section["options"]}
    known |= {(section, option) for section, options in PROVIDERS.items() for option in options}
    named = re.findall(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)", file.read_text(encoding="utf-8"))
    if file == VALUES:
        named += [(s, o) for s, options in load(file)["config"].items() for o in options]
    assert named
    assert {(section.lower(), option.lower()) for section, option in named} - known == set()


@pytest.mark.parametrize("file", [CELERY, VALUES], ids=lambda f: f.name)
def test_every_setting_of_ours_exists(file: Path) -> None:
    known = {f"KENNZAHLEN_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    known |= {"KENNZAHLEN_STORE", "KENNZAHLEN_SOURCES", "KENNZAHLEN_SCHEDULE_START", "KENNZAHLEN_IMAGE"}
    named = set(re.findall(r"KENNZAHLEN_[A-Z_]+", file.read_text(encoding="utf-8")))
    assert "KENNZAHLEN_STORE" in named
    assert named - known == set()


def test_the_values_name_only_what_the_chart_knows(values: dict[str, Any]) -> None:
    assert set(values) - set(CHART) == set()
    for name, below in CHART.items():
        if below is not None:
            assert set(values[name]) - below == set(), name
    sized = [
        values["workers"]["kubernetes"],
        *(values[n] for n in ("scheduler", "apiServer", "dagProcessor", "triggerer")),
    ]
    for entry in sized:
        assert set(entry["resources"]) == {"requests", "limits"}
        assert all(set(amounts) <= RESOURCES for amounts in entry["resources"].values())


def test_the_settings_in_the_values_can_be_used(values: dict[str, Any]) -> None:
    settings = load_settings(environment_of(values))
    assert settings.mail_to
    assert settings.smtp_host


def test_the_chart_and_airflow_are_those_of_the_lock(values: dict[str, Any]) -> None:
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    assert f"\napache-airflow=={values['airflowVersion']} " in lock


# -- CeleryExecutor ----------------------------------------------------------------------------------------------------


def test_all_services_of_airflow_become_those_of_celery(merged: dict[str, Any]) -> None:
    for name in (*AIRFLOW_SERVICES, "airflow-worker"):
        environment = merged[name]["environment"]
        assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor", name
        assert environment["AIRFLOW__CELERY__BROKER_URL"] == "redis://:hush@redis:6379/0", name
        assert environment["AIRFLOW__CELERY__RESULT_BACKEND"].startswith("db+postgresql+psycopg2://airflow:"), name
        assert merged[name]["build"]["args"] == {"EXECUTOR": "celery"}, name
        assert merged[name]["image"] == merged["airflow-worker"]["image"], name


def test_a_worker_knows_what_the_scheduler_knows(merged: dict[str, Any]) -> None:
    """The file repeats the environment, so that a worker can stand on a machine of its own; nothing may be forgotten."""
    scheduler, worker = (merged[name]["environment"] for name in ("airflow-scheduler", "airflow-worker"))
    of_others = {"AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK"} | {n for n in scheduler if "SIMPLE_AUTH_MANAGER" in n}
    assert set(scheduler) - set(worker) == of_others
    assert {name for name in worker if worker[name] != scheduler.get(name)} == set()
    shared = {v for v in merged["airflow-scheduler"]["volumes"] if "passwords.json" not in v}
    assert set(merged["airflow-worker"]["volumes"]) == shared


def test_nothing_waits_in_the_queue_and_no_task_is_given_out_twice(merged: dict[str, Any], bag: Any) -> None:
    environment = merged["airflow-worker"]["environment"]
    assert int(environment["AIRFLOW__CELERY__WORKER_CONCURRENCY"]) >= int(environment["AIRFLOW__CORE__PARALLELISM"])
    given_again = timedelta(seconds=int(environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]))
    longest = [task.execution_timeout for dag in bag.dags.values() for task in dag.tasks if task.execution_timeout]
    assert longest
    assert given_again > max(longest)


def test_workers_can_be_scaled_and_are_watched(merged: dict[str, Any]) -> None:
    worker = merged["airflow-worker"]
    assert "container_name" not in worker
    assert "ports" not in worker
    assert worker["healthcheck"]["test"]
    assert merged["redis"]["healthcheck"]["test"]
    assert "ports" not in merged["redis"]
    assert merged["airflow-scheduler"]["depends_on"]["redis"]["condition"] == "service_healthy"
    assert merged["airflow-scheduler"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_the_broker_has_no_default_password() -> None:
    uses = re.findall(r"\$\{REDIS_PASSWORD[^}]*\}", CELERY.read_text(encoding="utf-8"))
    assert uses
    assert all(":?" in use for use in uses)


# -- KubernetesExecutor ------------------------------------------------------------------------------------------------


def test_every_task_gets_a_pod_and_callbacks_an_executor_that_takes_them(
    values: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "airflow_local_settings.py").write_text(values["airflowLocalSettings"], encoding="utf-8")
    code = f"""
import airflow
from airflow.dag_processing.dagbag import DagBag
from airflow.executors.executor_loader import ExecutorLoader
bag = DagBag(dag_folder={str(REPOSITORY / "dags")!r})
print("ERRORS", bag.import_errors)
print("EXECUTORS", sorted({{str(task.executor) for dag in bag.dags.values() for task in dag.tasks}}))
default, _ = ExecutorLoader.import_default_executor_cls()
print("DEFAULT", default.__name__, default.supports_callbacks)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
        | {
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__EXECUTOR": values["executor"],
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "ERRORS {}" in done.stdout
    assert "EXECUTORS ['KubernetesExecutor']" in done.stdout
    assert "DEFAULT LocalExecutor True" in done.stdout


def test_the_pod_of_a_task_has_twice_the_memory_that_duckdb_may_take(values: dict[str, Any]) -> None:
    settings = load_settings(environment_of(values))
    resources = values["workers"]["kubernetes"]["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert bytes_of(resources["limits"]["memory"]) >= 2 * bytes_of(settings.memory_limit)
    assert float(resources["requests"]["cpu"]) >= settings.threads


def test_all_pods_share_the_store_and_the_logs(values: dict[str, Any]) -> None:
    (volume,), (mount,) = values["volumes"], values["volumeMounts"]
    assert volume["name"] == mount["name"]
    assert mount["mountPath"] == environment_of(values)["KENNZAHLEN_STORE"]
    named = {volume["persistentVolumeClaim"]["claimName"], values["logs"]["persistence"]["existingClaim"]}
    claims = list(yaml.safe_load_all(CLAIMS.read_text(encoding="utf-8")))
    assert {claim["metadata"]["name"] for claim in claims} == named
    assert all(claim["spec"]["accessModes"] == ["ReadWriteMany"] for claim in claims)


def test_no_secret_stands_in_the_values(values: dict[str, Any]) -> None:
    given = {entry["envName"] for entry in values["secret"]}
    assert "KENNZAHLEN_PSEUDONYM_KEY" in given
    secret = re.compile("KEY|PASSWORD$|SECRET|CONN")
    assert [name for name in environment_of(values) if secret.search(name)] == []
    assert all(values[name] for name in ("fernetKeySecretName", "jwtSecretName", "apiSecretKeySecretName"))
    assert values["data"]["metadataSecretName"]


# -- the image ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "program", "rest"),
    [
        (["scheduler"], "airflow", "scheduler"),
        (["db", "migrate"], "airflow", "db migrate"),
        (["airflow", "db", "check-migrations"], "airflow", "db check-migrations"),
        (["bash", "-c", "exec airflow triggerer"], "bash", "-c exec airflow triggerer"),
        (
            ["python", "-m", "airflow.sdk.execution_time.execute_workload"],
            "python",
            "-m airflow.sdk.execution_time.execute_workload",
        ),
    ],
)
def test_the_image_starts_what_compose_and_the_chart_ask_for(
    arguments: list[str], program: str, rest: str, tmp_path: Path
) -> None:
    for name in ("airflow", "bash", "python"):
        stand_in = tmp_path / name
        stand_in.write_text(f'#!/bin/sh\necho "{name}: $*"\n', encoding="utf-8")
        stand_in.chmod(0o755)
    done = subprocess.run(
        [str(ENTRYPOINT), *arguments], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{program}: {rest}\n"


@pytest.mark.parametrize("executor", ["celery", "kubernetes"])
def test_the_provider_is_locked_by_hash_and_beside_no_package_of_the_main_lock(executor: str) -> None:
    def packages(name: str) -> dict[str, str]:
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        return {
            m[1]: m[2]
            for m in re.finditer(
                r"^([a-z0-9._-]+)==.*?\\\n((?:    --hash=sha256:[0-9a-f]{64}.*\n?)+)", text, re.MULTILINE
            )
        }

    locked = packages(f"requirements-{executor}.lock")
    assert [name for name in locked if name.startswith("apache-airflow-providers-") and name.endswith(executor)]
    assert set(locked) & set(packages("requirements.lock")) == set()
    text = (REPOSITORY / f"requirements-{executor}.lock").read_text(encoding="utf-8")
    assert len(locked) == len(re.findall("^[a-z]", text, re.MULTILINE))
    assert "://" not in text
    assert "COPY requirements.lock requirements-build.lock requirements-celery.lock" in (
        REPOSITORY / "Dockerfile"
    ).read_text(encoding="utf-8")
