"""The config tree: composition, overrides, typed values, saved runs, and every known mistake."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mlops_cli import config
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.data import FileDataConfig, HubDataConfig, QuickstartDataConfig
from mlops_cli.schemas.model import ModelConfig, PretrainedModelConfig, ScratchModelConfig
from mlops_cli.schemas.tracker import WandbTrackerConfig

MISTAKES = yaml.safe_load(Path(__file__).with_name("config_mistakes.yaml").read_text("utf-8"))
HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "pytorch_lightning",
    "wandb",
    "onnx",
    "onnxruntime",
    "dvc",
)


def name_of(mistake):
    return " ".join([mistake.get("file", ""), *mistake["typed"]]).strip()


def assert_told(error, mistake):
    assert error.message == mistake["error"]
    if "hint_begins" in mistake:
        assert error.hint.startswith(mistake["hint_begins"])
    else:
        assert error.hint == mistake["hint"]


# --- mistakes ---------------------------------------------------------------------------


def test_there_are_enough_mistakes():
    assert len(MISTAKES["words"]) >= 75
    assert len(MISTAKES["files"]) >= 40


@pytest.mark.parametrize("mistake", MISTAKES["words"], ids=name_of)
def test_a_wrong_word_is_told(project, mistake):
    with pytest.raises(ConfigError) as caught:
        config.load(mistake["typed"], root=project.path)
    assert_told(caught.value, mistake)


@pytest.mark.parametrize("mistake", MISTAKES["files"], ids=name_of)
def test_a_wrong_file_is_told(project, mistake):
    project({f"configs/{mistake['file']}": mistake["text"]})
    with pytest.raises(ConfigError) as caught:
        config.load(mistake["typed"], root=project.path)
    assert_told(caught.value, mistake)


def test_a_file_that_is_not_utf8_is_told(project):
    (project / "configs/config.yaml").write_bytes(b"defaults: [base]\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"configs/config\.yaml is not UTF-8 text"):
        config.load([], root=project.path)


def test_a_mistake_is_told_before_anything_heavy_is_loaded(project):
    code = f"""
import json, sys
from pathlib import Path
from mlops_cli import config
from mlops_cli.errors import ConfigError
mistakes = json.load(sys.stdin)
for words in mistakes:
    try:
        config.load(words, root=Path("."))
    except ConfigError:
        pass
