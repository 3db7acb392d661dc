"""`mlops ci run` plays what a runner would, and says what it leaves out."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

CHECKOUT = "{uses: actions/checkout@v7}"


def git(folder, *words):
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(project):
    """Commits a workflow `ci`, given as its jobs or as a whole, and further files."""

    def commit(text, files=()):
        whole = text if "\non:" in f"\n{text}" else f"on: push\njobs:\n{text}"
        project({".github/workflows/ci.yml": whole, **dict(files)})
        if not (project / ".git").exists():
            git(project.path, "init", "-q")
        git(project.path, "add", "-A")
        git(project.path, "commit", "-qm", "it")
        return project.path

    return commit


@pytest.fixture
def play(mlops):
    """Plays `ci`: what it says as JSON, its steps by name, and all that it told."""

    def run(*words, code=0):
        done = mlops("ci", "run", "ci", *words, json=True)
        assert done.exit_code == code, done.stderr
        steps = {step["name"]: step for job in done.json["jobs"] for step in job["steps"]}
        return done.json, steps, done.stderr

    return run


def test_a_repository_that_git_refuses_is_not_taken_for_none(repository, mlops, monkeypatch):
    folder = repository("  first: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}\n")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    done = mlops("ci", "run", "ci")
    assert done.exit_code == 5
    assert f"error: git does not work in {folder}: fatal: detected dubious" in done.stderr
    assert f"hint: git config --global --add safe.directory {folder}" in done.stderr


def test_files_of_the_runner_join_the_steps(repository, play):
    repository(
        f"""
  first:
    runs-on: ubuntu-latest
    outputs: {{sum: "${{{{ steps.add.outputs.sum }}}}"}}
    env: {{FROM_JOB: job}}
    steps:
      - {CHECKOUT}
      - id: add
        name: add
        run: |
          echo "sum=$((2 + 3))" >> "$GITHUB_OUTPUT"
          printf 'long<<END\\none\\ntwo\\nEND\\n' >> "$GITHUB_ENV"
          mkdir tools && printf '#!/bin/sh\\necho tool says $1' > tools/tool && chmod +x tools/tool
          echo "$PWD/tools" >> "$GITHUB_PATH"
          echo "# told" >> "$GITHUB_STEP_SUMMARY"
      - name: use
        env: {{MINE: "${{{{ steps.add.outputs.sum }}}}"}}
        run: |
          test "$MINE$FROM_JOB" = 5job
          test "$(echo "$long" | wc -l)" = 2
          tool hello
      - name: folder
        working-directory: configs
        shell: python
        run: |
          import os
          assert os.listdir(".") == ["config.yaml"]
          print("python in", os.path.basename(os.getcwd()))
  second:
    needs: first
    if: needs.first.outputs.sum == '5'
    runs-on: ubuntu-latest
    steps:
      - run: test -z "$(ls -A)"; echo "sum ${{{{ needs.first.outputs.sum }}}}"
"""
    )
    done, steps, told = play()
    assert "tool says hello" in told
    assert "python in configs" in told
    assert "sum 5" in told
    assert done["jobs"][0]["summary"] == "# told"
    assert done["jobs"][0]["outputs"] == {"sum": "5"}
    assert {step["outcome"] for step in steps.values()} == {"success"}
    assert done["outcome"] == "success"
    assert done["kept"] is None


def test_the_first_failure_is_the_exit_code(repository, mlops, play):
    repository(
        """
  test:
    runs-on: ubuntu-latest
    steps:
      - {name: forgiven, run: exit 3, continue-on-error: true}
      - {name: broken, run: "false | true; echo after", shell: bash}
      - {name: fails, run: exit 42}
      - {name: not reached, run: "true"}
      - {name: tidy, if: failure(), run: exit 7}
  after: {needs: test, runs-on: ubuntu-latest, steps: [{run: "true"}]}
  always: {needs: test, if: always(), runs-on: ubuntu-latest, steps: [{run: "echo $STATE", env: {STATE: "${{ needs.test.result }}"}}]}
