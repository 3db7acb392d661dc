"""A registered version as an image."""

from pathlib import Path

import pytest
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
