"""Damage, interruptions and changes: nothing is lost, and no wrong bytes pass for right ones."""

import signal
import subprocess
import time

import pytest
from own import held, servers

from mlops_cli.versioning.repository import opened


@pytest.fixture
def remote(root):
    return root / ".dvc-storage"


@pytest.fixture
def cache(root):
    return root / ".dvc" / "cache"


def test_status_names_the_next_step_until_all_is_in_order(root, mlops):
    told = mlops("status", json=True).json
    assert len(told["unpushed"]) == 6
    assert told["next_step"] == "mlops push"
    mlops("push")
    assert mlops("status").stdout.startswith(
        "✓ Everything is in order here and in storage (6 files)"
    )
    (root / "model.bin").write_bytes(b"another model")
    told = mlops("status", json=True).json
    assert (told["changed"], told["next_step"]) == (["model.bin"], "dvc add model.bin")
    held.hold(root, "model.bin")
    told = mlops("status", json=True).json
    assert (told["changed"], told["unpushed"]) == ([], ["model.bin"])
    mlops("push")
    held.forget(root)
    told = mlops("status", json=True).json
    assert sorted(told["absent"]) == sorted(held.HELD)
    assert told["next_step"] == "mlops pull"


def test_status_asks_no_remote_when_told_so(root, mlops):
    (root / ".dvc" / "config").write_text("", "utf-8")
    told = mlops("status", json=True).json
    assert (told["remote"], told["unpushed"], told["uncached"]) == (None, None, [])
    assert told["next_step"] == "mlops remote add storage URL --default"
    mlops("remote", "add", "far", "ssh://127.0.0.1:1/store")
    assert mlops("status").exit_code == 5
    assert mlops("status", "--local").exit_code == 0
    assert mlops("status", "--local", "--remote", "far").exit_code == 2


def test_a_file_of_dvc_that_a_merge_or_an_editor_broke_is_told(root, mlops):
    held_by = root / "model.bin.dvc"
    before = held_by.read_text("utf-8")
    broken = {
        "outs: 5\n": ("not as DVC writes it", "git checkout HEAD -- model.bin.dvc"),
        "": ("not as DVC writes it", "git checkout HEAD -- model.bin.dvc"),
        f"<<<<<<< HEAD\n{before}=======\n{before}>>>>>>> other\n": (
            "in the midst of a merge",
            "git checkout --ours model.bin.dvc, or --theirs",
        ),
    }
    for content, (told, remedy) in broken.items():
        held_by.write_text(content, "utf-8")
        for words in (["status"], ["push"], ["pull"]):
            done = mlops(*words)
            error, hint = done.stderr.splitlines()
            assert (done.exit_code, error) == (5, f"error: model.bin.dvc is {told}")
            assert hint.startswith(f"hint: {remedy}")
    assert (root / "model.bin").is_file()


def test_a_stage_whose_dependency_changed_is_out_of_date(root, mlops):
    (root / "dvc.yaml").write_text(
        "stages:\n  count:\n    cmd: wc -l data/reviews.csv > lines.txt\n"
        "    deps: [data/reviews.csv]\n    outs: [lines.txt]\n",
        "utf-8",
    )
    with opened(root, locked=False) as repo:
        repo.reproduce()
    assert mlops("push", json=True).json["sent"] == 7
    assert mlops("status", json=True).json["stages"] == []
    (root / "data/reviews.csv").write_text("text,label\n", "utf-8")
    held.hold(root, "data/reviews.csv")
    told = mlops("status", json=True).json
    assert (told["stages"], told["next_step"]) == (["count"], "dvc repro")
    with (root / "dvc.yaml").open("a") as file:
        file.write("    meta: {mlops: 1.0}\n")
    (root / "lines.txt").unlink()
    told = mlops("status", json=True).json
    assert (told["absent"], told["next_step"]) == (["lines.txt"], "mlops repro")


def test_a_change_is_not_pushed_and_told(root, remote, mlops):
    (root / "model.bin").write_bytes(b"another model")
    done = mlops("push", json=True)
    assert done.exit_code == 0
    assert done.json["changed"] == ["model.bin"]
    assert "warning: model.bin: changed since DVC took it" in done.stderr
    assert held.stored(remote)[held.oid("model.bin")].read_bytes() == held.FILES["model.bin"]


@pytest.mark.parametrize("name", ["model.bin", "data/pictures/1.png"])
def test_pull_keeps_a_change_that_dvc_does_not_hold(root, name, mlops):
    mlops("push")
    (root / name).write_bytes(b"made by hand")
    done = mlops("pull")
    assert done.exit_code == 5
    assert done.stderr == (
        f"error: {name} changed, and DVC does not hold the change\n"
        "hint: dvc commit keeps the change, mlops pull --force drops it\n"
    )
    assert (root / name).read_bytes() == b"made by hand"
    assert mlops("pull", "--force").exit_code == 0
    assert held.contents(root) == held.FILES