print(json.dumps(sorted(set(sys.modules) & set({HEAVY!r}))))
"""
    words = json.dumps([mistake["typed"] for mistake in MISTAKES["words"]])
    done = subprocess.run(
        [sys.executable, "-c", code], input=words, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("words", [["lrr=3e-5"], ["model=brt"], ["lr=abc"], ["epochs=-1"]])
def test_most_mistakes_are_told_before_hydra_is_loaded(project, words):
    code = (
        "import sys; from pathlib import Path; from mlops_cli import config\n"
        "try: config.load(sys.argv[1:], root=Path('.'))\n"
        "except config.ConfigError: print('hydra' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# --- what works -------------------------------------------------------------------------


def test_the_command_line_of_the_readme(project):
    loaded = config.load(["model=bert", "lr=3e-5"], root=project.path)
    assert (loaded.model.name, loaded.lr, loaded.epochs) == ("bert", 3e-5, 3)
    assert isinstance(loaded.model, PretrainedModelConfig)
    assert loaded.model.checkpoint == "google-bert/bert-base-uncased"


def test_shortcuts_follow_the_model_unless_they_are_set(project):
    assert config.load(["model=roberta"], root=project.path).lr == 2e-5
    assert config.load(["model=roberta", "model.lr=5e-6"], root=project.path).lr == 5e-6
    assert config.load(["model=roberta", "lr=1e-5"], root=project.path).model.lr == 2e-5


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("lr=3e-5", 3e-5),
        ("lr=1e-3", 1e-3),
        ("lr=.5", 0.5),
        ("lr=1", 1.0),
        ("lr='1e-4'", 1e-4),
        ("lr=${trainer.warmup}", 0.1),
        ("lr=${oc.env:SOME_LR}", 0.25),
    ],
)
def test_numbers_as_people_write_them(project, monkeypatch, word, value):
    monkeypatch.setenv("SOME_LR", "0.25")
    loaded = config.load([word], root=project.path)
    assert loaded.lr == value
    assert isinstance(loaded.lr, float)


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("my file (1).csv", "my file (1).csv"),
        ("a=b;c.csv", "a=b;c.csv"),
        ("C:\\data\\", "C:\\data\\"),
        ("it's.csv", "it's.csv"),
        ('"x,y.csv"', "x,y.csv"),
        ("1e3", "1e3"),
        ("007", "007"),
        ("true", "true"),
    ],
)
def test_text_is_taken_as_typed(project, typed, path):
    loaded = config.load(["data=file", f"data.path={typed}"], root=project.path)
    assert isinstance(loaded.data, FileDataConfig)
    assert loaded.data.path == path


def test_lists_null_and_free_settings(project):
    words = [
        "data=file",
        "data.path=a.tsv",
        "data.columns=[text, label, 3]",
        "data.delimiter=,",
        "trainer.gradient_clip=null",
        "trainer.group_by_length=False",
        "model.params.depth=3",
        "+model.params.names={a: [1, 2]}",
        "gates.mcc=>= 0.5",
        "gates.accuracy='>= run:best - 0.01'",
    ]
    loaded = config.load(words, root=project.path)
    assert isinstance(loaded.data, FileDataConfig)
    assert loaded.data.columns == ["text", "label", "3"]
    assert loaded.data.delimiter == ","
    assert loaded.trainer.gradient_clip is None
    assert loaded.trainer.group_by_length is False
    assert loaded.model.params == {"depth": 3, "names": {"a": [1, 2]}}
    assert loaded.gates == {"mcc": ">= 0.5", "accuracy": ">= run:best - 0.01"}


def test_the_last_of_several_words_counts(project):
    loaded = config.load(["lr=1", "model=bert", "lr=2", "model=electra"], root=project.path)
    assert (loaded.lr, loaded.model.name) == (2.0, "electra")


def test_the_project_lies_over_the_packaged_tree(project):
    project(
        {
            "configs/config.yaml": """
defaults:
  - base
  - override data: file
  - override model: mine
  - override tracker: wandb
  - _self_
