"""`mlops remote`: where settings and secrets go, and every mistake in one line."""

import os
import stat
import sys

import pexpect
import pytest
from own import held

from mlops_cli.versioning.repository import open_config

SECRET = "s3cr3t/With+Signs="


def files(root):
    return {
        name: (root / ".dvc" / name).read_text("utf-8")
        for name in ("config", "config.local")
        if (root / ".dvc" / name).exists()
    }


def test_settings_are_committed_and_secrets_are_not(root, mlops):
    words = ("ceph", "s3://bucket/store", "endpointurl=https://s3.example.org", "profile=team")
    secrets = ("access_key_id=-", "secret_access_key=-")
    done = mlops("remote", "add", *words, *secrets, input=f"AKIA\n{SECRET}\n")
    assert done.exit_code == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert "secret_access_key  set, and not shown" in done.stdout
    assert done.stdout.endswith("next: mlops remote check ceph\n")

    held_by = files(root)
    assert "endpointurl = https://s3.example.org" in held_by["config"]
    assert "profile = team" in held_by["config"]
    assert "access_key" not in held_by["config"]
    assert f"secret_access_key = {SECRET}" in held_by["config.local"]
    assert stat.S_IMODE((root / ".dvc/config.local").stat().st_mode) == 0o600
    assert held.git(root, "status", "--porcelain").split() == ["M", ".dvc/config"]

    listed = mlops("remote", "list", json=True)
    remote = next(one for one in listed.json["remotes"] if one["name"] == "ceph")
    assert remote["settings"] == {"endpointurl": "https://s3.example.org", "profile": "team"}
    assert remote["secrets"] == ["access_key_id", "secret_access_key"]
    assert SECRET not in listed.stdout + mlops("remote", "list").stdout


def test_a_secret_that_is_typed_is_taken_and_warned_of(root, mlops):
    done = mlops("remote", "add", "lab", "ssh://host/srv", f"password={SECRET}", json=True)
    assert done.exit_code == 0
    assert done.stderr == (
        "warning: what is typed stays in the shell's history; password=- asks for it instead\n"
    )
    assert SECRET not in done.stdout
    assert SECRET not in files(root)["config"]


def test_a_terminal_asks_without_an_echo(root):
    script = os.path.join(os.path.dirname(sys.executable), "mlops")  # noqa: PTH118, PTH120
    words = ["remote", "add", "lab", "ssh://host/srv", "user=ada", "password=-"]
    child = pexpect.spawn(script, words, cwd=str(root), encoding="utf-8", timeout=30)
    child.expect("password: ")
    child.waitnoecho()
    child.sendline(SECRET)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert SECRET not in child.before
    assert SECRET in files(root)["config.local"]


@pytest.mark.parametrize("secret", ["a,b#c\"d'e;%x $HOME \\n", ' "q", [sec] = '])
def test_a_secret_is_kept_to_the_letter(root, mlops, secret):
    done = mlops("remote", "add", "lab", "ssh://host/srv", "password=-", input=f"{secret}\n")
    assert done.exit_code == 0
    assert open_config(root)["remote"]["lab"]["password"] == secret


def test_a_secret_that_stdin_lacks(root, mlops):
    before = files(root)
    done = mlops("remote", "add", "lab", "ssh://host/srv", "password=-")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: stdin holds no value for password\nhint: one line for each KEY=-\n"
    )
    assert files(root) == before


def test_git_ignores_secrets_even_where_dvc_was_made_without_git(root, mlops):
    (root / ".dvc" / ".gitignore").unlink()
    mlops("remote", "add", "lab", "ssh://host/srv", "password=-", input=f"{SECRET}\n")
    assert "config.local" not in held.git(root, "status", "--porcelain", "--ignored=no")
    assert held.git(root, "check-ignore", ".dvc/config.local")


