"""Every kind of remote gives back the very bytes it was given, and tells what it refuses."""

import contextlib

import pytest
from own import held, servers

from mlops_cli.versioning.repository import opened

AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def s3():
    with servers.s3() as url:
        yield url


def make_bucket(url, name):
    import boto3

    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket=name)


@pytest.fixture(params=["folder", "s3", "ssh", "webdav"])
def place(request, tmp_path, monkeypatch):
    """The words behind `mlops remote add NAME`, and the stdin they need."""
    served = tmp_path / "served"
    served.mkdir()
    secret = f"{servers.PASSWORD}\n"
    with contextlib.ExitStack() as stack:
        if request.param == "folder":
            yield (str(served),), ""
        elif request.param == "s3":
            for name, value in AWS.items():
                monkeypatch.setenv(name, value)
            url, bucket = request.getfixturevalue("s3"), tmp_path.name.replace("_", "-")
            make_bucket(url, bucket)
            yield (f"s3://{bucket}/store", f"endpointurl={url}"), ""
        elif request.param == "ssh":
            url = stack.enter_context(servers.ssh(served))
            yield (f"{url}/store", f"user={servers.USER}", "password=-"), secret
        else:
            url = stack.enter_context(servers.webdav(served))
            yield (f"{url}/store", f"user={servers.USER}", "password=-"), secret


def test_what_was_pushed_comes_back_byte_by_byte(root, place, mlops, tmp_path, monkeypatch):
    words, stdin = place
    added = mlops("remote", "add", "there", *words, json=True, input=stdin)
    assert added.exit_code == 0, added.stderr

    checked = mlops("remote", "check", "there", json=True)
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.json["writable"] is True

    sent = mlops("push", "--remote", "there", json=True)
    assert sent.exit_code == 0, sent.stderr
    assert sent.json["sent"] == sent.json["files"] == 6
    assert sent.json["bytes"] > sum(map(len, held.FILES.values()))
    assert mlops("push", "--remote", "there", json=True).json["sent"] == 0
    assert mlops("status", "--remote", "there", json=True).json["unpushed"] == []

    second = held.clone(root, tmp_path / "second")
    monkeypatch.chdir(second)
    assert held.contents(second) == {}
    came = mlops("pull", "--remote", "there", json=True)
    assert came.exit_code == 0, came.stderr
    assert came.json["fetched"] == 6
    assert came.json["bytes"] == sent.json["bytes"]
    assert held.contents(second) == held.FILES
    assert mlops("pull", "--remote", "there", json=True).json["fetched"] == 0
    assert mlops("status", "--remote", "there", json=True).json["next_step"] == "mlops train"


def test_a_part_of_a_folder_comes_alone(root, place, mlops, tmp_path, monkeypatch):
    words, stdin = place
    mlops("remote", "add", "there", *words, input=stdin)
    assert mlops("push", "-r", "there").exit_code == 0
    second = held.clone(root, tmp_path / "second")
    monkeypatch.chdir(second / "data")
    came = mlops("pull", "-r", "there", "pictures/deep/2.png", "reviews.csv", json=True)
    assert came.exit_code == 0, came.stderr
    assert set(held.contents(second)) == {"data/pictures/deep/2.png", "data/reviews.csv"}


def test_dvc_itself_reads_what_was_pushed_and_writes_what_is_pulled(
    root, place, mlops, tmp_path, monkeypatch
):
    words, stdin = place
    mlops("remote", "add", "there", *words, input=stdin)
    assert mlops("push", "-r", "there", "model.bin").exit_code == 0
    with opened(root, locked=False) as repo:
        assert repo.push(remote="there") == 5
    second = held.clone(root, tmp_path / "second")
    monkeypatch.chdir(second)
    assert mlops("pull", "-r", "there", "data/pictures").exit_code == 0
    with opened(second, locked=False) as repo:
        repo.pull(remote="there")
    assert held.contents(second) == held.FILES


