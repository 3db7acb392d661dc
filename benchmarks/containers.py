"""Measures the image of `mlops package` beside MLflow's and BentoML's of the same graph.

    eval "$(scripts/docker-engine up)"     # or any engine
    python benchmarks/containers.py BUNDLE --base 127.0.0.1:5017/python:3.11-slim
        [--rounds 3] [--starts 5] [--peers build/serve-peers] [--json FILE]

Builds and starts take turns. Every build begins with an empty build cache; benchmarks/README.md
says what the figures are.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serve import answers

HERE = Path(__file__).resolve().parent
SECONDS_TO_START = 180
_BENTO = """\
service: "serve_bentoml:Sentences"
include: ["*.py", "bundle/**"]
python:
  packages: [onnxruntime, tokenizers, numpy]
  lock_packages: true
docker:
  base_image: {base}
envs:
  - {{name: BUNDLE, value: /home/bentoml/bento/src/bundle}}
"""


@dataclass(frozen=True)
class Contender:
    """Who makes an image, and how it is asked.

    Attributes:
        name: Its name.
        build: Builds the image NAME:bench from nothing.
        path: Where its server answers.
        start: Options of `docker run`, and then its arguments, for a port.
    """

    name: str
    build: Callable[[], None]
    path: str
    start: Callable[[int], tuple[list[str], list[str]]]


@dataclass(frozen=True)
class Bench:
    """Where things lie, and what images begin with."""

    bundle: Path
    base: str
    peers: Path
    folder: Path
    has_apt: bool

    def contenders(self) -> list[Contender]:
        """Those that are compared."""
        serving = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "DISABLE_NGINX": "true"}
        variables = [word for pair in serving.items() for word in ("--env", "=".join(pair))]
        return [
            Contender("mlops", self._mlops, "predict", lambda port: ([], [f"serve.port={port}"])),
            Contender(
                "bentoml", self._bentoml, "predict",
                lambda port: ([], ["serve", "--host", "127.0.0.1", "--port", str(port)]),
            ),
            # Its entry point takes no port; without nginx, uvicorn has 8000.
            Contender("mlflow", self._mlflow, "invocations", lambda _: (variables, [])),
        ]  # fmt: skip

    def _mlops(self) -> None:
        words = [sys.executable, "-m", "mlops_cli", "package", str(self.bundle), "--quiet"]
        target = self.folder / "package"
        shutil.rmtree(target, ignore_errors=True)
        words += ["--output", str(target), "--tag", "mlops:bench", f"image.base={self.base}"]
        _run(words, cwd=self.folder)

    def _mlflow(self) -> None:
        binaries, pyfunc, target = self.peers / "bin", self.folder / "pyfunc", self.folder / "flow"
        for made in (pyfunc, target):
            shutil.rmtree(made, ignore_errors=True)
        script = [str(binaries / "python"), str(HERE / "serve_peers.py"), "mlflow"]
        _run([*script, "--bundle", str(self._alone()), "--save", str(pyfunc)])
        words = [str(binaries / "mlflow"), "models", "generate-dockerfile"]
        _run([*words, "-m", str(pyfunc), "-d", str(target)])
        self._build(target, target / "Dockerfile", "mlflow:bench")

    def _bentoml(self) -> None:
        home, source = self.folder / "bento-home", self.folder / "bento"
        for made in (home, source):
            shutil.rmtree(made, ignore_errors=True)
        source.mkdir()
        for name in ("serve_bentoml.py", "serve_peers.py"):
            shutil.copy(HERE / name, source)
        shutil.copytree(self._alone(), source / "bundle")
        (source / "bentofile.yaml").write_text(_BENTO.format(base=self.base), "utf-8")
        environment = {
            "BENTOML_HOME": str(home),
            "BENTOML_DO_NOT_TRACK": "1",
            "BUNDLE": str(source / "bundle"),
            "PATH": os.pathsep.join([str(self.peers / "bin"), os.environ["PATH"]]),
        }
        _run([str(self.peers / "bin" / "bentoml"), "build"], cwd=source, also=environment)
        (made,) = (path.parent for path in home.glob("bentos/*/*/bento.yaml"))
        dockerfile = made / "env" / "docker" / "Dockerfile"
        # Its installer trusts the certificates of the system only when asked to.
        text = dockerfile.read_text("utf-8")
        text = text.replace("ENV UV_NO_PROGRESS=1", "ENV UV_NO_PROGRESS=1 UV_SYSTEM_CERTS=true")
        dockerfile.write_text(text, "utf-8")
        self._build(made, dockerfile, "bentoml:bench")

    def _alone(self) -> Path:
        """The bundle with the graph that is served, and no other: what our image takes of it."""
        target = self.folder / "alone"
        if not target.exists():
            facts = json.loads((self.bundle / "bundle.json").read_text("utf-8"))
            graphs = facts.get("graphs", {"plain": {"file": "model.onnx"}})
            served = graphs[facts.get("preferred", "plain")]["file"]
            kept = shutil.ignore_patterns("*.onnx")
            shutil.copytree(self.bundle, target, ignore=kept)
            shutil.copy(self.bundle / served, target)
        return target

    def _build(self, context: Path, dockerfile: Path, tag: str) -> None:
        """Builds what a peer wrote, upon the same base; without its system packages if need be."""
        text = dockerfile.read_text("utf-8")
        text = re.sub(r"^FROM python:\S+", f"FROM {self.base}", text, flags=re.MULTILINE)
        if not self.has_apt:
            text = re.sub(r"^RUN apt-get .*\n", "", text, flags=re.MULTILINE)
            text = text.replace("> /etc/apt/apt.conf.d/99-mlflow-timeouts", "> /dev/null")
        dockerfile.write_text(text, "utf-8")
        words = ["docker", "build", "--quiet", "--network=host", "--tag", tag]
        _run([*words, "--file", str(dockerfile), str(context)])


def _run(words: list[str], *, cwd: Path | None = None, also: dict[str, str] | None = None) -> str:
    """What a command says. Ends this one with the command's words where it fails."""
    environment = os.environ | {"MLOPS_TRACKING": "off"} | (also or {})
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done.stdout


