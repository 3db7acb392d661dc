"""`mlops tune`: options that would be ignored beside another are refused."""

import pytest


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--show", "s", "lr=1"), "KEY=VALUE"),
        (("--show", "s", "--resume", "s"), "--resume"),
        (("--show", "s", "--trials", "3"), "--trials"),
        (("--show", "s", "--timeout", "0"), "--timeout"),
        (("--show", "s", "--force"), "--force"),
        (("--resume", "s", "--name", "t"), "--name"),
        (("--resume", "s", "--no-validate"), "--no-validate"),
    ],
)
def test_nothing_is_ignored_beside_show_and_resume(project, mlops, words, option):
    done = mlops("tune", *words)
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        f"error: {words[0]} and {option} don't go together",
        f"hint: mlops tune {words[0]} s",
    ]
