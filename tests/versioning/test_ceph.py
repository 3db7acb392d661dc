"""A real S3 server that checks signatures. `.ci/run` starts it; here: scripts/ceph-rgw up."""

import os
import uuid

import pytest
from own import held

URL, KEY, SECRET = (
    os.environ.get(f"MLOPS_TEST_S3_{name}", "") for name in ("URL", "KEY", "SECRET")
)

pytestmark = pytest.mark.skipif(
    not URL, reason='no S3 server (eval "$(scripts/ceph-rgw up)" starts one)'
)


def client():
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=URL,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture
def bucket():
    name = f"mlops-{uuid.uuid4()}"
    client().create_bucket(Bucket=name)
    return name


@pytest.fixture(autouse=True)
def _region(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def add(mlops, bucket, key=KEY, secret=SECRET):
    words = ("there", f"s3://{bucket}/store", f"endpointurl={URL}")
    secrets = ("access_key_id=-", "secret_access_key=-")
    done = mlops("remote", "add", *words, *secrets, "--force", input=f"{key}\n{secret}\n")
    assert done.exit_code == 0, done.stderr
    return done


def test_what_was_pushed_comes_back_byte_by_byte(root, bucket, mlops, tmp_path, monkeypatch):
    add(mlops, bucket)
    assert mlops("remote", "check", "there", json=True).json["writable"] is True
    sent = mlops("push", "-r", "there", json=True)
    assert sent.json["sent"] == 6, sent.stderr
    second = held.clone(root, tmp_path / "second")
    monkeypatch.chdir(second)
    came = mlops("pull", "-r", "there", json=True)
    assert came.exit_code == 0, came.stderr
    assert held.contents(second) == held.FILES


@pytest.mark.parametrize(
    ("key", "secret"),
    [(KEY, "not-the-secret"), ("not-the-key", SECRET)],
    ids=["secret", "key"],
)
@pytest.mark.parametrize("command", ["push", "pull", "status"])
def test_a_wrong_signature_is_one_line(root, bucket, key, secret, command, mlops):
    add(mlops, bucket, key, secret)
    if command == "pull":
        held.forget(root)
    done = mlops(command, "-r", "there")
    assert (done.exit_code, done.stdout) == (4, "")
    first, second = done.stderr.splitlines()
    assert first.startswith(f"error: the remote there (s3://{bucket}/store) refuses: ")
    assert second.startswith("hint: export AWS_ACCESS_KEY_ID")
    assert "not-the" not in done.stderr


def test_a_missing_bucket(root, mlops):
    add(mlops, "no-such-bucket")
    done = mlops("push", "-r", "there")
    assert done.exit_code == 5
    assert "is not there" in done.stderr


def test_the_bucket_of_somebody_else(root, bucket, mlops):
    client().put_bucket_policy(
        Bucket=bucket,
        Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",'
        f'"Action":"s3:PutObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}',
    )
    add(mlops, bucket)
    assert mlops("remote", "check", "there", "--read-only").exit_code == 0
    done = mlops("remote", "check", "there")
    assert done.exit_code == 4
    assert "(it can be read, not written)" in done.stderr
    done = mlops("push", "-r", "there")
    assert done.exit_code == 4
    assert "(0 of 6 files sent)" in done.stderr


def test_a_file_that_was_replaced_in_the_bucket_is_not_taken(
    root, bucket, mlops, tmp_path, monkeypatch
):
    add(mlops, bucket)
    assert mlops("push", "-r", "there").exit_code == 0
    oid = held.oid("model.bin")
    content = bytearray(held.FILES["model.bin"])
    content[-1] ^= 1
    key = f"store/files/md5/{oid[:2]}/{oid[2:]}"
    client().put_object(Bucket=bucket, Key=key, Body=bytes(content))
    second = held.clone(root, tmp_path / "second")
    monkeypatch.chdir(second)
    done = mlops("pull", "-r", "there")
    assert done.exit_code == 5
    assert "model.bin: damaged in the remote there, and not taken" in done.stderr
    assert not (second / "model.bin").exists()
    assert held.wrong(second / ".dvc" / "cache") == []