def build_seconds(contender: Contender) -> float:
    """How long it takes from the bundle to the image, downloads included, nothing cached."""
    _run(["docker", "builder", "prune", "--all", "--force"])
    began = time.monotonic()
    contender.build()
    return time.monotonic() - began


def megabytes(name: str) -> float:
    """Size of the image, unpacked, its base included."""
    return int(_run(["docker", "inspect", "--format", "{{.Size}}", f"{name}:bench"])) / 1e6


def start_seconds(contender: Contender) -> float:
    """From `docker run` to the first answer to a prediction."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = 8000 if contender.name == "mlflow" else free.getsockname()[1]
    options, arguments = contender.start(port)
    words = ["docker", "run", "--detach", "--network=host", *options, f"{contender.name}:bench"]
    began = time.monotonic()
    container = _run([*words, *arguments]).strip()
    try:
        while not answers(f"http://127.0.0.1:{port}/{contender.path}"):
            if time.monotonic() - began > SECONDS_TO_START:
                raise SystemExit(_run(["docker", "logs", container])[-2000:])
            time.sleep(0.01)
        return time.monotonic() - began
    finally:
        _run(["docker", "rm", "--force", container])


def report(found: dict[str, dict[str, list[float]]]) -> str:
    """A table of medians, and how many times ours each is."""
    lines = [f"{'image':<10}{'MB':>8}{'build s':>9}{'start s':>9}{'':4}{'times ours':>10}"]
    ours = {name: statistics.median(values) for name, values in found["mlops"].items()}
    for contender, figures in found.items():
        middle = {name: statistics.median(values) for name, values in figures.items()}
        times = "".join(f"{middle[name] / ours[name]:>8.1f}" for name in middle)
        lines.append(
            f"{contender:<10}{middle['megabytes']:>8.0f}{middle['build']:>9.1f}"
            f"{middle['start']:>9.2f}{'':4}{times}"
        )
    return "\n".join(lines)


def main() -> None:
    """Builds, starts, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--base", required=True, help="image with Python and pip")
    parser.add_argument("--rounds", type=int, default=3, help="of builds")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--peers", type=Path, default=HERE.parent / "build" / "serve-peers")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    look = ["docker", "run", "--rm", "--network=host", options.base, "sh", "-c"]
    has_apt = subprocess.run([*look, "command -v apt-get"], check=False).returncode == 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "configs").mkdir()
        (Path(folder) / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
        bench = Bench(
            options.bundle.resolve(), options.base, options.peers.resolve(), Path(folder), has_apt
        )
        found: dict[str, dict[str, list[float]]] = {}
        for measured, rounds in (("build", options.rounds), ("start", options.starts)):
            for _ in range(rounds):
                for one in bench.contenders():
                    figures = found.setdefault(
                        one.name, {"megabytes": [], "build": [], "start": []}
                    )
                    measure = build_seconds if measured == "build" else start_seconds
                    figures[measured].append(measure(one))
                    figures["megabytes"].append(megabytes(one.name))
                    print(one.name, measured, figures[measured][-1], file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(found), "utf-8")
    print(report(found))


if __name__ == "__main__":
    main()
