"""Measures `mlops serve` beside its peers in one interleaved run, on the same bundle.

    python benchmarks/serve.py BUNDLE --texts FILE [--rounds 3] [--slices 3] [--seconds 2]
        [--clients 1,16,64] [--only NAME,...] [--peers build/serve-peers] [--json FILE]

In each round every server is started anew, alone; then all are started, and asked by wrk (apt-get
install wrk) in slices of seconds, in turns. benchmarks/README.md says what each of them and each
figure is.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import installed
import psutil

HERE = Path(__file__).resolve().parent
SERVERS = ("mlops", "fastapi", "litserve", "bentoml", "mlflow", "tutorial")
SECONDS_TO_START = 180
_WARM = 1
"""Seconds at the beginning of a slice that are not counted."""
_LUA = """
local bodies, place = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
function init() math.randomseed(os.time()); place = math.random(#bodies) end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function request()
  place = place % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[place])
end
"""


@dataclass(frozen=True)
class Point:
    """One server at one number of clients, in one slice of one round."""

    server: str
    clients: int
    slice: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    failed: int


@dataclass(frozen=True)
class Start:
    """One start of one server: until it answered, and its memory after it was asked."""

    server: str
    ready_seconds: float
    megabytes: float


@dataclass(frozen=True)
class Running:
    """A server that answers, its address, and how long it took to answer."""

    server: str
    tree: psutil.Process
    url: str
    ready: float

    @property
    def family(self) -> list[psutil.Process]:
        """All its processes."""
        return [self.tree, *self.tree.children(recursive=True)]

    @property
    def cpu(self) -> float:
        """Seconds of processor time so far."""
        return sum(sum(one.cpu_times()[:2]) for one in self.family)

    @property
    def memory(self) -> float:
        """Resident megabytes of all its processes; pages that they share count once each."""
        return float(sum(one.memory_full_info().pss for one in self.family) / 2**20)


@dataclass(frozen=True)
class Bench:
    """What is measured, and where things lie."""

    bundle: Path
    peers: Path
    folder: Path
    seconds: int

    def command(self, server: str, port: int) -> list[str]:
        """How a server is started."""
        if server == "mlops":
            mlops = [sys.executable, "-m", "mlops_cli", "serve", "--quiet"]
            return [*mlops, "--bundle", str(self.bundle), "--port", str(port)]
        binaries = self.peers.resolve() / "bin"
        if server == "mlflow":
            words = [str(binaries / "mlflow"), "models", "serve", "-m", str(self.folder / "pyfunc")]
            return [*words, "--env-manager", "local", "-p", str(port)]
        if server == "bentoml":
            words = [str(binaries / "bentoml"), "serve", "serve_bentoml:Sentences"]
            return [*words, "--working-dir", str(HERE), "--host", "127.0.0.1", "-p", str(port)]
        if server == "litserve":
            script = [str(binaries / "python"), str(HERE / "serve_litserve.py")]
        else:
            script = [str(binaries / "python"), str(HERE / "serve_peers.py"), server]
        return [*script, "--bundle", str(self.bundle), "--port", str(port)]

    def save_pyfunc(self) -> None:
        """What MLflow serves."""
        script = [str(self.peers / "bin" / "python"), str(HERE / "serve_peers.py"), "mlflow"]
        target = ["--bundle", str(self.bundle), "--save", str(self.folder / "pyfunc")]
        subprocess.run([*script, *target], check=True, capture_output=True)

    @contextmanager
    def running(self, server: str) -> Iterator[Running]:
        """A server that answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        path = "invocations" if server == "mlflow" else "predict"
        url = f"http://127.0.0.1:{port}/{path}"
        environment = installed.environment() | {"BUNDLE": str(self.bundle)}
        environment |= {"BENTOML_DO_NOT_TRACK": "1"}
        environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        binaries = str(self.peers.resolve() / "bin")
        if server != "mlops":  # MLflow looks for uvicorn on the path.
            environment["PATH"] = os.pathsep.join([binaries, environment["PATH"]])
            environment.pop("PYTHONPATH", None)
        began = time.monotonic()
        with (self.folder / f"{server}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(server, port),
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
            )
        tree = psutil.Process(process.pid)
        try:
            while not answers(url):
                if process.poll() is not None or time.monotonic() - began > SECONDS_TO_START:
                    raise SystemExit((self.folder / f"{server}.log").read_text()[-2000:])
                time.sleep(0.005)
            yield Running(server, tree, url, time.monotonic() - began)
        finally:
            _end(tree, process)

    def start(self, server: str, clients: int) -> Start:
        """One start, with nothing beside it."""
        with self.running(server) as one:
            self._wrk(one.url, clients, self.seconds)
            return Start(server, one.ready, one.memory)

    def measure(self, one: Running, clients: int, place: int) -> Point:
        """One slice of a server."""
        self._wrk(one.url, clients, _WARM)
        before = one.cpu
        said = self._wrk(one.url, clients, self.seconds)
        used = one.cpu - before
        requests = int(re.findall(r"(\d+) requests in", said)[0])
        failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
        return Point(
            one.server,
            clients,
            place,
            (requests - failed) / self.seconds,
            _milliseconds(said, "50"),
            _milliseconds(said, "99"),
            1000 * used / max(1, requests),
            failed,
        )

    def measure_limit(self, texts: Path, clients: int, place: int) -> Point:
        """One slice of what is possible."""
        script = [sys.executable, str(HERE / "serve.py"), str(self.bundle), "--texts", str(texts)]
        words = [*script, "--limit", "--seconds", str(self.seconds)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        return Point("limit", clients, place, found["rows"], 0, 0, found["cpu_ms"], 0)

    def round(
        self, servers: list[str], clients: list[int], slices: int, texts: Path
    ) -> tuple[list[Start], list[Point]]:
        """Starts of all servers, and then their slices and those of the limit."""
        starts = [self.start(server, clients[-1]) for server in servers]
        points = []
        with ExitStack() as stack:
            running = [stack.enter_context(self.running(server)) for server in servers]
            for place in range(slices):
                for count in clients:
                    points.append(self.measure_limit(texts, count, place))
                    points += [self.measure(one, count, place) for one in running]
        return starts, points

    def _wrk(self, url: str, clients: int, seconds: int) -> str:
        words = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
        environment = os.environ | {"BODIES": str(self.folder / "bodies.txt")}
        done = subprocess.run(
            [*words, "-s", str(self.folder / "post.lua"), url],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


def answers(url: str) -> bool:
    """Whether a server answers a prediction."""
    body = json.dumps({"inputs": ["The door is open."]}).encode()
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(tree: psutil.Process, process: "subprocess.Popen[bytes]") -> None:
    family = [*tree.children(recursive=True), tree] if tree.is_running() else []
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
    _, left = psutil.wait_procs([one for one in family if one.pid != process.pid], timeout=5)
    for one in left:
        one.kill()


def _milliseconds(said: str, percent: str) -> float:
    value, unit = re.findall(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", said, re.MULTILINE)[0]
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}[unit]


def limit(bundle: Path, texts: Path, seconds: float) -> None:
    """Prints what is possible in-process: rows a second, and processor ms a row.

    Two sessions of one thread, batches of 4 sorted in windows of 64, tokenising included.
    """
    from mlops_cli.serving import bundle as bundles
    from mlops_cli.serving.runtime import Predictor

    rows, done = texts.read_text("utf-8").splitlines(), [0, 0]
    predictor = Predictor(bundles.load(bundle))
    encoder, session = predictor.task.encoder, predictor.session(1)
    column = encoder.columns[0]

    def work(place: int, until: float) -> None:
        turn = place * len(rows) // 2
        while time.monotonic() < until:
            window = [rows[(turn + step) % len(rows)] for step in range(64)]
            encoded = sorted(encoder.encode({column: window}), key=len)
            for start in range(0, 64, 4):
                predictor.run(session, encoded[start : start + 4])
            turn, done[place] = turn + 64, done[place] + 64

    for length in (0.5, seconds):
        done[:] = [0, 0]
        began, used = time.monotonic(), time.process_time()
        until = began + length
        workers = [threading.Thread(target=work, args=(place, until)) for place in (0, 1)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    taken, used = time.monotonic() - began, time.process_time() - used
    print(json.dumps({"rows": sum(done) / taken, "cpu_ms": 1000 * used / sum(done)}))


def report(starts: list[Start], points: list[Point], clients: list[int]) -> str:
    """A table of medians, and how many times as good as each peer we are.

    A ratio is that of one slice to the one beside it, so that what else the machine does touches
    both; its median is shown.
    """
    names = list(dict.fromkeys(point.server for point in points))
    lines = [
        f"{'server':<10}{'clients':>8}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}"
        f"{'failed':>8}"
    ]
    groups = {
        (name, count): [one for one in points if (one.server, one.clients) == (name, count)]
        for name in names
        for count in clients
    }
    for (name, count), group in groups.items():
        rows = [list(asdict(one).values())[3:] for one in group]
        speed, half, most, cpu, _ = (
            statistics.median(column) for column in zip(*rows, strict=True)
        )
        failed = sum(one.failed for one in group)
        lines.append(
            f"{name:<10}{count:>8}{speed:>9.0f}{half:>9.1f}{most:>9.1f}{cpu:>9.2f}{failed:>8}"
        )
    lines += ["", f"{'server':<10}{'ready s':>9}{'MB':>7}"]
    for name in dict.fromkeys(one.server for one in starts):
        alone = [one for one in starts if one.server == name]
        ready = statistics.median(one.ready_seconds for one in alone)
        lines.append(
            f"{name:<10}{ready:>9.2f}{statistics.median(one.megabytes for one in alone):>7.0f}"
        )
    if "mlops" not in names:
        return "\n".join(lines)
    lines += ["", "mlops / peer: req/s by clients, and how many times less processor time"]
    for (name, count), group in groups.items():
        pairs = list(zip(groups["mlops", count], group, strict=True))
        speed = statistics.median(a.requests_per_second / b.requests_per_second for a, b in pairs)
        cheap = statistics.median(b.cpu_ms / a.cpu_ms for a, b in pairs)
        if name != "mlops":
            lines.append(f"{name:<10}{count:>8}{speed:>9.2f}{cheap:>9.2f}")
    return "\n".join(lines)


def main() -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--texts", type=Path, required=True, help="a text a line")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--only", default=",".join(SERVERS))
    parser.add_argument("--peers", type=Path, default=HERE.parent / "build" / "serve-peers")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--limit", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.limit:
        limit(options.bundle, options.texts, options.seconds)
        return
    clients, servers = [int(word) for word in options.clients.split(",")], options.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.bundle.resolve(), options.peers, Path(folder), options.seconds)
        texts = options.texts.read_text("utf-8").splitlines()
        bodies = "".join(json.dumps({"inputs": [text]}) + "\n" for text in texts)
        (bench.folder / "bodies.txt").write_text(bodies, "utf-8")
        (bench.folder / "post.lua").write_text(_LUA, "utf-8")
        (bench.folder / "configs").mkdir()
        (bench.folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
        if "mlflow" in servers:
            bench.save_pyfunc()
        starts: list[Start] = []
        points: list[Point] = []
        for number in range(options.rounds):
            alone, found = bench.round(servers, clients, options.slices, options.texts.resolve())
            starts, points = starts + alone, points + found
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            if options.json:
                kept = {
                    "starts": [asdict(one) for one in starts],
                    "points": [asdict(one) for one in points],
                }
                options.json.write_text(json.dumps(kept), "utf-8")
    print(report(starts, points, clients))


if __name__ == "__main__":
    main()
