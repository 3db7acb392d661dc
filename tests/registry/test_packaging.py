"""A registered version as an image."""

import sys
from pathlib import Path

import pytest
from own import keys
from own.versions import refused

pytestmark = pytest.mark.slow


def test_a_version_gives_the_image_its_name_and_its_lineage(registry, register, promote, mlops):
    register("fair")
    promote("shop@v1.0.0", "production")
    done = mlops("package", "shop@production", "--no-build", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["name"] == "shop:v1.0.0"
    assert Path(done.json["folder"]) == registry.root / "packages" / "shop-v1.0.0"
    said = Path(done.json["dockerfile"]).read_text("utf-8")
    assert 'mlops.model="shop@v1.0.0"' in said
    assert f'mlops.run="{registry.runs["fair"]}"' in said
    assert "mlops.data.train=" in said


def test_a_stage_that_is_empty(registry, register, mlops):
    register("fair")
    refused(mlops("package", "shop@production", "--no-build"), 5, "no version of shop is in stage")


def test_what_is_not_signed_as_the_project_asks_is_not_packaged(
    registry, register, promote, mlops, tmp_path
):
    register("fair")
    promote("shop@v1.0.0", "production")
    release, public = keys.pair(tmp_path)
    keys.trusting(registry.root, public)
    words, run = ("package", "--no-build"), registry.runs["fair"]
    sign = "mlops models sign shop@v1.0.0 --key"
    refused(mlops(*words, "shop@production"), 6, "shop@v1.0.0 has no signature", sign)
    bundle = str(registry.bundle("fair"))
    for name in (run, f"runs/{run}/bundle"):
        refused(mlops(*words, name), 6, f"{bundle} has no signature", f"mlops models sign {bundle}")
    assert not (registry.root / "packages").exists()

    other = keys.pair(tmp_path, "other")[0]
    assert mlops("models", "sign", "shop@v1.0.0", "--key", other).exit_code == 0
    refused(mlops(*words, "shop@production"), 6, "shop@v1.0.0 is signed by key ", "registry.trust")
    assert mlops("models", "sign", "shop@v1.0.0", "--key", release).exit_code == 0
    assert mlops("models", "sign", run, "--key", release).exit_code == 0
    for name in ("shop@production", run):
        assert mlops(*words, name).exit_code == 0

    refused(mlops(*words, registry.runs["better"]), 6, str(registry.bundle("better")))
    let_in = "registry.require_signature=false"
    done = mlops(*words, registry.runs["better"], let_in)
    assert done.exit_code == 0, done.stderr
    assert "has no signature, and registry.require_signature=false lets it in" in done.stderr


@pytest.mark.parametrize("kind", [["shop@v1.0.0"], ["--train", "image.python='3.11'"]])
def test_where_nothing_can_be_written_is_told_in_one_line(registry, register, mlops, kind):
    register("fair")
    (registry.root / "afile").touch()
    kind = [word.replace("3.11", ".".join(map(str, sys.version_info[:2]))) for word in kind]
    for place in ("/proc/x", "afile/x", "afile/x/y"):
        done = mlops("package", *kind, "--no-build", "--output", place)
        refused(done, 1, f"can't write {place} (", "name another place")
