"""A bucket on an S3 server of its own, for engines whose executors work on one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAME = "kennzahlen"


@contextmanager
def s3_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """Yield boto3's client and the address of the store in the bucket, which is empty at first."""
    import boto3
    from moto.server import ThreadedMotoServer

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        client.create_bucket(Bucket=NAME)
        yield client, f"s3://{NAME}/store?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        client.delete_objects(Bucket=NAME, Delete={"Objects": [{"Key": key} for key in keys(client)]})
    finally:
        server.stop()


def keys(client: Any) -> list[str]:
    """Return the names of all objects of the bucket."""
    return [entry["Key"] for entry in client.list_objects_v2(Bucket=NAME).get("Contents", ())]