def test_the_web_gives_and_takes_nothing(root, mlops, tmp_path, monkeypatch):
    assert mlops("push").exit_code == 0
    with servers.web(root / ".dvc-storage") as url:
        mlops("remote", "add", "web", url)
        checked = mlops("remote", "check", "web", json=True)
        assert checked.json["writable"] is None

        second = held.clone(root, tmp_path / "second")
        monkeypatch.chdir(second)
        assert mlops("pull", "-r", "web").exit_code == 0
        assert held.contents(second) == held.FILES

        (second / "new.csv").write_text("text\n", "utf-8")
        held.hold(second, "new.csv")
        refused = mlops("push", "-r", "web")
        assert refused.exit_code == 1
        assert "takes no files" in refused.stderr.splitlines()[-2]


def test_a_bucket_that_is_not_there(root, s3, mlops, monkeypatch):
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    mlops("remote", "add", "gone", "s3://no-such-bucket/store", f"endpointurl={s3}")
    held.forget(root)
    for command in (("remote", "check", "gone"), ("push", "-r", "gone"), ("pull", "-r", "gone")):
        done = mlops(*command)
        assert done.exit_code == 5
        assert done.stderr.startswith("error: the remote gone (s3://no-such-bucket/store) is not ")
        assert "hint: make the bucket" in done.stderr


def test_no_credential(root, s3, mlops):
    mlops("remote", "add", "there", "s3://bucket", f"endpointurl={s3}")
    done = mlops("push", "-r", "there")
    assert done.exit_code == 4
    assert done.stderr == (
        "error: the remote there (s3://bucket) refuses: Unable to locate credentials\n"
        "hint: export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile=\n"
    )


@pytest.mark.parametrize("kind", ["ssh", "webdav"])
def test_a_wrong_password_is_told_and_not_shown(root, kind, mlops, tmp_path):
    with getattr(servers, kind)(tmp_path) as url:
        words = (f"{url}/store", f"user={servers.USER}", "password=-")
        mlops("remote", "add", "there", *words, input="sesame-open\n")
        for command in ("push", "status", "pull"):
            if command == "pull":
                held.forget(root)
            done = mlops(command, "-r", "there", json=True)
            assert (done.exit_code, done.stdout) == (4, "")
            assert len(done.stderr.splitlines()) == 1
            assert "sesame" not in done.stderr
            assert "user=" in done.stderr


@pytest.mark.parametrize("scheme", ["s3", "ssh", "webdav", "http"])
def test_nobody_listens(root, scheme, mlops, monkeypatch):
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    port = servers.free_port()
    words = (
        ("s3://bucket", f"endpointurl=http://127.0.0.1:{port}")
        if scheme == "s3"
        else (f"{scheme}://127.0.0.1:{port}/store",)
    )
    mlops("remote", "add", "there", *words)
    done = mlops("push", "-r", "there")
    assert done.exit_code == 5
    assert "can't be reached" in done.stderr.splitlines()[0]
    assert len(done.stderr.splitlines()) == 2
    done = mlops("status", "-r", "there")
    assert done.exit_code == 5
    assert done.stderr.splitlines()[-1].endswith("mlops status --local asks no remote")


@pytest.mark.parametrize("scheme", ["s3", "ssh", "webdav", "http"])
def test_a_host_that_never_answers_is_given_up(root, scheme, mlops, monkeypatch):
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("mlops_cli.versioning.connection.SECONDS_TO_ANSWER", 1.0)
    with servers.silence() as port:
        words = (
            ("s3://bucket", f"endpointurl=http://127.0.0.1:{port}")
            if scheme == "s3"
            else (f"{scheme}://127.0.0.1:{port}/store",)
        )
        mlops("remote", "add", "there", *words)
        done = mlops("status", "-r", "there")
        assert done.exit_code == 5
        assert done.stderr.endswith(
            "does not answer within 1 s\nhint: check its URL and the network; "
            "mlops status --local asks no remote\n"
        )


@pytest.mark.parametrize(
    ("url", "extra"), [("gs://bucket/store", "gs"), ("azure://container/store", "azure")]
)
def test_a_missing_package_is_one_pip_command(root, mlops, url, extra):
    mlops("remote", "add", "there", url)
    for command in (("remote", "check", "there"), ("push", "-r", "there")):
        done = mlops(*command)
        assert done.exit_code == 4
        assert done.stderr.endswith(f"hint: pip install 'mlops-cli[{extra}]'\n")
