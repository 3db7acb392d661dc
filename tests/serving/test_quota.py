"""Threads are as many as a container's quota of CPU time lets run."""

import os

import pytest

from mlops_cli.serving import quota
from mlops_cli.serving.runtime import available_cores

V1 = "12:memory:/pod\n4:cpu,cpuacct:/pod/web\n1:name=systemd:/pod\n0::/pod\n"


@pytest.fixture
def cores(tmp_path):
    """The cores by what /proc/self/cgroup says, and files of the groups."""

    def found(ours, files):
        (tmp_path / "ours").write_text(ours)
        for name, text in files.items():
            file = tmp_path / "tree" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return quota.cores(tmp_path / "ours", tmp_path / "tree")

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
def test_the_least_quota_of_our_groups_counts(cores, ours, files, expected):
    assert cores(ours, files) == expected


def test_without_cgroups_there_is_no_quota(tmp_path):
    assert quota.cores(tmp_path / "nowhere", tmp_path) is None


def test_threads_are_no_more_than_the_quota_and_than_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    for told, expected in ((2, 2), (None, 64), (100, 64)):
        monkeypatch.setattr(quota, "cores", lambda told=told: told)
        assert available_cores() == expected
