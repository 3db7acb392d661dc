"""Making projects from the template and merging a newer one into them, by the library."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlops_cli.data import looking
from mlops_cli.errors import DataError, MlopsError, UsageError
from mlops_cli.project import packaged_template
from mlops_cli.reporting import SilentReporter
from mlops_cli.scaffold import answers, init, template, update
from mlops_cli.schemas.scaffold import Wishes

QUIET = SilentReporter()
REVIEWS = "id,review,stars\n" + "".join(
    f"{n},a rather long review number {n},{'good' if n % 2 else 'bad'}\n" for n in range(40)
)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def commit(folder: Path, message: str = "Edit") -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", message)


def changed_template(tmp_path: Path, **files: str | None) -> Path:
    """A copy of the packaged template in which some files have other content, or None."""
    copy = tmp_path / f"template-{len(list(tmp_path.glob('template-*')))}"
    shutil.copytree(packaged_template(), copy)
    for name, content in files.items():
        path = copy / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
    return copy


def made(folder: Path, source: Path | None = None, **wishes: str) -> Path:
    """A project without DVC, which is quicker."""
    init.run(folder, Wishes(**wishes), QUIET, dvc=False, source=source)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """All files of a project outside git's and DVC's own folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", "tmp"} & set(path.relative_to(folder).parts)
    }