lr: 1e-4
data: {path: reviews.csv, text: review}
gates: {mcc: ">= 0.25"}
""",
            "configs/model/mine.yaml": "defaults: [tiny, _self_]\nheads: 2\n",
            "configs/model/bert.yaml": "module: pretrained\ncheckpoint: my/bert\nlr: 9e-6\n",
        }
    )
    loaded = config.load([], root=project.path)
    assert loaded.lr == 1e-4
    assert isinstance(loaded.data, FileDataConfig)
    assert (loaded.data.path, loaded.data.text) == ("reviews.csv", "review")
    assert isinstance(loaded.model, ScratchModelConfig)
    assert (loaded.model.name, loaded.model.heads, loaded.model.layers) == ("mine", 2, 2)
    assert isinstance(loaded.tracker, WandbTrackerConfig)
    assert loaded.gates == {"mcc": ">= 0.25"}

    own = config.load(["model=bert", "~gates.mcc"], root=project.path)
    assert isinstance(own.model, PretrainedModelConfig)
    assert (own.model.name, own.model.checkpoint, own.model.lr) == ("bert", "my/bert", 9e-6)
    assert own.gates == {}


def test_another_choice_leaves_the_settings_of_the_first_behind(project):
    project(
        {
            "configs/config.yaml": "defaults: [base, {override data: file}, _self_]\n"
            "data: {path: a.csv, limit: 7}\nmodel: {layers: 3}\n"
        }
    )
    loaded = config.load(["data=quickstart", "model=bert"], root=project.path)
    assert isinstance(loaded.data, QuickstartDataConfig)
    assert loaded.data.limit == 7
    assert isinstance(loaded.model, PretrainedModelConfig)


def test_a_model_of_ones_own_takes_free_settings(project):
    project(
        {"nets/small.py": "", "configs/model/mine.yaml": "module: nets.small\nparams: {a: 1}\n"}
    )
    loaded = config.load(["model=mine", "model.params.b=x"], root=project.path)
    assert type(loaded.model) is ModelConfig
    assert loaded.model.params == {"a": 1, "b": "x"}
    assert loaded.lr == 1e-3


def test_files_may_build_on_others_and_lie_deeper(project):
    project(
        {
            "configs/config.yaml": "defaults: [base, local]\nlr: 3\n",
            "configs/local.yaml": "seed: 4\nlr: 8\n",
            "configs/model/big/deep.yaml": "module: scratch\nlayers: 9\n",
        }
    )
    loaded = config.load(["model=big/deep"], root=project.path)
    assert (loaded.seed, loaded.lr) == (4, 3.0)
    assert isinstance(loaded.model, ScratchModelConfig)
    assert (loaded.model.name, loaded.model.layers) == ("big-deep", 9)
    project({"configs/local.yaml": "sead: 4\n"})
    with pytest.raises(ConfigError, match=r"configs/local\.yaml:1: there is no key 'sead'"):
        config.load([], root=project.path)


def test_a_task_of_the_project_settings(project):
    project({"configs/task/fine.yaml": "defaults: [text_classification]\ncalibration_bins: 30\n"})
    loaded = config.load(["task=fine"], root=project.path)
    assert (loaded.task.name, loaded.task.calibration_bins) == ("text_classification", 30)


def test_a_file_of_another_system_is_read(project):
    (project / "configs/config.yaml").write_bytes(b"\xef\xbb\xbfdefaults: [base]\r\nlr: 3\r\n")
    assert config.load([], root=project.path).lr == 3.0


EXPERIMENT = """# @package _global_
# A try: mlops train experiment=try
defaults:
  - override /model: bert