"""
    )
    done, steps, told = play(code=1)
    assert steps["broken"]["exit_code"] == 1  # pipefail
    assert steps["forgiven"]["forgiven"]
    assert steps["fails"]["reason"] == "a step before it failed"
    assert steps["tidy"]["exit_code"] == 7
    outcomes = {job["id"]: job["outcome"] for job in done["jobs"]}
    assert outcomes == {"test": "failure", "after": "skipped", "always": "success"}
    assert json.loads(told.splitlines()[-1])["exit_code"] == 1
    shown = mlops("ci", "run", "ci")
    assert shown.exit_code == 1
    assert "✗ Played" in shown.stdout


def test_a_clean_clone_has_what_is_committed(repository, play, mlops):
    root = repository(
        f"  test: {{runs-on: x, steps: [{CHECKOUT}, {{name: see, run: cat seen.txt; ls}}]}}\n",
        {"seen.txt": "committed\n", ".gitignore": "secret.txt\n"},
    )
    (root / "seen.txt").write_text("edited\n")
    (root / "new.txt").write_text("new\n")
    (root / "secret.txt").write_text("secret\n")
    before = git(root, "count-objects", "-v"), git(root, "status", "--porcelain")
    done, _, told = play()
    assert "committed" in told
    assert "new.txt" not in told
    assert "2 files are not committed" in told
    done, _, told = play("--uncommitted")
    assert "edited" in told
    assert "new.txt" in told
    assert "secret.txt" not in told
    assert done["uncommitted"]
    # Nothing was written to the repository.
    assert (git(root, "count-objects", "-v"), git(root, "status", "--porcelain")) == before


def test_what_is_pushed_goes_to_the_stand_in(repository, play):
    root = repository(
        """
  test:
    runs-on: ubuntu-latest
    steps:
      - {uses: actions/checkout@v7, with: {fetch-depth: 0}}
      - run: |
          git tag made && git push -q origin made
          git commit -q --allow-empty -m more && git push -q
          git push https://example.com/x.git main
          mlops push
          mlops deploy compose shop@production
          docker login -u me
          python -m pip install nothing-of-this-name
"""
    )
    done, _, told = play()
    assert sorted(done["pushed"]) == ["refs/heads/main", "refs/tags/made"]
    assert done["held"] == [
        "git push https://example.com/x.git main",
        "mlops push",
        "mlops deploy compose shop@production",
        "docker login -u me",
        "python -m pip install nothing-of-this-name",
    ]
    assert "held back: mlops push" in told
    assert git(root, "tag") == ""
    assert git(root, "rev-list", "--count", "HEAD") == "1"


def test_secrets_are_not_shown(repository, play, monkeypatch):
    monkeypatch.setenv("API_KEY", "hidden-value-1")
    monkeypatch.setenv("OTHER_KEY", "hidden-value-2")
    repository(
        """
  test:
    runs-on: ubuntu-latest
    steps:
      - name: use ${{ secrets.API_KEY }}
        env: {KEY: "${{ secrets.API_KEY }}", NONE: "${{ secrets.MISSING }}"}
        run: |
          test -n "$KEY" -a -z "$NONE$OTHER_KEY$API_KEY"
          echo "key=$KEY"; echo "key $KEY" >> "$GITHUB_STEP_SUMMARY"
          echo "::add-mask::later-value"; echo "and later-value"
          echo "::warning file=x::mind"
          docker login -p "$KEY"