class TestInit:
    def test_it_leaves_one_commit_and_a_clean_work_tree(self, tmp_path: Path) -> None:
        result = init.run(tmp_path / "reviews", Wishes(), QUIET)

        assert git(result.path, "rev-list", "--count", "HEAD").strip() == "1"
        assert git(result.path, "status", "--porcelain") == ""
        assert git(result.path, "branch", "--show-current").strip() == "main"
        assert result.commit == git(result.path, "rev-parse", "HEAD").strip()

    def test_the_config_names_the_choices(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "reviews", model="bert", tracker="wandb", name="my.reviews")

        config = yaml.safe_load((folder / "configs/config.yaml").read_text("utf-8"))
        assert config["defaults"] == [
            "base",
            {"override data": "quickstart"},
            {"override task": "text_classification"},
            {"override model": "bert"},
            {"override tracker": "wandb"},
            "_self_",
        ]
        assert config["tracker"] == {"project": "my.reviews"}

    def test_data_is_copied_and_dvc_holds_it(self, tmp_path: Path) -> None:
        (tmp_path / "reviews é.csv").write_text(REVIEWS, "utf-8")

        wishes = Wishes(data=tmp_path / "reviews é.csv")
        result = init.run(tmp_path / "project", wishes, QUIET)

        tracked = git(result.path, "ls-files", "-z").split("\0")
        assert "data/reviews é.csv.dvc" in tracked
        assert "data/reviews é.csv" not in tracked
        assert (result.path / "data/reviews é.csv").read_text("utf-8") == REVIEWS
        config = yaml.safe_load((result.path / "configs/config.yaml").read_text("utf-8"))
        assert {"override data": "reviews"} in config["defaults"]
        assert "data" not in config
        chosen = yaml.safe_load((result.path / "configs/data/reviews.yaml").read_text("utf-8"))
        assert chosen == {
            "module": "file",
            "path": "data/reviews é.csv",
            "text": "review",
            "label": "stars",
        }
        (result.path / "data/reviews é.csv").unlink()
        dvc = [sys.executable, "-m", "dvc"]
        subprocess.run([*dvc, "checkout", "-q"], cwd=result.path, check=True)
        subprocess.run([*dvc, "push", "-q"], cwd=result.path, check=True)
        assert (result.path / "data/reviews é.csv").read_text("utf-8") == REVIEWS
        assert any((result.path / ".dvc-storage").rglob("*"))
        assert git(result.path, "status", "--porcelain") == ""

    def test_without_dvc_git_holds_the_data(self, tmp_path: Path) -> None:
        (tmp_path / "reviews.csv").write_text(REVIEWS, "utf-8")

        init.run(tmp_path / "project", Wishes(data=tmp_path / "reviews.csv"), QUIET, dvc=False)

        assert "data/reviews.csv" in git(tmp_path / "project", "ls-files").split()
        assert not (tmp_path / "project" / ".dvc").exists()

    def test_without_git_dvc_works_alone(self, tmp_path: Path) -> None:
        (tmp_path / "reviews.csv").write_text(REVIEWS, "utf-8")

        wishes = Wishes(data=tmp_path / "reviews.csv")
        result = init.run(tmp_path / "project", wishes, QUIET, git=False)

        assert result.git == "none"
        assert not (result.path / ".git").exists()
        subprocess.run([sys.executable, "-m", "dvc", "status"], cwd=result.path, check=True)

    def test_nothing_names_this_machine(self, tmp_path: Path) -> None:
        (tmp_path / "reviews.csv").write_text(REVIEWS, "utf-8")
        init.run(tmp_path / "project", Wishes(data=tmp_path / "reviews.csv"), QUIET)

        here = [str(tmp_path).encode(), str(Path.home()).encode(), b"mlops-init"]
        for name, bytes_ in content(tmp_path / "project").items():
            assert not any(place in bytes_ for place in here), name

    def test_odd_column_names_reach_the_config_unharmed(self, tmp_path: Path) -> None:
        text, label = 'the "text": ${x}', "Klasse #ä"
        rows = [json.dumps({text: f"some words {n}", label: f"c{n % 2}"}) for n in range(20)]
        (tmp_path / "rows.jsonl").write_text("\n".join(rows), "utf-8")

        wishes = Wishes(data=tmp_path / "rows.jsonl", text=text, label=label)
        init.run(tmp_path / "project", wishes, QUIET, dvc=False)

        from omegaconf import OmegaConf

        config = OmegaConf.load(tmp_path / "project/configs/data/rows.yaml")
        assert OmegaConf.to_container(config, resolve=True) == {
            "module": "file",
            "path": "data/rows.jsonl",
            "text": text,
            "label": label,
        }

    def test_a_user_without_identity_gets_a_commit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "gitconfig").write_text("[user]\nname = Ada\n", "utf-8")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
        monkeypatch.delenv("EMAIL", raising=False)

        made(tmp_path / "project")

        author = git(tmp_path / "project", "log", "--format=%an %ae")
        assert author.strip() == "Ada mlops@localhost"
        assert "mlops@localhost" not in (tmp_path / "project/.git/config").read_text("utf-8")

    def test_inside_a_repository_it_makes_none_of_its_own(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "-q", ".")
        (tmp_path / ".gitignore").write_text("/scratch/\n", "utf-8")
        commit(tmp_path)

        result = init.run(tmp_path / "apps" / "reviews", Wishes(), QUIET)

        assert result.git == "outer"
        assert not (result.path / ".git").exists()
        assert git(tmp_path, "rev-list", "--count", "HEAD").strip() == "1"
        assert git(tmp_path, "diff", "--cached", "--name-only") == ""
        git(tmp_path, "add", "--all")
        tracked = git(tmp_path, "ls-files").split()
        assert "apps/reviews/.dvc/config" in tracked
        assert not any("cache" in name or "tmp" in name for name in tracked)
        subprocess.run([sys.executable, "-m", "dvc", "status"], cwd=result.path, check=True)

    def test_a_folder_the_outer_repository_ignores_gets_its_own(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "-q", ".")
        (tmp_path / ".gitignore").write_text("/scratch/\n", "utf-8")

        result = init.run(tmp_path / "scratch" / "reviews", Wishes(), QUIET, dvc=False)

        assert result.git == "new"

    def test_an_empty_folder_stays_the_folder_it_is(self, tmp_path: Path) -> None:
        folder = tmp_path / "project"
        folder.mkdir()
        before = folder.stat().st_ino

        made(folder)

        assert folder.stat().st_ino == before
        assert (folder / "configs/config.yaml").is_file()
        assert [path.name for path in tmp_path.iterdir()] == ["project"]

    def test_a_failure_leaves_nothing_not_even_parents(self, tmp_path: Path) -> None:
        broken = changed_template(tmp_path, **{"README.md.jinja": "{{ 1 / 0 }}"})
        (tmp_path / "empty").mkdir()

        for place in ("a/b/project", "empty"):
            with pytest.raises(ZeroDivisionError):
                made(tmp_path / place, broken)

        assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", broken.name]
        assert not any((tmp_path / "empty").iterdir())

    def test_it_refuses_a_file_and_lists_what_is_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x", "utf-8")
        (tmp_path / "full").mkdir()
        for name in "abcdefg":
            (tmp_path / "full" / name).touch()

        with pytest.raises(UsageError, match="file is a file"):
            made(tmp_path / "file" / "below")
        with pytest.raises(UsageError, match="not empty: a, b, c, d, e and 2 more"):
            made(tmp_path / "full")