def test_a_damaged_file_in_the_cache_never_reaches_the_remote(root, cache, remote, mlops):
    held.damage(held.stored(cache)[held.oid("model.bin")])
    done = mlops("push")
    assert done.exit_code == 5
    assert "error: model.bin: damaged in the cache; all else was sent" in done.stderr
    assert held.oid("model.bin") not in held.stored(remote)
    assert len(held.stored(remote)) == 5
    assert mlops("status", json=True).json["damaged"] == ["model.bin"]


def test_a_damaged_file_in_the_cache_is_fetched_again(root, cache, mlops):
    mlops("push")
    held.damage(held.stored(cache)[held.oid("model.bin")])
    (root / "model.bin").unlink()
    assert mlops("status", json=True).json["damaged"] == ["model.bin"]
    came = mlops("pull", json=True).json
    assert (came["fetched"], came["repaired"], came["added"]) == (1, 1, ["model.bin"])
    assert held.wrong(cache) == []
    assert held.contents(root) == held.FILES


@pytest.mark.parametrize("name", ["model.bin", "data/pictures/1.png"])
def test_a_damaged_file_in_the_remote_is_not_taken(root, cache, remote, name, mlops):
    mlops("push")
    held.damage(held.stored(remote)[held.oid(name)])
    held.forget(root)
    done = mlops("pull")
    assert done.exit_code == 5
    told = f"error: {name}: damaged in the remote storage, and not taken"
    assert done.stderr.splitlines()[-2:] == [
        told,
        "hint: mlops push, where the right file is, replaces it",
    ]
    assert held.wrong(cache) == []
    # All that is whole is laid out, and nothing else.
    whole = {"model.bin": ["data"], "data/pictures/1.png": ["model.bin", "data/reviews.csv"]}
    there = set(held.contents(root))
    assert name not in there
    assert "data/reviews.csv" in there
    assert any(file.startswith(tuple(whole[name])) for file in there)


def test_a_damaged_list_of_a_folder_is_not_taken(root, cache, remote, mlops):
    mlops("push")
    listing = next(path for name, path in held.stored(remote).items() if name.endswith(".dir"))
    held.damage(listing)
    held.forget(root)
    done = mlops("pull")
    assert done.exit_code == 5
    assert "data/pictures/: damaged in the remote storage" in done.stderr
    assert held.wrong(cache) == []


@pytest.mark.parametrize("kept", [0, 100])
def test_a_file_that_arrived_in_part_is_sent_again(root, remote, kept, mlops):
    mlops("push")
    there = held.stored(remote)[held.oid("model.bin")]
    there.chmod(0o644)
    there.write_bytes(held.FILES["model.bin"][:kept])
    assert mlops("status", json=True).json["unpushed"] == ["model.bin"]
    sent = mlops("push", json=True).json
    assert (sent["sent"], sent["repaired"]) == (1, 1)
    assert held.wrong(remote) == []


def test_what_the_cache_lacks_is_no_matter_when_the_remote_has_it(root, cache, mlops):
    mlops("push")
    subprocess.run(["rm", "-rf", cache], check=True)
    assert mlops("push", json=True).json["sent"] == 0


def test_what_neither_holds_is_told_and_the_rest_is_sent(root, cache, remote, mlops):
    lost = held.stored(cache)[held.oid("data/pictures/1.png")]
    lost.unlink()
    done = mlops("push")
    assert done.exit_code == 5
    assert "data/pictures/1.png: in neither the cache nor the remote" in done.stderr
    assert held.oid("model.bin") in held.stored(remote)
    # The list of a folder promises all of its files.
    assert not any(name.endswith(".dir") for name in held.stored(remote))
    assert mlops("status", json=True).json["missing"] == ["data/pictures/1.png"]
    held.forget(root)
    done = mlops("pull")
    assert done.exit_code == 5
    assert "data/pictures/: not in the remote storage" in done.stderr
    assert (root / "model.bin").read_bytes() == held.FILES["model.bin"]


def test_a_pull_that_lacks_files_leaves_the_ones_that_are_here(root, cache, mlops):
    subprocess.run(["rm", "-rf", cache], check=True)
    (root / "data/pictures/1.png").unlink()
    before = held.contents(root)
    assert mlops("pull").exit_code == 5
    assert held.contents(root) == before


