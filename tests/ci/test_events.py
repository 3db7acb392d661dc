"""Which branches and tags a workflow is for."""

import subprocess

import pytest

from mlops_cli.ci import events
from mlops_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "patterns", "taken"),
    [
        ("main", "main", True),
        ("main2", "main", False),
        ("releases/1", "releases/*", True),
        ("releases/1/a", "releases/*", False),
        ("releases/1/a", "releases/**", True),
        ("v1.20", "v[12].[0-9]+", True),
        ("v1x20", "v1.20", False),
        ("v2-beta", ["v*", "!v*-beta"], False),
        ("v2-beta", ["v*", "!v*-beta", "v2-*"], True),
        ("reviews#production#3", "*#production#*", True),
    ],
)
def test_names_are_taken_as_github_takes_them(name, patterns, taken):
    assert events.matches(name, patterns) is taken


@pytest.mark.parametrize("pattern", ["+", "v[2-1]"])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(ConfigError, match="is no pattern of names"):
        events.matches("main", pattern)


def test_a_workflow_for_other_branches_is_played_and_that_is_said(project, mlops):
    steps = "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
    project({".github/workflows/ci.yml": f"on: {{push: {{branches: [trunk]}}}}\n{steps}"})
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "it"]):
        subprocess.run(["git", *words], cwd=project.path, check=True)
    done = mlops("ci", "run", "ci")
    assert done.exit_code == 0, done.stderr
    assert "GitHub would not run .github/workflows/ci.yml: its branches do not take main" in (
        done.stderr
    )
