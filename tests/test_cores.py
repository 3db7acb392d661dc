"""Threads are as many as a container's quota of CPU time lets run."""

import os

import pytest
import torch

from mlops_cli import cores
from mlops_cli.launching import shares
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.training import hardware

V1 = "12:memory:/pod\n4:cpu,cpuacct:/pod/web\n1:name=systemd:/pod\n0::/pod\n"


@pytest.fixture
def quota(tmp_path):
    """The cores by what /proc/self/cgroup says, and files of the groups."""

    def found(ours, files):
        (tmp_path / "ours").write_text(ours)
        for name, text in files.items():
            file = tmp_path / "tree" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return cores.by_quota(tmp_path / "ours", tmp_path / "tree")

    return found


@pytest.mark.parametrize(
    ("ours", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/pod/web\n", {"pod/web/cpu.max": "max 100000\n", "pod/cpu.max": "300000 100000\n"}, 3),
        ("0::/pod/web\n", {"pod/web/cpu.max": "400000 50000\n", "pod/cpu.max": "max 1000\n"}, 8),
        ("0::/the/hosts/path\n", {"cpu.max": "400000 100000\n"}, 4),
        ("0::/\n", {}, None),
        ("0::/\n", {"cpu.max": "nonsense\n"}, None),
        (
            V1,
            {
                "cpu,cpuacct/pod/web/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/pod/web/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (V1, {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        (V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ],
)
def test_the_least_quota_of_our_groups_counts(quota, ours, files, expected):
    assert quota(ours, files) == expected


def test_without_cgroups_there_is_no_quota(tmp_path):
    assert cores.by_quota(tmp_path / "nowhere", tmp_path) is None


def test_threads_are_no_more_than_the_quota_and_than_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    for told, expected in ((2, 2), (None, 64), (100, 64)):
        monkeypatch.setattr(cores, "by_quota", lambda told=told: told)
        assert cores.available() == expected


def test_a_container_s_quota_bounds_training_and_its_record_and_what_doctor_tells(
    project, mlops, monkeypatch
):
    before = torch.get_num_threads()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(cores, "by_quota", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert shares.environment(0, 2)["OMP_NUM_THREADS"] == "3"
    done = mlops("doctor", "--offline")
    assert "64 cores, of which 6 may be used, " in done.stdout
    try:
        torch.set_num_threads(64)
        hardware.use_threads(TrainerConfig(), hidden_size=768)
        assert torch.get_num_threads() == 6
        assert hardware.environment(6)["cores"] == 6
        hardware.use_threads(TrainerConfig(threads=8), hidden_size=768)
        assert torch.get_num_threads() == 8
    finally:
        torch.set_num_threads(before)