"""
    )
    done, _, told = play()
    assert "key=***" in told
    assert "and ***" in told
    assert "warning: mind" in told
    assert "hidden-value" not in told + json.dumps(done)


def test_what_only_github_does_is_skipped_with_a_reason(repository, play):
    repository(
        f"""on: [pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - {CHECKOUT}
      - {{id: theirs, uses: someone/action@v1}}
      - {{id: cache, uses: actions/cache@v4, with: {{path: x, key: y}}}}
      - {{name: missed, if: steps.cache.outputs.cache-hit != 'true', run: echo a miss}}
      - {{name: unknown, if: steps.theirs.outputs.x == 'y', run: exit 1}}
      - {{name: number, run: "echo number ${{{{ github.event.pull_request.number }}}}."}}
  windows: {{runs-on: windows-latest, steps: [{{run: exit 1}}]}}
  boxed: {{runs-on: ubuntu-latest, container: node, steps: [{{run: exit 1}}]}}
  fork:
    if: ${{{{ !github.event.pull_request.head.repo.fork }}}}
    runs-on: ubuntu-latest
    steps: [{{run: exit 1}}]
"""
    )
    done, steps, told = play()
    assert steps["someone/action"]["reason"] == "an action of others is not played"
    assert steps["missed"]["outcome"] == "success"
    assert "only GitHub knows steps.theirs.outputs.x" in steps["unknown"]["reason"]
    assert "number: only GitHub knows github.event.pull_request.number: empty here" in told
    reasons = {job["id"]: job["reason"] for job in done["jobs"]}
    assert reasons["windows"].startswith("it runs on windows")
    assert reasons["boxed"] == "it runs in a container"
    assert reasons["fork"].startswith("only GitHub knows github.event.pull_request.head.repo.fork")


def test_an_event_as_github_sends_it(repository, play, tmp_path):
    repository(
        """on: [pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: echo "number ${{ github.event.pull_request.number }} of $GITHUB_EVENT_NAME"
      - run: grep -q 17 "$GITHUB_EVENT_PATH"
"""
    )
    file = tmp_path / "event.json"
    file.write_text('{"pull_request": {"number": 17}}')
    assert "number 17 of pull_request" in play("--payload", str(file))[2]


def test_inputs_are_those_of_a_dispatch_whatever_else_starts_the_workflow(repository, play):
    repository(
        """on: {push: {}, workflow_dispatch: {inputs: {model: {required: true}}}}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: echo "$GITHUB_EVENT_NAME of ${{ inputs.model || 'none' }}"
"""
    )
    assert "push of none" in play()[2]
    assert "workflow_dispatch of reviews" in play("--input", "model=reviews")[2]


def test_actions_of_the_repository_are_played(repository, play):
    action = """
name: Greet
inputs: {who: {default: all}, loud: {required: true}}
outputs: {said: {value: "${{ steps.say.outputs.text }}"}}
runs:
  using: composite
  steps:
    - {id: say, shell: bash, run: 'echo "text=hello ${{ inputs.who }}" >> "$GITHUB_OUTPUT"'}
    - {if: inputs.loud == 'true', shell: bash, run: 'echo LOUD; test -f "$GITHUB_ACTION_PATH/action.yml"'}
"""
    repository(
        f"""
  test:
    runs-on: ubuntu-latest
    steps:
      - {{id: early, uses: $/.github/actions/greet, with: {{loud: "false"}}}}
      - {CHECKOUT}
      - {{id: greet, uses: ./.github/actions/greet, with: {{who: you, loud: "true"}}}}
      - run: echo "${{{{ steps.early.outputs.said }}}}, ${{{{ steps.greet.outputs.said }}}}"
""",
        {".github/actions/greet/action.yml": action},
    )
    _, steps, told = play()
    assert "hello all, hello you" in told
    assert told.count("LOUD\n") == 1
    assert any(name.startswith("Greet / echo") for name in steps)


def test_a_matrix_is_dealt(repository, play):
    here, other = f"{sys.version_info[0]}.{sys.version_info[1]}", "3.99"
    repository(
        f"""
  test:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        python: ["{here}", "{other}"]
        part: [a, b]
        exclude: [{{part: b}}]
        include: [{{python: "{here}", more: x}}]
    steps:
      - {{uses: actions/setup-python@v7, with: {{python-version: "${{{{ matrix.python }}}}"}}}}
      - run: echo "got ${{{{ matrix.part }}}}${{{{ matrix.more }}}}"
"""
    )
    done, _, told = play()
    assert [job["matrix"] for job in done["jobs"]] == [
        {"python": here, "part": "a", "more": "x"},
        {"python": other, "part": "a"},
    ]
    assert "another Python" in done["jobs"][1]["reason"]
    assert "got ax" in told
    done, _, _ = play("--matrix", f"python={other}")
    assert [job["outcome"] for job in done["jobs"]] == ["skipped", "skipped"]


def test_inputs_and_tags(repository, play, mlops):
    root = repository(
        """on:
  push: {tags: ["v*", "!v0*"]}
  workflow_dispatch:
    inputs:
      settings: {default: nothing}
      deep: {type: boolean, default: false}
      size: {type: choice, options: [s, l], default: s}
      must: {required: true}
jobs:
  test:
    runs-on: ubuntu-latest
    steps: [{run: "echo ${{ inputs.settings }} ${{ inputs.deep && 'deep' }} $GITHUB_REF_NAME $GITHUB_REF_TYPE"}]
"""
    )
    words = ("--event", "workflow_dispatch", "--input", "must=x")
    told = play(*words, "--input", "settings=a=b", "--input", "deep=true")[2]
    assert "a=b deep main branch" in told
    for wrong, says in {
        "setings=1": "settings",
        "deep=perhaps": "true or false",
        "size=xl": "none of its options",
    }.items():
        done = mlops("ci", "run", "ci", *words, "--input", wrong)
        assert done.exit_code == 2
        assert says in done.stderr
    assert "has to be given" in mlops("ci", "run", "ci", "--event", words[1]).stderr
    assert mlops("ci", "run", "ci").exit_code == 2  # There is no tag that it takes.
    git(root, "tag", "v0.1")
    assert mlops("ci", "run", "ci").exit_code == 2
    git(root, "tag", "v1.0")
    done, _, told = play()
    assert "nothing false v1.0 tag" not in told
    assert "v1.0 tag" in told
    assert done["ref"] == "refs/tags/v1.0"


def test_a_tag_whose_commit_has_no_workflow(repository, mlops):
    root = repository("on: {push: {tags: ['v*']}}\njobs: {a: {steps: [{run: 'true'}]}}\n")
    elsewhere = git(root, "commit-tree", git(root, "mktree", "--missing"), "-m", "records")
    git(root, "tag", "v1", elsewhere)
    done = mlops("ci", "run", "ci")
    assert done.exit_code == 5
    assert "the commit of v1 has no workflow 'ci': GitHub would not run it" in done.stderr


def test_an_environment_of_its_own_takes_what_is_installed(repository, play):
    package = """
import base64, hashlib, zipfile
files = {"hello_ci.py": "print('installed')", "hello_ci-1.dist-info/METADATA":
         "Metadata-Version: 2.1\\nName: hello-ci\\nVersion: 1\\n",
         "hello_ci-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
with zipfile.ZipFile("hello_ci-1-py3-none-any.whl", "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
    wheel.writestr("hello_ci-1.dist-info/RECORD", "".join(f"{name},,\\n" for name in files))
"""
    repository(
        f"""
  test:
    runs-on: ubuntu-latest
    steps:
      - {CHECKOUT}
      - run: python wheel.py
      - run: pip install --no-index ./hello_ci-1-py3-none-any.whl
      - {{name: use, run: python -m hello_ci}}
      - {{name: clean, run: "! python -c 'import torch'"}}
""",
        {"wheel.py": package},
    )
    done, _, told = play("--install")
    assert "installed" in told.splitlines()
    assert done["held"] == []
    assert play(code=1)[1]["use"]["outcome"] == "failure"


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("on: push\njobs: {}\n", 3, "has no jobs"),
        ("on: push\njobs: {a: {steps: [{run: x, uses: y}]}}\n", 3, "a: step 1 must have"),
        ("on: push\njobs: {a: {needs: b, steps: [{run: x}]}}\n", 3, "needs 'b'"),
        ("on: push\njobs: {a: {steps: [{if: githb.x, run: x}]}}\n", 3, "a: step 1: there is no"),
        ("on: push\njobs: {a: {steps: [{run: x, shell: pwsh}]}}\n", 3, "'pwsh' is not known"),
        ("on: push\njobs: {a: [\n", 3, "line 3 is no YAML"),
        ("on: push\njobs: {a: {steps: [{uses: ./nowhere}]}}\n", 5, "no action in ./nowhere"),
        ("jobs: {a: {steps: [{run: x}]}}\non: []\n", 3, "does not say when"),
    ],
)
def test_what_github_refuses_is_refused(repository, mlops, text, code, says):
    repository(text)
    done = mlops("ci", "run", "ci")
    assert done.exit_code == code
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3


def test_wrong_words_are_told(repository, mlops, project):
    root = repository("  test: {runs-on: x, steps: [{run: 'true'}]}\n")
    for words, code, says in [
        (("nothing",), 5, "there are ci"),
        (("ci", "--job", "tset"), 2, "there are test"),
        (("ci", "--event", "pusch"), 2, "it answers to push"),
        (("ci", "--tag", "v9"), 5, "no tag 'v9'"),
        (("ci", "--input", "a=1"), 2, "leave --input out"),
        (("ci", "--env", "NOT_SET_HERE"), 2, "is not set here"),
        (("ci", "--payload", "none.json"), 5, "can't be read"),
    ]:
        done = mlops("ci", "run", *words)
        assert (done.exit_code, says in done.stderr) == (code, True), done.stderr
    (root / ".github/workflows/new.yml").write_text(
        "on: push\njobs: {a: {steps: [{run: 'true'}]}}\n"
    )
    assert "is not committed" in mlops("ci", "run", "new").stderr
    assert mlops("ci", "run", "new", "--uncommitted").exit_code == 0
    listed = mlops("ci", "list", json=True).json["workflows"]
    assert [one["name"] for one in listed] == [
        ".github/workflows/ci.yml",
        ".github/workflows/new.yml",
    ]


def test_outside_a_repository(project, mlops):
    assert mlops("ci", "run").exit_code == 5
    assert "git init" in mlops("ci", "run").stderr


def test_time_is_up(repository, play):
    repository(
        """
  test:
    runs-on: ubuntu-latest
    steps:
      - {name: slow, timeout-minutes: 0.01, run: sleep 60}
"""
    )
    done, steps, _ = play(code=124)
    assert "its time was up" in steps["slow"]["reason"]
    assert done["seconds"] < 30


def test_an_interrupt_ends_all_and_leaves_nothing(repository, tmp_path):
    root = repository(
        f'  test: {{runs-on: x, steps: [{{run: "echo $$ > {tmp_path}/pid; sleep 600"}}]}}\n'
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops_cli", "ci", "run"],
        cwd=root,
        env={**os.environ, "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "interrupted" in said
    assert list(temporary.iterdir()) == []
    until = time.monotonic() + 10  # Whoever inherits it may take a moment to bury it.
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < until:
            os.kill(int((tmp_path / "pid").read_text()), 0)
            time.sleep(0.05)
