"""Measures `mlops serve` beside its peers in one interleaved run, on the same bundle.

    python benchmarks/serve.py BUNDLE --texts FILE [--rounds 3] [--seconds 10]
        [--clients 1,16,64] [--only NAME,...] [--peers build/serve-peers] [--json FILE]
    python benchmarks/serve.py BUNDLE --texts FILE --only mlops,fastapi --turns 12 --seconds 1

Every server is started anew in each round, measured with wrk (apt-get install wrk) and ended.
benchmarks/README.md says what each of them and each figure is.
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
    """One server at one number of clients, in one round."""

    server: str
    clients: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    megabytes: float
    ready_seconds: float
    failed: int


@dataclass(frozen=True)
class Bench:
    """What is measured, and where things lie."""

    bundle: Path
    peers: Path
    folder: Path
    seconds: float

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
    def running(self, server: str) -> Iterator[tuple[psutil.Process, str, float]]:
        """A server that answers: its process, its address, and how long it took to answer."""
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
            yield tree, url, time.monotonic() - began
        finally:
            _end(tree, process)

    def measure(self, server: str, clients: list[int]) -> list[Point]:
        """One round of one server."""
        with self.running(server) as (tree, url, ready):
            self._wrk(url, 4, min(2.0, self.seconds))  # Not counted.
            points = []
            for count in clients:
                before = _cpu(tree)
                said = self._wrk(url, count, self.seconds)
                used = _cpu(tree) - before
                requests = int(re.findall(r"(\d+) requests in", said)[0])
                failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
                points.append(
                    Point(
                        server,
                        count,
                        (requests - failed) / self.seconds,
                        _milliseconds(said, "50"),
                        _milliseconds(said, "99"),
                        1000 * used / max(1, requests),
                        _memory(tree),
                        ready,
                        failed,
                    )
                )
            return points

    def in_turns(
        self, servers: list[str], clients: list[int], turns: int
    ) -> dict[tuple[str, int], list[float]]:
        """Requests a second of servers that run side by side, asked one after the other.

        What else the machine does from one second to the next touches all of them.
        """
        found: dict[tuple[str, int], list[float]] = {}
        with ExitStack() as stack:
            urls = {one: stack.enter_context(self.running(one))[1] for one in servers}
            for turn in range(turns + 1):  # The first is not counted.
                for count in clients:
                    for server, url in urls.items():
                        said = self._wrk(url, count, self.seconds)
                        asked = int(re.findall(r"(\d+) requests in", said)[0])
                        if turn:
                            found.setdefault((server, count), []).append(asked / self.seconds)
        return found

    def _wrk(self, url: str, clients: int, seconds: float) -> str:
        words = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--latency", "--timeout", "30s"]
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


def _family(tree: psutil.Process) -> list[psutil.Process]:
    return [tree, *tree.children(recursive=True)]


def _cpu(tree: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in _family(tree))


def _memory(tree: psutil.Process) -> float:
    """Resident megabytes of all its processes; pages that they share count once each."""
    return float(sum(one.memory_full_info().pss for one in _family(tree)) / 2**20)


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


def _limit(bench: Bench, texts: Path) -> Point:
    script = [sys.executable, str(HERE / "serve.py"), str(bench.bundle), "--texts", str(texts)]
    words = [*script, "--limit", "--seconds", str(bench.seconds)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return Point("limit", 0, found["rows"], 0, 0, found["cpu_ms"], 0, 0, 0)


def report(points: list[Point], clients: list[int]) -> str:
    """A table of medians, and how many times as good as each peer we are."""
    names = list(dict.fromkeys(point.server for point in points))
    lines = [
        f"{'server':<10}{'clients':>8}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}"
        f"{'MB':>7}{'ready s':>9}{'failed':>8}"
    ]
    median: dict[tuple[str, int], dict[str, float]] = {}
    for name in names:
        for count in [0] if name == "limit" else clients:
            group = [asdict(one) for one in points if (one.server, one.clients) == (name, count)]
            figures = {
                key: statistics.median(one[key] for one in group) for key in list(group[0])[2:]
            }
            median[name, count] = figures
            lines.append(
                f"{name:<10}{count or '':>8}{figures['requests_per_second']:>9.0f}"
                f"{figures['p50_ms']:>9.1f}{figures['p99_ms']:>9.1f}{figures['cpu_ms']:>9.2f}"
                f"{figures['megabytes']:>7.0f}{figures['ready_seconds']:>9.2f}"
                f"{figures['failed']:>8.0f}"
            )
    if "mlops" in names:
        lines += ["", "mlops / peer: req/s by clients, and how many times less processor time"]
    for name in names if "mlops" in names else []:
        for count in clients if name != "mlops" else []:
            ours, other = median["mlops", count], median[name, 0 if name == "limit" else count]
            speed = ours["requests_per_second"] / other["requests_per_second"]
            cheap = other["cpu_ms"] / ours["cpu_ms"]
            lines.append(f"{name:<10}{count:>8}{speed:>9.2f}{cheap:>9.2f}")
    return "\n".join(lines)


def report_turns(found: dict[tuple[str, int], list[float]]) -> str:
    """Medians of requests a second, and of our share of each peer's within a turn."""
    lines = [f"{'server':<10}{'clients':>8}{'req/s':>9}{'mlops / it':>12}"]
    for (server, count), rates in found.items():
        ours = found.get(("mlops", count), rates)
        share = statistics.median(a / b for a, b in zip(ours, rates, strict=True))
        lines.append(f"{server:<10}{count:>8}{statistics.median(rates):>9.0f}{share:>12.2f}")
    return "\n".join(lines)


def main() -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--texts", type=Path, required=True, help="a text a line")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--only", default=",".join(SERVERS))
    parser.add_argument("--peers", type=Path, default=HERE.parent / "build" / "serve-peers")
    parser.add_argument("--turns", type=int, help="run side by side, asked so often in turns")
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
        if options.turns:
            print(report_turns(bench.in_turns(servers, clients, options.turns)))
            return
        points: list[Point] = []
        for _ in range(options.rounds):
            points.append(_limit(bench, options.texts.resolve()))
            for server in servers:
                points += bench.measure(server, clients)
                print(points[-1], file=sys.stderr)
            if options.json:
                options.json.write_text(json.dumps([asdict(one) for one in points]), "utf-8")
    print(report(points, clients))


if __name__ == "__main__":
    main()
