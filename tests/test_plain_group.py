"""A group composed without Hydra is what Hydra composes; no mistake slips through."""

import subprocess
import sys

import pytest

from mlops_cli import config
from mlops_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, []),
        ({}, ["serve.port=0", "serve.host=0.0.0.0", "lr=3e-5", "model=bert"]),
        ({}, ["serve.sessions=null", "serve.deadline_ms=1e3", "serve.host='::1'"]),
        ({"config.yaml": "defaults: [base, _self_]\nserve: {port: 9000, queue: 7}\n"}, []),
        ({"config.yaml": "defaults: [base, _self_]\nserve: {port: 9000}\n"}, ["serve.port=1"]),
        ({"config.yaml": "defaults: [_self_, base]\nserve: {port: 9000}\n"}, []),
        ({"config.yaml": "defaults: [base]\nserve: {port: 9000}\n"}, []),
        ({"serve/default.yaml": "port: 81\n"}, ["serve.queue=3"]),
        ({"config.yaml": "defaults: [base, _self_]\nserve: {models: {a: best, b: x/y}}\n"}, []),
        (
            {
                "config.yaml": "defaults: [base, _self_]\nserve: {models: {a: best}}\n",
                "serve/default.yaml": "models: {a: latest, b: x/y}\nbundles: [here, there]\n",
            },
            ["serve.canary='x/y'", "serve.canary_share=0.25"],
        ),
        ({}, ["serve.models={a: best, b: x/y}", "serve.bundles=[a,b]"]),
        ({"serve/big.yaml": "defaults: [default, _self_]\nqueue: 99\n"}, ["serve=big"]),
        ({"config.yaml": "defaults: [base, _self_]\nserve: {queue: '${batch_size}'}\n"}, []),
        ({}, ["serve.queue=${batch_size}", "batch_size=64"]),
        ({"experiment/x.yaml": "# @package _global_\nserve: {port: 5}\n"}, ["experiment=x"]),
        ({"base.yaml": "defaults:\n  - serve: default\n"}, []),
    ],
)
def test_it_is_what_hydra_composes(project, files, words):
    root = project({f"configs/{name}": text for name, text in files.items()})
    try:
        expected = config.load(words, root=root).serve
    except ConfigError as error:
        with pytest.raises(ConfigError, match=error.message[:20]):
            config.load_group("serve", words, root=root)
        return
    assert config.load_group("serve", words, root=root) == expected


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["data=file", "data.path=reviews.csv", "data.delimiter=;"],
        ["data=file", "data.path=reviews.csv", "data.columns=[a,b]"],
        ["task=tabular_classification", "model=trees", "data=table", "data.path=t.csv"],
        ["task=multi_label_classification", "data=file", "data.path=t.csv", "data.label=tags"],
    ],
    ids=" ".join,
)
def test_what_follows_the_task_follows_it_here_too(project, words):
    project({"configs/data/reviews.yaml": "module: file\npath: r.csv\ntext: body\n"})
    for typed in (words, ["data=reviews", "data.limit=3"]):
        expected = config.load(typed, root=project.path).data
        assert config.load_group("data", typed, root=project.path) == expected


@pytest.mark.parametrize(
    "word", ["serve.prot=1", "serve.port=many", "serve.port=70000", "+serve.port=1", "serve=none"]
)
def test_mistakes_are_told(project, word):
    with pytest.raises(ConfigError):
        config.load_group("serve", [word], root=project.path)


def test_hydra_stays_out(project):
    code = (
        "import sys; from pathlib import Path; from mlops_cli import config;"
        "config.load_group('serve', ['serve.port=9000'], root=Path());"
        "sys.exit('hydra' in sys.modules or 'omegaconf' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=project.path, check=False).returncode == 0
    )