@pytest.mark.parametrize(
    ("words", "code", "error", "hint"),
    [
        (
            ("x", "s3://bucket", "endpoint_url=https://h"),
            3,
            "a remote of kind s3 has no setting 'endpoint_url'",
            "did you mean endpointurl?",
        ),
        (
            ("x", "s3://bucket", f"secret_acces_key={SECRET}"),
            3,
            "a remote of kind s3 has no setting 'secret_acces_key'",
            "did you mean secret_access_key?",
        ),
        (("x", "ssh://host/srv", "port=abc"), 3, "port=abc: expected int", ""),
        (("x", "s3://bucket", "endpointurl=h:9000"), 3, "endpointurl=h:9000: must be a URL", ""),
        (("x", "ssh://host/srv", "password=a%(b)sc"), 3, "password: DVC's config can't hold", ""),
        (("x", "ssh://host/srv", "user=andré"), 3, "user: DVC's config takes plain ASCII", ""),
        (("x", "s3://bucket", "profile="), 3, "profile has no value", ""),
        (("x", "s3://bucket", "worktree=true"), 3, "mlops push does not write worktree", ""),
        (("x", "s3://bucket", SECRET[:6]), 2, "a setting is typed as KEY=VALUE", ""),
        (("x", "s3://bucket", "profile=a", "profile=b"), 2, "profile is set twice", ""),
        (("x", "s4://bucket"), 2, "no kind of remote s4://", "did you mean s3://bucket?"),
        (("x", "s3:///store"), 2, "s3:///store names no bucket", ""),
        (("x", ""), 2, "a remote needs a URL", ""),
        (("a b", "s3://bucket"), 2, "'a b' can't be the name of a remote", ""),
        (("storage", "s3://bucket"), 2, "there is a remote 'storage' already", "--force replaces"),
        (
            ("x", "ssh://ada:pw@host/srv"),
            2,
            "the URL carries a password",
            "ssh://ada@host/srv pass",
        ),
        (("x", f"ssh://ada:{SECRET}@host/srv"), 2, "the URL can't be told apart", "user=NAME"),
        (("x", "ssh://host:port/srv"), 2, "the URL can't be told apart", "user=NAME"),
        (("x", f"azure://box/p?sig={SECRET}"), 2, "the URL carries a query", "azure://box/p with"),
    ],
    ids=str,
)
def test_a_mistake_is_one_line_and_nothing_is_written(root, mlops, words, code, error, hint):
    before = files(root)
    done = mlops("remote", "add", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    first, second = done.stderr.splitlines()
    assert first.startswith(f"error: {error}")
    assert second.startswith(f"hint: {hint}")
    assert SECRET not in done.stderr
    assert files(root) == before


def test_a_folder_is_stored_relative_to_the_project(root, mlops, tmp_path, monkeypatch):
    (root / "below").mkdir()
    monkeypatch.chdir(root / "below")
    assert mlops("remote", "add", "one", "../store").exit_code == 0
    assert mlops("remote", "add", "two", str(root / "store")).exit_code == 0
    assert mlops("remote", "add", "three", str(tmp_path / "apart")).exit_code == 0
    config = files(root)["config"]
    assert config.count("url = ../store") == 2
    assert f"url = {tmp_path / 'apart'}" in config
    moved = tmp_path / "moved"
    monkeypatch.chdir(tmp_path)
    root.rename(moved)
    monkeypatch.chdir(moved)
    listed = {one["name"]: one["url"] for one in mlops("remote", "list", json=True).json["remotes"]}
    assert listed["one"] == listed["two"] == str(moved / "store")


def test_the_first_remote_is_the_default_until_another_is(root, mlops):
    assert mlops("remote", "remove", "storage").exit_code == 0
    done = mlops("remote", "list")
    assert done.stdout == "✓ 0 remotes\nnext: mlops remote add storage URL --default\n"
    assert mlops("remote", "add", "one", "store", json=True).json["remote"]["default"] is True
    assert mlops("remote", "add", "two", "other", json=True).json["remote"]["default"] is False
    added = mlops("remote", "add", "three", "third", "--default", json=True).json
    assert added["remote"]["default"] is True
    listed = mlops("remote", "list", json=True).json["remotes"]
    assert [one["name"] for one in listed] == ["three", "one", "two"]


def test_a_replaced_remote_loses_its_old_settings_and_secrets(root, mlops):
    mlops("remote", "add", "lab", "ssh://host/srv", "user=ada", "password=-", input="old\n")
    done = mlops("remote", "add", "lab", "ssh://other/srv", "--force", json=True)
    assert done.json["replaced"] is True
    assert done.json["remote"]["settings"] == {}
    assert done.json["remote"]["secrets"] == []
    assert "old" not in "".join(files(root).values())


def test_a_removed_remote_is_gone_from_both_files_and_its_data_is_not(root, mlops):
    mlops("push")
    mlops("remote", "add", "lab", "ssh://host/srv", "password=-", input=f"{SECRET}\n")
    done = mlops("remote", "remove", "lab", json=True)
    assert done.json["files"] == [".dvc/config", ".dvc/config.local"]
    assert "lab" not in "".join(files(root).values())
    mlops("remote", "remove", "storage")
    assert len(held.stored(root / ".dvc-storage")) == 6
    assert mlops("push").exit_code == 3


@pytest.mark.parametrize("words", [("remove", "storge"), ("check", "storge")])
def test_a_remote_that_is_not_there(root, mlops, words):
    done = mlops("remote", *words)
    assert done.exit_code == 3
    assert done.stderr == "error: there is no remote 'storge'\nhint: did you mean storage?\n"


def test_a_secret_in_a_url_that_dvc_was_told_is_not_shown(root, mlops):
    with (root / ".dvc/config").open("a", encoding="utf-8") as stream:
        stream.write(f"['remote \"web\"']\n    url = http://ada:{SECRET[:6]}@127.0.0.1:9/x\n")
    for command in (("remote", "list"), ("remote", "check", "web"), ("push", "-r", "web")):
        done = mlops(*command, json=True)
        assert SECRET[:6] not in done.stdout + done.stderr
        assert "ada@127.0.0.1" in done.stdout + done.stderr


@pytest.mark.parametrize("text", ["[core\n", "[core]\n    remote = %(b)s\n"])
def test_a_damaged_config_is_told(root, mlops, text):
    (root / ".dvc/config").write_text(text, "utf-8")
    for command in (("remote", "list"), ("push",), ("status",), ("remote", "add", "x", "y")):
        done = mlops(*command)
        assert done.exit_code == 3
        assert done.stderr.startswith("error: DVC's config can't be used: ")


@pytest.mark.parametrize("words", [("list",), ("add", "x", "store"), ("remove", "x"), ("check",)])
def test_outside_of_a_dvc_project(empty_folder, mlops, words):
    done = mlops("remote", *words)
    assert done.exit_code == 5
    assert done.stderr.startswith(f"error: {empty_folder} is no DVC project\nhint: mlops init ")
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize("line", ["mlops push --remote st", "mlops remote check st"])
def test_the_shell_completes_the_names_of_remotes(root, mlops, monkeypatch, line):
    monkeypatch.setenv("_MLOPS_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    assert '"storage"' in mlops().stdout


def test_a_credential_that_is_none_is_told(root, mlops, monkeypatch):
    mlops("remote", "add", "cloud", "gs://bucket/store", "credentialpath=gone.json")
    for command in (("remote", "check", "cloud"), ("push", "-r", "cloud")):
        done = mlops(*command)
        assert done.exit_code == 3
        assert "which credentialpath names" in done.stderr
        assert "hint: mlops remote add cloud gs://bucket/store credentialpath=FILE" in done.stderr

    # What gcsfs raises for a file of JSON that is no credential.
    def look(_):
        raise KeyError("refresh_token")

    monkeypatch.setattr("mlops_cli.versioning.connection.Connection._look", look)
    done = mlops("remote", "check", "storage")
    assert done.exit_code == 3
    assert "is set up wrong: the credential has no 'refresh_token'" in done.stderr
