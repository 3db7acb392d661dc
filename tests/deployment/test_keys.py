"""Which API keys a deployed server is given."""

import json
import os

import pytest

from mlops_cli.admin_client import KEY
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.schemas.target import ComposeTargetConfig
from mlops_cli.serving import auth
from mlops_cli.targets import Place, keys
from mlops_cli.targets.compose.spec import ENV, env_text, keys_of

SECRET, KNOWN = auth.new("deploy", "admin")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A deployment whose server has the keys of a shop and of an admin."""
    monkeypatch.delenv(auth.ENVIRONMENT, raising=False)
    monkeypatch.delenv(KEY, raising=False)
    found = Place(tmp_path, "compose", "shop", ComposeTargetConfig(), ServeConfig())
    found.state.mkdir(parents=True)
    (found.state / ENV).write_text(env_text([auth.new("shop")[1], KNOWN]), "utf-8")
    return found


def test_the_key_of_an_admin_takes_away_no_other(place, monkeypatch):
    shop, admin = keys_of(place)
    assert (shop.name, admin) == ("shop", KNOWN)
    monkeypatch.setenv(KEY, SECRET)
    assert keys_of(place) == [shop, admin]
    another, _ = auth.new("another")
    monkeypatch.setenv(KEY, another)
    now = keys_of(place)
    assert now[0] == shop
    assert [(one.name, one.role) for one in now[1:]] == [("deploy", "admin")]
    assert now[1].hash != admin.hash
    assert (keys.administers(now), keys.administers([shop, admin])) == (True, False)


def test_keys_of_the_project_take_the_place_of_all_before(place, monkeypatch):
    _, own = auth.new("deploy")
    monkeypatch.setenv(auth.ENVIRONMENT, own.line)
    assert keys_of(place) == [own]
    monkeypatch.setenv(KEY, SECRET)
    assert keys_of(place) == [own, KNOWN]


def test_without_its_file_a_container_tells_the_keys_of_the_server(place, monkeypatch):
    shop, admin = keys_of(place)
    container = f"mlops-{place.name}"
    told = [f"{auth.ENVIRONMENT}={keys.variable([shop, admin, auth.new(keys.CHECK)[1]])}"]
    asked = f"label=mlops.project={place.root.resolve()}"
    (place.root / "bin").mkdir()
    docker = place.root / "bin" / "docker"
    docker.write_text(
        f"""#!/bin/sh
case "$*" in
  ps*"{asked}"*) echo {container} ;;
  "container inspect {container}") echo '{json.dumps([{"Config": {"Env": ["A=1", *told]}}])}' ;;
  *) exit 1 ;;
esac
"""
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place.root / 'bin'}:{os.environ['PATH']}")
    (place.state / ENV).write_text("")  # It had none.
    assert keys_of(place) == []
    (place.state / ENV).unlink()
    assert keys_of(place) == [shop, admin]


def test_a_key_that_can_be_guessed_administers_nothing(place, monkeypatch):
    monkeypatch.setenv(KEY, "admin")
    with pytest.raises(ConfigError, match=f"the key in {KEY} is shorter than 16") as raised:
        keys_of(place)
    assert "admin'" not in raised.value.message
    assert raised.value.hint == "make one: mlops serve --new-key NAME --admin"