KILLED = """
import os, signal, sys
from pathlib import Path
from mlops_cli.scaffold import init, staging
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.scaffold import Wishes

folder, moment, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
seen = {"rename": 0}

def stop(event, arguments):
    # Audit events tell, from outside, when files are opened, moved and programs started.
    if event == "os.rename" and "mlops-init" in str(arguments[0]):
        seen["rename"] += 1
    hit = {
        "render": event == "open" and str(arguments[0]).endswith("requirements.txt"),
        "git": event == "subprocess.Popen" and "commit" in arguments[1],
        "move": event == "os.rename" and seen["rename"] == 4,
    }[moment]
    if hit:
        os.kill(os.getpid(), getattr(signal, name))

sys.addaudithook(stop)
init.run(folder, Wishes(), SilentReporter(), dvc=False)
"""


class TestInterruptedInit:
    @pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
    @pytest.mark.parametrize(
        ("place", "moment"),
        [
            ("new", "render"),
            ("new", "git"),
            ("empty", "render"),
            ("empty", "git"),
            ("empty", "move"),  # a new folder takes its name in one step instead
        ],
    )
    def test_it_leaves_nothing_and_can_be_run_again(
        self, tmp_path: Path, place: str, moment: str, name: str
    ) -> None:
        folder = tmp_path / "project"
        if place == "empty":
            folder.mkdir()

        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(folder), moment, name],
            capture_output=True,
            check=False,
        )

        assert done.returncode in (-signal.SIGKILL, -signal.SIGINT), done.stderr.decode()
        if name == "SIGINT":
            assert [path.name for path in tmp_path.iterdir()] == (
                ["project"] if place == "empty" else []
            )
        if (name, moment) != ("SIGKILL", "move"):
            assert not folder.exists() or not any(folder.iterdir())
        made(folder)
        assert [path.name for path in tmp_path.iterdir()] == ["project"]
        assert git(folder, "status", "--porcelain") == ""

    def test_one_that_still_runs_is_left_alone(self, tmp_path: Path) -> None:
        from mlops_cli.scaffold import staging

        with staging.staged(tmp_path / "project") as first:
            (first / "mine").touch()
            staging.remove_leftovers(tmp_path / "project")
            assert (first / "mine").exists()
            made(tmp_path / "project")
            with pytest.raises(UsageError, match="already is a project"):
                staging.check(tmp_path / "project")
            shutil.rmtree(tmp_path / "project")

        assert (tmp_path / "project" / "mine").exists()


