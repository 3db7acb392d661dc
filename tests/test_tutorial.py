"""Every command of the tutorial works and says what the page shows, typed in one shell.

What it reaches by an address is on loopback: S3 is moto, git's host a bare repository, W&B a
stand-in. The pages whose shell blocks need a Docker engine have these typed by tests of their own:
`elsewhere` says where.
"""

import contextlib
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from own import servers, tutorial
from own.shown import blocks, pattern, steps
from own.wandb_stub import Wandb

TESTS = Path(__file__).resolve().parent
LOGIN, KEY = "wandb login", "0815" * 10
"""A person is asked for the key."""
ORIGIN = "git@github.com:team/reviews.git"
WITH_AN_ENGINE = {
    "images.md": ["packaging/test_engine.py", "packaging/test_training.py"],
    "aws.md": ["deployment/test_aws_lambda.py"],
}
"""Pages with shell blocks, and the tests that type these."""


@pytest.fixture
def storage():
    """An S3 with the bucket that the tutorial names; its URL."""
    with servers.s3() as url:
        made = urllib.request.Request(f"{url}/bucket", method="PUT")
        urllib.request.urlopen(made, timeout=30).close()
        yield url


@pytest.fixture
def wandb():
    with contextlib.closing(Wandb()) as server:
        yield server


@pytest.fixture
def origin(tmp_path):
    """The repository on git's host."""
    folder = tmp_path / "origin.git"
    subprocess.run(["git", "init", "--quiet", "--bare", folder], check=True)
    return folder


@pytest.fixture
def shell(tmp_path, storage, wandb, origin):
    """The shell of somebody with credentials."""
    typing = tutorial.Shell(
        tmp_path,
        AWS_ENDPOINT_URL=storage,
        AWS_ACCESS_KEY_ID="me",
        AWS_SECRET_ACCESS_KEY="secret-of-aws",
        AWS_DEFAULT_REGION="us-east-1",
        WANDB_BASE_URL=wandb.url,
        WANDB_MODE="online",
        NETRC=str(tmp_path / "netrc"),  # Where a login is kept.
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.{origin}.insteadOf",
        GIT_CONFIG_VALUE_0=ORIGIN,
    )
    yield typing
    typing.type("kill $! 2>/dev/null")
    typing.close()


@pytest.mark.slow
def test_the_commands_of_the_tutorial_do_what_it_shows(shell, storage, wandb, origin):
    assert shutil.which("curl"), "the tutorial asks the server with curl"
    port = str(servers.free_port())
    for page in tutorial.pages():
        for step in steps(page.read_text("utf-8")):
            typed = step.command.replace("8123", port).replace(LOGIN, f"{LOGIN} {KEY}")
            code, said = shell.type(typed)
            told = f"{page.name}: $ {step.command}\n{said}"
            assert code == (3 if "error:" in "".join(step.shown) else 0), told
            for line in step.shown:
                assert pattern(line).search(said), f"not shown: {line!r}\n{told}"
    # What was sent has arrived.
    assert len(wandb.runs) == 1
    tags = subprocess.run(
        ["git", "tag", "--list"], cwd=origin, capture_output=True, text=True, check=True
    )
    assert "reviews@v1.0.0" in tags.stdout.splitlines()
    with urllib.request.urlopen(f"{storage}/bucket?list-type=2", timeout=30) as listed:
        assert b"<Key>reviews/files/md5/" in listed.read()


def test_no_command_of_the_tutorial_is_left_out():
    """A block of another kind than these would be typed by nobody."""
    for page in tutorial.pages():
        text = page.read_text("utf-8")
        kinds = set(re.findall(r"^```(\w*)\n", text, re.MULTILINE)) - {""}
        others = {"sh", "yaml"} if page.name in WITH_AN_ENGINE else set()
        assert kinds <= {"console"} | others, page.name
        for line in "".join(blocks(text, "sh")).splitlines():
            assert line.startswith("mlops "), line
        for test in WITH_AN_ENGINE.get(page.name, []):
            assert f'elsewhere("{page.name}"' in (TESTS / test).read_text("utf-8"), test
