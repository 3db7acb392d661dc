"""`data=hub`: a data set in a local folder stands for one on the hub, which no test may reach."""

import shutil
import time
from pathlib import Path

import datasets
import pytest
from huggingface_hub import constants

from mlops_cli import data
from mlops_cli.errors import ConfigError, DataError, NotFoundError, UnreachableError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import HubDataConfig


class Listener(SilentReporter):
    def __init__(self):
        self.infos = []

    def info(self, message):
        self.infos.append(message)


def load(dataset, listener=None, **settings):
    settings = {"text": "sentence", **settings}
    config = HubDataConfig(name="hub", dataset=str(dataset), **settings)
    return data.load(config, 0, listener or SilentReporter())


def sizes(splits):
    return {name: len(split) for name, split in splits.named().items()}


@pytest.fixture
def folder(tmp_path):
    """A data set as the hub keeps it: one file a split."""
    made = tmp_path / "reviews"
    made.mkdir()
    for name, count in (("train", 100), ("validation", 10), ("test", 20)):
        rows = [f"{name} {i},{i % 2}" for i in range(count)]
        (made / f"{name}.csv").write_text("\n".join(["sentence,label", *rows]) + "\n")
    return made


def test_splits_are_read_by_name(folder):
    splits = load(folder, test_split="test")
    assert sizes(splits) == {"train": 100, "validation": 10, "test": 20}
    assert splits.validation.inputs["text"][:2] == ["validation 0", "validation 1"]
    assert splits.validation.targets[:2] == ["0", "1"]


def test_a_split_that_is_not_named_is_split_off(folder):
    assert sizes(load(folder)) == {"train": 90, "validation": 10, "test": 10}
    assert sizes(load(folder, validation_split=None, test_fraction=0)) == {
        "train": 90,
        "validation": 10,
    }


def test_a_data_set_without_the_usual_validation_split_works_and_says_so(folder):
    (folder / "validation.csv").unlink()
    listener = Listener()
    assert sizes(load(folder, listener)) == {"train": 80, "validation": 10, "test": 10}
    assert listener.infos == [
        f"{folder} has no validation split: rows are split off its training rows"
    ]


def test_columns_to_slice_by_are_read_for_every_split(folder):
    for file in folder.iterdir():
        header, *lines = file.read_text().splitlines()
        rows = [f"{line},{('mail', 'web', '')[n % 3]}" for n, line in enumerate(lines)]
        file.write_text("\n".join([f"{header},source", *rows]) + "\n")
    splits = load(folder, test_split="test", slice_by=["source"])
    assert splits.validation.slices == {
        "source": ["mail", "web", "", *["mail", "web", ""] * 2, "mail"]
    }
    assert len(splits.train.slices["source"]) == 100
    assert splits.train.fingerprint() == load(folder, test_split="test").train.fingerprint()
    with pytest.raises(DataError, match="has no column 'sorce'") as refused:
        load(folder, slice_by=["sorce"])
    assert "did you mean data.slice_by=[source]?" in refused.value.hint


def test_slices_of_a_split_work(folder):
    splits = load(folder, train_split="train[:50]", validation_split="train[50:60]")
    assert sizes(splits) == {"train": 45, "validation": 10, "test": 5}


def test_class_ids_become_their_names(tmp_path):
    features = datasets.Features(
        sentence=datasets.Value("string"), label=datasets.ClassLabel(names=["bad", "good"])
    )
    rows = {"sentence": [f"row {i}" for i in range(40)], "label": [i % 2 for i in range(40)]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "train.parquet")
    rows = {"sentence": ["hidden"], "label": [-1]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "test.parquet")
    assert set(load(tmp_path).train.targets) == {"bad", "good"}
    with pytest.raises(DataError, match=r"split test: no row has a label"):
        load(tmp_path, test_split="test")


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"text": "sentense"}, "has no column 'sentense'", "did you mean data.text=sentence? "),
        ({"label": "y"}, "has no column 'y'", "set data.label; columns: sentence, label"),
        (
            {"train_split": "trian"},
            "has no split 'trian' (data.train_split)",
            "did you mean train? splits: train, validation, test",
        ),
        ({"validation_split": "dev"}, "has no split 'dev'", "splits: train, validation, test"),
        ({"train_split": "train[:x]"}, "'train[:x]' selects no split", "splits: train"),
        (
            {"config": "defualt"},
            "has no configuration 'defualt'",
            "did you mean data.config=default? configurations: default",
        ),
    ],
)
def test_what_the_data_set_lacks_is_told_with_the_nearest(folder, settings, message, hint):
    with pytest.raises(DataError) as caught:
        load(folder, **settings)
    assert message in caught.value.message
    assert caught.value.hint.startswith(hint)


def test_wrong_rows_are_told_by_split_and_row(folder):
    (folder / "validation.csv").write_text("sentence,label\nfine,0\n,1\n")
    with pytest.raises(DataError, match=r"split validation: 1 row has no text .*\(row 2\)"):
        load(folder)
    (folder / "validation.csv").write_text("sentence,label\nfine,0\nodd,7\n")
    with pytest.raises(DataError, match="split validation, row 2: label '7' does not occur"):
        load(folder)


def test_a_folder_without_data_is_told(tmp_path):
    (tmp_path / "notes.xyz").write_text("")
    with pytest.raises(DataError, match="holds no data files"):
        load(tmp_path)


def test_files_the_library_cannot_read_are_told_in_one_line(folder):
    (folder / "train.csv").write_text('sentence,label\n"never closed,1\n' * 3)
    (folder / "test.csv").write_text("other,columns\n1,2\n")
    with pytest.raises(DataError, match="can't be read") as caught:
        load(folder)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "a/b/c", "what is this?"])
def test_neither_a_folder_nor_an_id(name):
    with pytest.raises(NotFoundError, match="is no folder that exists, and no data set id"):
        load(name)


def test_offline_names_both_ways_out():
    with pytest.raises(UnreachableError) as caught:
        load("nyu-mll/glue", config="cola")
    assert caught.value.message == (
        "the hub can't be reached and the data set nyu-mll/glue, configuration cola "
        "is not in the cache"
    )
    assert "data=file data.path=FILE" in caught.value.hint
    assert "HF_HUB_OFFLINE=1" in caught.value.hint


def test_a_cache_that_was_filled_elsewhere_is_enough(folder):
    folder = folder.rename(folder.with_name("opinions"))
    load(folder)
    cache = Path(datasets.config.HF_DATASETS_CACHE)
    # What a download of acme/opinions on another machine leaves in its cache.
    kept = cache / "acme___opinions" / "default"
    shutil.copytree(next((cache / "opinions").glob("default*")), kept)
    assert sizes(load("acme/opinions")) == {"train": 90, "validation": 10, "test": 10}
    with pytest.raises(UnreachableError, match="acme/opinions, configuration other is not in"):
        load("acme/opinions", config="other")


def test_a_hub_that_is_out_of_reach_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    listener = Listener()
    start = time.monotonic()
    with pytest.raises(UnreachableError):
        load("nyu-mll/glue", listener, config="cola")
    assert time.monotonic() - start < 8
    assert listener.infos == ["https://huggingface.co can't be reached: looking in the cache"]
    assert constants.HF_HUB_OFFLINE is False


def test_a_data_set_must_be_named():
    with pytest.raises(ConfigError, match=r"data\.dataset is not set"):
        load("")


def test_the_library_stays_quiet(folder, capfd):
    load(folder)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
