"""Our stages in dvc.yaml are kept up to date; what the user wrote there stays."""

import pytest
import yaml

from mlops_cli.errors import ConfigError
from mlops_cli.versioning.dvc_yaml import write_stages

TRAIN = {"cmd": "mlops train --params params.yaml", "params": ["lr"], "outs": ["model"]}
OWN = """\
# how we plot
vars:
- size: 3
stages:
  plot: # ours alone
    cmd: python plot.py ${size}
    deps: [model]
"""


def stages(folder):
    return yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]


def test_a_file_is_made_once_and_left_alone_while_it_is_right(tmp_path):
    assert write_stages(tmp_path, {"train": TRAIN}, "1.0")
    assert stages(tmp_path) == {"train": {**TRAIN, "meta": {"mlops": "1.0"}}}
    assert (tmp_path / "dvc.yaml").read_text().startswith("# The stages that `mlops repro`")
    before = (tmp_path / "dvc.yaml").stat().st_mtime_ns
    assert not write_stages(tmp_path, {"train": TRAIN}, "1.0")
    assert (tmp_path / "dvc.yaml").stat().st_mtime_ns == before


def test_a_newer_version_changes_its_own_stages_and_no_other(tmp_path):
    (tmp_path / "dvc.yaml").write_text(OWN)
    assert write_stages(tmp_path, {"train": TRAIN, "old": TRAIN}, "1.0")
    newer = {**TRAIN, "params": ["lr", "seed"]}
    assert write_stages(tmp_path, {"train": newer}, "2.0")
    assert set(stages(tmp_path)) == {"plot", "train"}
    assert stages(tmp_path)["train"] == {**newer, "meta": {"mlops": "2.0"}}
    assert (tmp_path / "dvc.yaml").read_text().startswith(OWN)


def test_a_stage_without_our_mark_is_the_users(tmp_path):
    write_stages(tmp_path, {"train": TRAIN}, "1.0")
    text = (tmp_path / "dvc.yaml").read_text()
    own = text[: text.index("    meta:")].replace("- lr", "- lr\n    - model")
    (tmp_path / "dvc.yaml").write_text(own)
    assert not write_stages(tmp_path, {"train": {**TRAIN, "params": ["seed"]}}, "2.0")
    assert (tmp_path / "dvc.yaml").read_text() == own


@pytest.mark.parametrize("text", ["stages: [", "stages: [train]", "- a"])
def test_a_file_that_is_no_pipeline_is_told(tmp_path, text):
    (tmp_path / "dvc.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"dvc\.yaml"):
        write_stages(tmp_path, {"train": TRAIN}, "1.0")