class TestAnswers:
    def test_a_look_says_what_it_saw(self, tmp_path: Path) -> None:
        (tmp_path / "reviews.csv").write_text(REVIEWS, "utf-8")

        look = looking.look_at(tmp_path / "reviews.csv")

        assert (look.text, look.label, look.rows, look.complete) == ("review", "stars", 40, True)
        assert look.summary == (
            "text column 'review', label column 'stars' (guessed: text and label): "
            "2 classes in 40 rows: bad, good"
        )

    def test_only_the_first_rows_are_looked_at(self, tmp_path: Path) -> None:
        rows = "".join(f"words and words {n},{'ab'[n % 2]}\n" for n in range(3000))
        (tmp_path / "many.csv").write_text("text,label\n" + rows, "utf-8")

        look = looking.look_at(tmp_path / "many.csv", "text", "label")

        assert not look.complete
        assert "2 classes in the first 1,000 rows" in look.summary

    def test_a_wrong_column_is_told_with_the_one_meant(self, tmp_path: Path) -> None:
        (tmp_path / "reviews.csv").write_text(REVIEWS, "utf-8")

        with pytest.raises(DataError, match="no column 'starz'") as caught:
            looking.look_at(tmp_path / "reviews.csv", label="starz")

        assert "did you mean --label stars?" in caught.value.hint

    def test_one_column_can_not_be_both(self, tmp_path: Path) -> None:
        (tmp_path / "reviews.csv").write_text(REVIEWS, "utf-8")

        with pytest.raises(DataError, match="the same column"):
            looking.look_at(tmp_path / "reviews.csv", "stars", "stars")

    def test_numbers_alone_show_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "n.csv").write_text("a,b\n1,2\n3,4\n5,6\n", "utf-8")

        with pytest.raises(DataError, match="looks like the text") as caught:
            looking.look_at(tmp_path / "n.csv")

        assert "columns: a, b" in caught.value.hint

    def test_wandb_credentials_are_found_where_wandb_puts_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("NETRC", raising=False)
        assert answers.default_tracker() == "none"

        (tmp_path / ".netrc").write_text("machine example.com login a password b\n", "utf-8")
        assert answers.default_tracker() == "none"

        (tmp_path / ".netrc").write_text("machine api.wandb.ai login u password k\n", "utf-8")
        (tmp_path / ".netrc").chmod(0o600)
        assert answers.default_tracker() == "wandb"

        (tmp_path / ".netrc").unlink()
        monkeypatch.setenv("WANDB_API_KEY", "k")
        assert answers.default_tracker() == "wandb"

    @pytest.mark.parametrize(
        ("folder", "name"),
        [("My Reviews!", "My-Reviews"), ("отзывы", "my-project"), ("a.b_c-1", "a.b_c-1")],
    )
    def test_the_folder_names_the_project(self, folder: str, name: str) -> None:
        assert answers.default_name(Path("/somewhere") / folder) == name
        assert answers.check_name(name) == name

    @pytest.mark.parametrize("name", ["a b", "-a", "a/b", "", "a" * 101, "ä"])
    def test_a_name_that_does_not_work_everywhere_is_refused(self, name: str) -> None:
        with pytest.raises(UsageError, match="can't name a project"):
            answers.check_name(name)


NEWER = {
    "NEW.md": "# New in the template\n",
    "requirements.txt.jinja": "{{ requirement }}\nnewer\n",
}


