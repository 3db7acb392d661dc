"""Which project a command runs in, and where its code stands."""

import hashlib
import subprocess

from mlops_cli.project import (
    diff,
    find_root,
    from_home,
    git_facts,
    locate,
    packaged_configs,
    packaged_template,
    unknown,
)


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def test_the_root_is_found_from_below(project):
    project({"src/deep/file.py": ""})
    assert find_root(project.path / "src" / "deep") == project.path


def test_outside_a_project_the_root_is_here(empty_folder):
    assert find_root() == empty_folder


def test_home_is_found_and_nobodys_is_a_name_like_others(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert str(from_home("~/rows.csv")) == "/home/me/rows.csv"
    assert str(from_home("~nobody-at-all/rows.csv")) == "~nobody-at-all/rows.csv"


def test_the_shipped_folders_are_there():
    assert (packaged_configs() / "config.yaml").is_file()
    assert (packaged_template() / "copier.yml").is_file()


def test_facts_of_a_repository(project):
    git(project.path, "init", "-q", "-b", "trunk")
    git(project.path, "add", ".")
    git(project.path, "commit", "-q", "-m", "Start")
    clean = git_facts(project.path)
    assert clean.commit == git(project.path, "rev-parse", "HEAD")
    assert clean.branch == "trunk"
    assert clean.dirty_hash is None

    project({"configs/config.yaml": "lr: 1\n"})
    changed = git_facts(project.path)
    assert changed.commit == clean.commit
    assert changed.dirty_hash
    project({"configs/config.yaml": "lr: 2\n"})
    assert git_facts(project.path).dirty_hash != changed.dirty_hash


def test_new_files_that_are_code_are_part_of_the_changes(project):
    project({".gitignore": "ignored.py\n"})
    git(project.path, "init", "-q")
    git(project.path, "add", ".")
    git(project.path, "commit", "-q", "-m", "Start")
    project({
        "ignored.py": "", ".env": "TOKEN=1\n", "rows.csv": "a\n", "rows.json": "[]\n",
        "data/rows.yaml": "a: 1\n", "runs/one/config.yaml": "a: 1\n", ".hidden/a.py": "",
    })  # fmt: skip
    assert git_facts(project.path).dirty_hash is None
    before = (project / ".git/index").read_bytes()
    project({
        "custom/__init__.py": "", "custom/words.json": "[]\n", "custom/a b.py": "b = 1\n",
        "configs/task/mine.yaml": "name: custom.a\n", "configs/notes.txt": "x" * (1 << 20),
        "secrets.yaml": "a: b\n", "large.py": "#" * (1 + (1 << 20)),
    })  # fmt: skip
    kept = diff(project.path).decode()
    taken = [line.split(" b/")[1] for line in kept.splitlines() if line.startswith("diff --git")]
    assert taken == [
        "configs/notes.txt", "configs/task/mine.yaml", "custom/__init__.py", "custom/a b.py",
        "custom/words.json",
    ]  # fmt: skip
    assert git_facts(project.path).dirty_hash == hashlib.sha256(kept.encode()).hexdigest()
    assert unknown(project.path).left_out == {
        "large.py": "larger than 1 MB",
        "secrets.yaml": "looks like a secret",
    }
    # Git's own index knows nothing of it, and what was added gives the same changes.
    assert (project / ".git/index").read_bytes() == before
    git(project.path, "add", "configs", "custom")
    assert diff(project.path).decode() == kept


def test_new_files_below_the_root_of_the_repository_and_before_the_first_commit(project):
    git(project.path, "init", "-q")
    project({"shop/configs/config.yaml": "", "shop/a.py": "", "other/b.py": ""})
    assert git_facts(project / "shop").dirty_hash is None
    git(project.path, "commit", "-q", "--allow-empty", "-m", "Start")
    git(project.path, "checkout", "-q", "--detach")
    kept = diff(project / "shop").decode()
    assert "b/shop/a.py" in kept
    assert "other" not in kept


def test_a_detached_head_has_no_branch(project):
    git(project.path, "init", "-q")
    git(project.path, "commit", "-q", "--allow-empty", "-m", "Start")
    git(project.path, "checkout", "-q", "--detach")
    assert git_facts(project.path).branch is None


def test_no_facts_outside_git_or_before_the_first_commit(project, monkeypatch):
    assert git_facts(project.path).commit is None
    git(project.path, "init", "-q")
    assert git_facts(project.path).commit is None
    monkeypatch.setenv("PATH", "")
    assert git_facts(project.path).commit is None


def test_where_there_is_no_git_the_environment_tells_the_commit(project, monkeypatch):
    monkeypatch.setenv("MLOPS_GIT_COMMIT", "a" * 40)
    monkeypatch.setenv("MLOPS_GIT_DIRTY", "")
    told = git_facts(project.path)
    assert (told.commit, told.branch, told.dirty_hash) == ("a" * 40, None, None)
    git(project.path, "init", "-q")
    git(project.path, "commit", "-q", "--allow-empty", "-m", "Start")
    assert git_facts(project.path).commit == git(project.path, "rev-parse", "HEAD")


def test_a_setting_names_a_file_from_here_or_from_the_root(project, monkeypatch):
    project({"data/rows.csv": "", "src/own.csv": "", "src/data/both.csv": "", "data/both.csv": ""})
    monkeypatch.chdir(project.path / "src")
    assert locate("own.csv").samefile(project / "src/own.csv")
    assert locate("data/rows.csv").samefile(project / "data/rows.csv")
    assert locate("data/both.csv").samefile(project / "src/data/both.csv")
    assert str(locate("data/none.csv")) == "data/none.csv"


def test_a_current_folder_that_was_removed_is_told(tmp_path, monkeypatch, mlops):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for words in (["runs", "list"], ["train"], ["config", "show"], ["predict", "a"], ["evaluate"]):
        told = mlops(*words)
        assert told.exit_code == 5
        assert told.stderr.splitlines()[-2:] == [
            "error: the current folder is gone",
            "hint: cd to one that is there",
        ]
