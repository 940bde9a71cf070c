# The pipeline with Airflow, installed from the lock files; the same image runs every service of docker-compose.yml.
FROM python:3.11-slim-bookworm

# Whose provider the image holds besides: local (none), celery or kubernetes; docs/operate/executors.md
ARG EXECUTOR=local

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/kennzahlen/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    KENNZAHLEN_STORE=/opt/kennzahlen/store

WORKDIR /opt/kennzahlen
COPY requirements.lock requirements-build.lock requirements-celery.lock requirements-kubernetes.lock ./
RUN python -m pip install --no-deps --require-hashes -r requirements-build.lock \
 && python -m pip install --no-deps --require-hashes -r requirements.lock \
 && if [ "$EXECUTOR" != local ]; then python -m pip install --no-deps --require-hashes -r "requirements-$EXECUTOR.lock"; fi

COPY pyproject.toml README.md ./
COPY src ./src
COPY expectations ./expectations
COPY corrections ./corrections
COPY dags ./dags
# editable, so that rules and code lists stay where an operator can read them
RUN python -m pip install --no-deps --no-build-isolation -e . && python -m pip check

RUN useradd --uid 50000 --gid 0 --create-home kennzahlen \
 && mkdir -p /opt/airflow/logs /opt/kennzahlen/store \
 && chown -R 50000:0 /opt/airflow /opt/kennzahlen/store \
 && chmod -R g=u /opt/airflow /opt/kennzahlen/store
USER 50000

COPY deploy/entrypoint /entrypoint
ENTRYPOINT ["/entrypoint"]
CMD ["version"]