class TestUpdate:
    def test_edits_stay_and_the_template_s_changes_come(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        with (folder / "README.md").open("a", encoding="utf-8") as stream:
            stream.write("\nMy own section.\n")
        (folder / "mine.py").write_text("x = 1\n", "utf-8")
        commit(folder)
        readme = (packaged_template() / "README.md.jinja").read_text("utf-8")
        newer = changed_template(
            tmp_path,
            **NEWER,
            **{"README.md.jinja": readme.replace("# {{ name }}", "# Hi {{ name }}")},
        )

        result = update.run(folder, QUIET, source=newer)

        assert result.added == ["NEW.md"]
        assert sorted(result.changed) == ["README.md", "requirements.txt"]
        assert result.conflicts == []
        merged = (folder / "README.md").read_text("utf-8")
        assert merged.startswith("# Hi project\n")
        assert merged.endswith("My own section.\n")
        assert (folder / "mine.py").exists()
        assert git(folder, "diff", "--cached", "--name-only") == ""
        recorded, _ = template.read_answers(folder / ".copier-answers.yml")
        assert recorded == result.after != result.before

    def test_the_same_template_changes_nothing(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        before = content(folder)

        result = update.run(folder, QUIET)

        assert result.up_to_date
        assert not result.written
        assert content(folder) == before

    def test_the_same_lines_changed_twice_are_marked(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        (folder / "requirements.txt").write_text("mine\n", "utf-8")
        commit(folder)

        result = update.run(folder, QUIET, source=changed_template(tmp_path, **NEWER))

        assert result.conflicts == ["requirements.txt"]
        text = (folder / "requirements.txt").read_text("utf-8")
        assert "<<<<<<< yours\nmine\n=======" in text
        assert "newer\n>>>>>>> template-" in text

    def test_what_the_user_deleted_stays_deleted(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        (folder / "requirements.txt").unlink()
        commit(folder)

        result = update.run(folder, QUIET, source=changed_template(tmp_path, **NEWER))

        assert not (folder / "requirements.txt").exists()
        assert result.kept == {"requirements.txt": "changed in the template, but you deleted it"}
        assert result.conflicts == []

    def test_what_the_template_deleted_goes_unless_edited(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        (folder / "data/README.md").write_text("mine\n", "utf-8")
        commit(folder)
        gone = {"data/README.md.jinja": None, "configs/experiment/longer.yaml": None}

        result = update.run(folder, QUIET, source=changed_template(tmp_path, **gone))

        assert result.deleted == ["configs/experiment/longer.yaml"]
        assert not (folder / "configs/experiment").exists()
        assert (folder / "data/README.md").read_text("utf-8") == "mine\n"
        assert result.kept == {"data/README.md": "no longer in the template, but you changed it"}

    def test_a_file_the_user_moved_is_updated_where_it_is(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        git(folder, "mv", "tests/test_project.py", "tests/test_smoke.py")
        commit(folder)
        test = (packaged_template() / "tests/test_project.py").read_text("utf-8")

        result = update.run(
            folder,
            QUIET,
            source=changed_template(tmp_path, **{"tests/test_project.py": test + "\n# newer\n"}),
        )

        assert result.changed == ["tests/test_smoke.py"]
        assert (folder / "tests/test_smoke.py").read_text("utf-8").endswith("# newer\n")
        assert not (folder / "tests/test_project.py").exists()

    def test_binary_files_are_not_mangled(self, tmp_path: Path) -> None:
        first, second = changed_template(tmp_path), changed_template(tmp_path)
        (first / "logo.bin").write_bytes(b"\0\xff\r\n1")
        (second / "logo.bin").write_bytes(b"\0\xff\r\n2")
        (second / "tool.sh").write_bytes(b"#!/bin/sh\n")
        (second / "tool.sh").chmod(0o755)
        folder = made(tmp_path / "project", first)

        update.run(folder, QUIET, source=second)

        assert (folder / "logo.bin").read_bytes() == b"\0\xff\r\n2"
        assert os.access(folder / "tool.sh", os.X_OK)

    def test_a_binary_conflict_keeps_the_user_s_file(self, tmp_path: Path) -> None:
        first, second = changed_template(tmp_path), changed_template(tmp_path)
        (first / "logo.bin").write_bytes(b"\0\xff1")
        (second / "logo.bin").write_bytes(b"\0\xff2")
        folder = made(tmp_path / "project", first)
        (folder / "logo.bin").write_bytes(b"\0\xffmine")
        commit(folder)

        result = update.run(folder, QUIET, source=second)

        assert result.conflicts == ["logo.bin"]
        assert (folder / "logo.bin").read_bytes() == b"\0\xffmine"

    def test_a_second_update_in_a_clone_after_a_squash(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        (folder / "requirements.txt").write_text("mine\n" + "\n" * 8, "utf-8")
        commit(folder)
        first = changed_template(tmp_path, **{"a.md": "".join(f"{n}\n" for n in range(9))})
        update.run(folder, QUIET, source=first)
        commit(folder, "Update")
        # One commit is all that is left of the history, as after a squashed merge elsewhere.
        git(folder, "checkout", "-q", "--orphan", "squashed")
        commit(folder, "All at once")
        clone = tmp_path / "clone"
        git(
            tmp_path,
            "clone",
            "-q",
            "--branch",
            "squashed",
            "--single-branch",
            str(folder),
            str(clone),
        )
        (clone / "a.md").write_text("mine\n" + "".join(f"{n}\n" for n in range(1, 9)), "utf-8")
        commit(clone)
        newer = {"a.md": "".join(f"{n}\n" for n in range(8)) + "theirs\n"}

        result = update.run(clone, QUIET, source=changed_template(tmp_path, **newer))

        assert result.conflicts == []
        assert (clone / "a.md").read_text("utf-8").split() == ["mine", *"1234567", "theirs"]
        assert (clone / "requirements.txt").read_text("utf-8").startswith("mine\n")

    def test_a_new_question_takes_its_default_and_old_answers_stay(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project", model="bert")
        questions = (packaged_template() / "copier.yml").read_text("utf-8")
        newer = {
            "copier.yml": questions + "\ncolour:\n  type: str\n  default: blue\n",
            "colour.txt.jinja": "{{ model }} {{ colour }}\n",
        }

        update.run(folder, QUIET, source=changed_template(tmp_path, **newer))

        assert (folder / "colour.txt").read_text("utf-8") == "bert blue\n"
        _, recorded = template.read_answers(folder / ".copier-answers.yml")
        assert recorded["colour"] == "blue"
        assert recorded["model"] == "bert"

    def test_a_changed_answer_is_applied(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        path = folder / ".copier-answers.yml"
        path.write_text(path.read_text("utf-8").replace("model: tiny", "model: bert"), "utf-8")
        commit(folder)

        update.run(folder, QUIET)

        assert "override model: bert" in (folder / "configs/config.yaml").read_text("utf-8")

    def test_a_project_inside_another_repository(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "-q", "mono")
        folder = made(tmp_path / "mono/apps/reviews")
        commit(tmp_path / "mono")
        (tmp_path / "mono/unrelated.txt").write_text("uncommitted elsewhere", "utf-8")
        git(tmp_path / "mono", "add", "--all")

        result = update.run(folder, QUIET, source=changed_template(tmp_path, **NEWER))

        assert result.added == ["NEW.md"]
        assert (folder / "NEW.md").exists()
        assert not (tmp_path / "mono/NEW.md").exists()

    def test_a_check_writes_nothing(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        before = content(folder)

        result = update.run(folder, QUIET, check=True, source=changed_template(tmp_path, **NEWER))

        assert result.added == ["NEW.md"]
        assert not result.up_to_date
        assert content(folder) == before

    def test_uncommitted_changes_are_refused(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        (folder / "README.md").write_text("mine", "utf-8")

        with pytest.raises(UsageError, match=r"uncommitted changes in README\.md"):
            update.run(folder, QUIET, source=changed_template(tmp_path, **NEWER))

    def test_an_untracked_file_is_never_overwritten(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        (folder / "NEW.md").write_text("mine", "utf-8")
        before = content(folder)

        with pytest.raises(UsageError, match=r"NEW\.md, which lies here uncommitted"):
            update.run(folder, QUIET, source=changed_template(tmp_path, **NEWER))

        assert content(folder) == before

    def test_a_project_newer_than_the_tool_is_refused(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "project")
        path = folder / ".copier-answers.yml"
        path.write_text(path.read_text("utf-8").replace("_commit: 0.", "_commit: 99."), "utf-8")
        commit(folder)

        with pytest.raises(UsageError, match="newer than mlops"):
            update.run(folder, QUIET)

    @pytest.mark.parametrize("damage", [b"no zip", None])
    def test_a_damaged_base_is_told(self, tmp_path: Path, damage: bytes | None) -> None:
        folder = made(tmp_path / "project")
        if damage is None:
            (folder / template.BASE).unlink()
        else:
            (folder / template.BASE).write_bytes(damage)
        commit(folder)

        with pytest.raises(DataError, match=template.BASE):
            update.run(folder, QUIET)

    def test_a_project_without_commits_is_told_how(self, tmp_path: Path) -> None:
        init.run(tmp_path / "project", Wishes(), QUIET, git=False, dvc=False)

        with pytest.raises(UsageError, match="no git commit") as caught:
            update.run(tmp_path / "project", QUIET)

        assert "git init" in caught.value.hint

    def test_a_project_in_which_git_refuses_to_work_is_told_why(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = made(tmp_path / "project")
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

        with pytest.raises(DataError, match="dubious ownership") as caught:
            update.run(folder, QUIET)

        assert caught.value.hint == f"git config --global --add safe.directory {folder}"


STOPPED = """
import os, signal, sys
from pathlib import Path
from mlops_cli.reporting import SilentReporter
from mlops_cli.scaffold import update

seen = []

def stop(event, arguments):
    # Files that take their places; that one is being written is told by a name of its own.
    if event != "os.rename" or ".writing-" in str(arguments[1]):
        return
    if str(arguments[1]).startswith(sys.argv[1]):
        seen.append(arguments[1])
        if ".git" not in str(arguments[1]) and len(seen) == 3:
            os.kill(os.getpid(), getattr(signal, sys.argv[3]))

sys.addaudithook(stop)
update.run(Path(sys.argv[1]), SilentReporter(), source=Path(sys.argv[2]))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_an_interrupted_update_is_undone(tmp_path: Path, name: str) -> None:
    folder = made(tmp_path / "project")
    newer = changed_template(tmp_path, **NEWER, **{"README.md.jinja": "# short\n", "e/f.txt": ""})
    before = content(folder)

    words = [sys.executable, "-c", STOPPED, str(folder), str(newer), name]
    done = subprocess.run(words, capture_output=True, check=False)

    assert done.returncode in (-signal.SIGKILL, -signal.SIGINT), done.stderr.decode()
    if name == "SIGINT":
        assert content(folder) == before
    else:
        assert content(folder) != before
        assert update.run(folder, QUIET, source=newer, check=True).added == ["NEW.md", "e/f.txt"]
        assert content(folder) == before

    assert update.run(folder, QUIET, source=newer).conflicts == []
    assert (folder / "README.md").read_text("utf-8") == "# short\n"


@pytest.mark.parametrize(("old", "new"), [("", "full\n"), (None, ""), ("full\n", "")])
def test_an_interrupted_update_is_undone_for_empty_files(
    tmp_path: Path, old: str | None, new: str
) -> None:
    older = changed_template(tmp_path, **({} if old is None else {"a/first.txt": old}))
    newer = changed_template(tmp_path, **{"a/first.txt": new, "a/second.txt": "more\n"})
    folder = made(tmp_path / "project", source=older)
    before = content(folder)

    words = [sys.executable, "-c", STOPPED, str(folder), str(newer), "SIGKILL"]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert (folder / "a/first.txt").read_text("utf-8") == new

    update.run(folder, QUIET, source=newer, check=True)
    assert content(folder) == before


def test_the_version_follows_the_template_s_content(tmp_path: Path) -> None:
    copy = changed_template(tmp_path)
    assert template.version(copy) == template.version(packaged_template())

    (copy / "README.md.jinja").write_text("other", "utf-8")
    assert template.version(copy) != template.version(packaged_template())


def test_an_answer_the_template_refuses_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(MlopsError, match="letters, digits"):
        template.render(packaged_template(), {"name": "a b"}, tmp_path / "out")
