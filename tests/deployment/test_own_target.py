"""A target of the user's own, and a choice of theirs that builds on one of ours."""

import json

import pytest

MODULE = '''
"""A shelf: the bundle of each deployment is a folder of it."""

import json
import shutil
from pathlib import Path

from mlops_cli.errors import MlopsError
from mlops_cli.schemas.deploy import Live, Need
from mlops_cli.targets import Done

RUNS = PULLS = CANARY = CARD = False


def _shelf(place):
    return Path(place.config.params["shelf"]) / place.name


def where(place):
    return str(_shelf(place))


def check(place, share):
    there = Path(place.config.params["shelf"]).is_dir()
    return [Need("shelf", there, place.config.params["shelf"], "" if there else "mkdir it")]


def files(order):
    return {"label.txt": order.model}


def deploy(order, files, reporter):
    if "broken" in order.place.config.params:
        raise MlopsError("the shelf is broken")
    shutil.copytree(order.bundle.path, _shelf(order.place), dirs_exist_ok=True)
    return Done(status(order.place), changed=True)


def status(place):
    file = _shelf(place) / "bundle.json"
    if not file.is_file():
        return Live("absent", where(place))
    return Live("running", where(place), json.loads(file.read_text())["digest"])


def withdraw(place, reporter):
    raise MlopsError("nothing is on trial")


def destroy(place, reporter):
    shutil.rmtree(_shelf(place))
    return ["its folder"]
'''


@pytest.fixture
def shelf(shop, tmp_path):
    """A shelf, and the target `shelf` of the project."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (shop.root / "shelves").mkdir()
    (shop.root / "shelves" / "wooden.py").write_text(MODULE, "utf-8")
    (shop.root / "configs" / "target").mkdir()
    (shop.root / "configs" / "target" / "shelf.yaml").write_text(
        f"name: shelves.wooden\nparams: {{shelf: {folder}}}\n", "utf-8"
    )
    return folder


def deploy(mlops, *words):
    done = mlops("deploy", *words, json=True)
    assert done.exit_code == 0, done.stderr
    return done.json


@pytest.mark.slow
def test_a_target_of_ones_own(shelf, shop, mlops):
    first = deploy(mlops, "shelf", "--message", "to look at")
    assert (first["record"]["target"], first["record"]["why"]) == ("shelf", "to look at")
    digest = json.loads((shelf / "shop" / "bundle.json").read_text("utf-8"))["digest"]
    assert digest == first["record"]["bundle"]
    broken = f"target.params={{shelf: {shelf}, broken: 1}}"
    done = mlops("deploy", "shelf", "shop@v1.1.0", broken)
    assert (done.exit_code, done.stderr) == (1, "error: the shelf is broken\n")
    deploy(mlops, "shelf", "shop@v1.1.0")
    deploy(mlops, "shelf", shop.runs["best"], "target.deployment=trial")
    standings = deploy(mlops, "status")["deployments"]
    assert [(one["target"], one["name"], one["agrees"]) for one in standings] == [
        ("shelf", "shop", True),
        ("shelf", "trial", True),
    ]
    assert (standings[1]["record"]["model"], standings[1]["record"]["run"]) == (
        "",
        shop.runs["best"],
    )
    assert mlops("deploy", "rollback", "shelf").exit_code == 2
    back = deploy(mlops, "rollback", "shelf", "target.deployment=shop")
    assert back["record"]["version"] == "v1.0.0"
    removed = deploy(mlops, "destroy", "shelf", "target.deployment=trial", "--yes")["removed"]
    assert removed == ["its folder"]
    assert mlops("audit", "verify").exit_code == 0


@pytest.mark.slow
def test_a_choice_that_builds_on_one_of_ours(shop, mlops):
    folder = shop.root / "configs" / "target"
    folder.mkdir()
    (folder / "prod.yaml").write_text(
        "defaults: [kubernetes, _self_]\nnamespace: prod\nregistry: registry.example.com/team\n",
        "utf-8",
    )
    done = deploy(mlops, "prod", "--plan")
    assert (done["target"], done["where"].rpartition(" ")[2]) == ("prod", "prod/shop")
    assert (shop.root / "deploy" / "prod" / "shop" / "kustomization.yaml").is_file()