lr: 2e-4
epochs: 11
"""


def test_an_experiment_wins_over_the_project_and_loses_to_the_command_line(project):
    project(
        {
            "configs/config.yaml": "defaults: [base, {override model: tiny}, _self_]\n"
            "lr: 1e-4\nepochs: 2\nseed: 7\n",
            "configs/experiment/try.yaml": EXPERIMENT,
        }
    )
    loaded = config.load(["experiment=try"], root=project.path)
    assert (loaded.model.name, loaded.lr, loaded.epochs, loaded.seed) == ("bert", 2e-4, 11, 7)
    typed = config.load(["lr=3", "model=roberta", "experiment=try"], root=project.path)
    assert (typed.model.name, typed.lr, typed.epochs) == ("roberta", 3.0, 11)


def test_an_experiment_may_build_on_another_and_stand_in_the_project_config(project):
    project(
        {
            "configs/experiment/try.yaml": EXPERIMENT,
            "configs/experiment/more.yaml": "# @package _global_\ndefaults: [try, _self_]\nepochs: 12\n",
        }
    )
    loaded = config.load(["experiment=more"], root=project.path)
    assert (loaded.model.name, loaded.epochs) == ("bert", 12)
    project({"configs/config.yaml": "defaults: [base, _self_, {experiment: try}]\n"})
    assert config.load([], root=project.path).epochs == 11
    assert config.load(["experiment=more"], root=project.path).epochs == 12


def test_a_folder_with_an_awkward_name(tmp_path):
    root = tmp_path / "it's, a [strange] = folder"
    (root / "configs").mkdir(parents=True)
    (root / "configs/config.yaml").write_text("defaults: [base, _self_]\nlr: 5\n", "utf-8")
    assert config.load([], root=root).lr == 5.0


# --- saved runs -------------------------------------------------------------------------


def saved(project, *words):
    return config.to_yaml(config.load(list(words), root=project.path))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["model=bert", "data=hub", "data.dataset=a/b", "tracker=wandb", "tracker.tags=[x, 'null']"],
        ["data=file", "data.path=ä b.csv", "gates.mcc='> 0'", "model.params.x={a: null}"],
    ],
)
def test_a_saved_config_is_read_back_as_it_was(project, words):
    loaded = config.load(words, root=project.path)
    assert config.from_yaml(config.to_yaml(loaded)) == loaded


def test_a_damaged_record_is_told():
    with pytest.raises(ConfigError, match="there is no key 'modle'"):
        config.from_yaml("modle: {}\n")


def test_a_run_keeps_its_record_and_takes_gates_and_export_from_the_present_tree(project):
    text = saved(project, "model=bert", "lr=3e-5", "data.limit=100", "gates.mcc='>= 0.1'")
    project(
        {
            "configs/config.yaml": "defaults: [base, {override model: roberta}, _self_]\n"
            "lr: 9\ngates: {accuracy: '>= 0.5'}\nexport: {opset: 17}\n"
        }
    )
    loaded = config.load_for_run(text, [], root=project.path)
    assert (loaded.model.name, loaded.lr, loaded.data.limit) == ("bert", 3e-5, 100)
    assert loaded.gates == {"accuracy": ">= 0.5"}
    assert loaded.export.opset == 17


def test_overrides_over_a_saved_run(project):
    text = saved(project, "data=hub", "data.dataset=a/b", "trainer.warmup=0.3")
    loaded = config.load_for_run(
        text,
        ["data.limit=10", "trainer.eval_batch_size=8", "gates.mcc=>= 0.5", "export.opset=16"],
        root=project.path,
    )
    assert isinstance(loaded.data, HubDataConfig)
    assert (loaded.data.dataset, loaded.data.limit) == ("a/b", 10)
    assert (loaded.trainer.warmup, loaded.trainer.eval_batch_size) == (0.3, 8)
    assert loaded.gates == {"mcc": ">= 0.5"}
    assert loaded.export.opset == 16

    other = config.load_for_run(text, ["data=file", "data.path=new.csv"], root=project.path)
    assert isinstance(other.data, FileDataConfig)
    assert (other.data.path, other.trainer.warmup) == ("new.csv", 0.3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data.path=x"], "data.path is not a key of data=quickstart"),
        (["data=file"], "data=file needs data.path"),
        (["lrr=3"], "there is no key 'lrr'"),
        (["~gates.mcc"], "there is no gates.mcc to remove"),
        (["experiment=smoke"], "an experiment can't be laid over a finished run"),
        (["lr=${nope}"], "lr refers to nope, which is not there"),
    ],
)
def test_mistakes_over_a_saved_run(project, words, message):
    with pytest.raises(ConfigError) as caught:
        config.load_for_run(saved(project), words, root=project.path)
    assert caught.value.message == message


# --- where values come from -------------------------------------------------------------


def test_each_value_knows_where_it_comes_from(project):
    project(
        {
            "configs/config.yaml": "defaults: [base, _self_]\nlr: 1e-4\n",
            "configs/model/bert.yaml": "module: pretrained\ncheckpoint: my/bert\n",
        }
    )
    words = ["model=bert", "trainer.warmup=0.2", "gates.mcc='>= 0.5'", "seed=${trainer.accumulate}"]
    _, found = config.load_with_sources(words, root=project.path)
    origins = {source.key: (source.origin, source.refers_to) for source in found}
    assert origins["lr"] == ("configs/config.yaml:2", "")
    assert origins["model.checkpoint"] == ("configs/model/bert.yaml:2", "")
    assert origins["trainer.warmup"] == ("command line", "")
    assert origins["gates.mcc"] == ("command line", "")
    assert origins["seed"] == ("command line", "${trainer.accumulate}")
    assert origins["data.limit"] == ("schema default", "")
    where, refers_to = origins["epochs"]
    assert where.startswith("packaged configs/base.yaml:")
    assert refers_to == "${model.epochs}"


# --- speed ------------------------------------------------------------------------------


def test_checking_a_word_takes_no_time(project):
    start = time.process_time()
    for _ in range(5):
        with pytest.raises(ConfigError):
            config.load(["lrr=3e-5"], root=project.path)
    assert (time.process_time() - start) / 5 < 0.1