def test_what_the_cache_holds_comes_back_without_asking_anybody(root, mlops):
    mlops("remote", "add", "far", "ssh://127.0.0.1:1/store", "--default")
    (root / "model.bin").unlink()
    done = mlops("pull", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["added"] == ["model.bin"]
    assert held.contents(root) == held.FILES


def test_a_target_that_is_not_tracked(root, mlops):
    for command in ("push", "pull"):
        done = mlops(command, "modle.bin")
        assert done.exit_code == 5
        assert done.stderr == "error: DVC does not track modle.bin\nhint: did you mean model.bin?\n"


def test_targets_alone_are_sent(root, remote, mlops):
    assert mlops("push", "model.bin", "data/reviews.csv.dvc", json=True).json["sent"] == 2
    assert len(held.stored(remote)) == 2
    # A part of a folder goes without the list, which would promise the whole.
    assert mlops("push", "data/pictures/1.png", json=True).json["sent"] == 1
    assert not any(name.endswith(".dir") for name in held.stored(remote))


def test_a_folder_that_can_not_be_made(root, mlops, tmp_path):
    (tmp_path / "file").write_text("no folder\n", "utf-8")
    mlops("remote", "add", "there", str(tmp_path / "file" / "below"))
    for command in (("remote", "check", "there"), ("push", "-r", "there")):
        done = mlops(*command)
        assert done.exit_code == 5
        assert "is not there: [Errno 20] Not a directory" in done.stderr


def test_another_dvc_at_work_is_told(root, mlops):
    with opened(root, locked=True):
        done = mlops("push")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: another DVC command is at work in this project\n")


@pytest.mark.parametrize("command", ["push", "pull", "status"])
def test_outside_of_a_dvc_project(empty_folder, command, mlops):
    done = mlops(command)
    assert done.exit_code == 5
    assert done.stderr == (
        f"error: {empty_folder} is no DVC project\n"
        "hint: mlops init makes a project with DVC, dvc init adds DVC\n"
    )


def test_without_any_remote(root, mlops):
    (root / ".dvc" / "config").write_text("", "utf-8")
    done = mlops("push")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == (
        "error: the project has no remote\nhint: mlops remote add storage URL --default\n"
    )


@pytest.mark.parametrize("kind", ["ssh", "webdav"])
def test_a_push_that_is_killed_is_completed_by_the_next(root, kind, mlops, mlops_script, tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    (root / "many").mkdir()
    for number in range(60):
        (root / "many" / f"{number}.bin").write_bytes(bytes([number]) * 200_000)
    held.hold(root, "many")
    with getattr(servers, kind)(served) as url:
        words = (f"{url}/store", f"user={servers.USER}", "password=-", "jobs=1")
        mlops("remote", "add", "there", *words, input=f"{servers.PASSWORD}\n")
        command = [mlops_script, "push", "-r", "there"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while len(held.stored(served)) < 5 and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        before = held.stored(served)
        assert 5 <= len(before) < 66
        # The list of a folder, which promises its files, is not there yet.
        assert not any(name.endswith(".dir") for name in before)

        sent = mlops("push", "-r", "there", json=True)
        assert sent.exit_code == 0, sent.stderr
        assert sent.json["files"] == 67
        assert 67 - len(before) <= sent.json["sent"] < 67
    assert len(held.stored(served)) == 67
    assert held.wrong(served) == []


def test_a_pull_that_is_killed_is_completed_by_the_next(root, mlops, mlops_script, cache):
    mlops("push")
    held.forget(root)
    with subprocess.Popen([mlops_script, "pull"], stderr=subprocess.DEVNULL) as process:
        while not held.stored(cache) and process.poll() is None:
            time.sleep(0.001)
        process.kill()
    assert mlops("pull").exit_code == 0
    assert held.wrong(cache) == []
    assert held.contents(root) == held.FILES


def test_a_project_of_mlops_init_works_with_its_own_remote(tmp_path, monkeypatch, mlops):
    monkeypatch.chdir(tmp_path)
    table = "text,label\n" + "good film,good\nbad film,bad\n" * 20
    (tmp_path / "reviews.csv").write_text(table, "utf-8")
    assert mlops("init", "made", "--yes", "--data", "reviews.csv").exit_code == 0
    monkeypatch.chdir(tmp_path / "made")
    assert mlops("remote", "check").exit_code == 0
    assert mlops("push", json=True).json["sent"] == 1
    (tmp_path / "made/data/reviews.csv").unlink()
    subprocess.run(["rm", "-rf", ".dvc/cache"], check=True)
    assert mlops("pull", json=True).json["added"] == ["data/reviews.csv"]
    assert (tmp_path / "made/data/reviews.csv").read_text("utf-8") == table
    assert mlops("status", json=True).json["next_step"] == "mlops train"
    assert held.git(tmp_path / "made", "status", "--porcelain") == ""
