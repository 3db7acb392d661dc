"""Swaps versions and tries bad canaries under constant load, and counts what fails at the client.

    python benchmarks/rollout.py BUNDLE [--seconds 20] [--clients 16] [--swaps 20] [--json]

Needs `hey` (apt-get install hey). Makes versions of the bundle: one that is the same, one with its
labels swapped, one that is slow and one whose network fails at long texts. Each round starts a
server, lets hey ask without a pause, and meanwhile swaps versions, or puts a bad one on trial with
10 % of the requests. A client of our own beside hey looks whether each answer is what the version
says that it names. Ends with exit code 1 where a request failed, or a canary was not rolled back.
"""

import argparse
import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from variants import failing, slower, variant

from mlops_cli.serving import auth
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor

MLOPS = str(Path(sys.executable).parent / "mlops")
TEXT = " ".join(["The quiet queen near every plant blamed herself."] * 8)
LONGEST_TRIAL = 30.0
"""Seconds within which a bad canary must be gone."""


class Shop:
    """A project with versions of a bundle, and keys."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder = folder
        (folder / "configs").mkdir()
        (folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
        self.secret, key = auth.new("ops", "admin")
        (folder / "keys.txt").write_text(key.line + "\n", "utf-8")
        labels = json.loads((bundle / "bundle.json").read_text("utf-8"))["labels"]
        changes: dict[str, dict[str, Any]] = {
            "good": {},
            "same": {},
            "swapped": {"labels": labels[::-1]},
            # Far slower than good beside texts that take good some 50 ms.
            "slow": {"change": partial(slower, size=1500, layers=8)},
            "failing": {"change": failing},
        }
        for name, change in changes.items():
            variant(bundle, folder / name, run=name, **change)
        self.labels = {name: self._label(name) for name in changes if name != "failing"}

    def _label(self, name: str) -> str:
        predictor = Predictor(bundles.load(self.folder / name))
        return predictor.predict({"text": [TEXT]})[0][0].words


class Server:
    """`mlops serve` with the good version."""

    def __init__(self, shop: Shop, process: subprocess.Popen[bytes], port: int) -> None:
        self.shop, self.process, self.port = shop, process, port
        self.headers = {"authorization": f"Bearer {shop.secret}"}

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer to a request that must succeed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, self.headers)
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {found}")
        return found

    def change(self, what: str, **body: Any) -> dict[str, Any]:
        """Asks the admin endpoint for a change."""
        return self.ask("POST", f"/admin/models/model/{what}", body)

    def memory(self) -> int:
        """Resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024


@contextmanager
def serving(shop: Shop, state: str) -> Iterator[Server]:
    """A server that answers, until the block ends."""
    words = [f"serve.state={state}.json", "serve.api_keys=keys.txt"]
    command = [MLOPS, "serve", "--json", "--bundle", "good", "--port", "0", *words]
    with subprocess.Popen(
        command, cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())  # Said once it answers.
        yield Server(shop, process, int(ready["url"].rpartition(":")[2]))
        process.terminate()


class Reader(threading.Thread):
    """A client that looks at every answer."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server, self.over = server, threading.Event()
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        """Asks until it is over."""
        while not self.over.is_set():
            try:
                found = self.server.ask("POST", "/predict", {"inputs": [TEXT]})
            except (OSError, ValueError, RuntimeError) as error:
                self.wrong.append(repr(error))
                continue
            name, label = found["model"]["version"], found["predictions"][0]["label"]
            self.seen[name] += 1
            if self.server.shop.labels.get(name) != label:
                self.wrong.append(f"{name} answered {label}")


@contextmanager
def load(server: Server, seconds: int, clients: int, figures: dict[str, Any]) -> Iterator[None]:
    """Hey and a reader ask while the block runs, and until hey ends; what they counted is added."""
    command = ["hey", "-z", f"{seconds}s", "-c", str(clients), "-t", "30", "-m", "POST"]
    command += ["-H", f"authorization: Bearer {server.shop.secret}"]
    command += ["-d", json.dumps({"inputs": [TEXT]}), f"http://127.0.0.1:{server.port}/predict"]
    reader = Reader(server)
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as asking:
        reader.start()
        time.sleep(1)
        yield
        said, _ = asking.communicate()
    reader.over.set()
    reader.join()
    statuses = {int(code): int(n) for code, n in re.findall(r"\[(\d+)\]\s+(\d+) responses", said)}
    broken = said.partition("Error distribution:")[2]
    errors = sum(int(count) for count in re.findall(r"\[(\d+)\]", broken))
    figures["answered"] = statuses.pop(200, 0) + sum(reader.seen.values())
    figures["failed"] = sum(statuses.values()) + errors + len(reader.wrong)
    figures["p99_ms"] = round(float(said.partition("99% in ")[2].split()[0]) * 1000, 1)


def swaps(shop: Shop, options: argparse.Namespace) -> dict[str, Any]:
    """Swaps two versions again and again."""
    figures: dict[str, Any] = {"round": f"{options.swaps} swaps"}
    with serving(shop, "swaps") as server:
        before = server.memory()
        with load(server, options.seconds, options.clients, figures):
            for number in range(options.swaps):
                server.change("promote", bundle=("swapped", "good")[number % 2])
                time.sleep((options.seconds - 4) / options.swaps / 2)
        figures["told"] = f"memory {before} MB, then {server.memory()} MB"
    return figures


def canary(shop: Shop, options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Puts a version on trial, and waits until it is taken off."""
    figures: dict[str, Any] = {"round": f"canary {name}"}
    with serving(shop, name) as server:
        with load(server, options.seconds, options.clients, figures):
            began = time.monotonic()
            server.change("canary", bundle=name, share=0.1)
            while time.monotonic() - began < min(LONGEST_TRIAL, options.seconds - 2):
                state = server.ask("GET", "/admin/state")
                if state["models"][0]["canary"] is None:
                    break
                time.sleep(0.05)
            seconds = time.monotonic() - began
        last = state["events"][-1]
        gone = last["change"] == "rolled back"
        figures["rolled_back"] = gone
        figures["told"] = f"after {seconds:.1f} s: {last['reason']}" if gone else "still on trial"
    return figures


def main() -> None:
    """Runs every round and shows them in one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rollout-") as folder:
        shop = Shop(Path(folder), options.bundle)
        rounds = [swaps(shop, options)]
        rounds += [canary(shop, options, name) for name in ("failing", "slow", "swapped", "same")]
    if options.json:
        print(json.dumps(rounds))
    else:
        for one in rounds:
            print(
                f"{one['round']:<15} answered {one['answered']:>6}  failed {one['failed']}"
                f"  p99 {one['p99_ms']} ms  {one['told']}"
            )
    wanted = {f"canary {name}": name != "same" for name in ("failing", "slow", "swapped", "same")}
    off = any(one.get("rolled_back", False) != wanted.get(one["round"], False) for one in rounds)
    sys.exit(int(off or any(one["failed"] for one in rounds)))


if __name__ == "__main__":
    main()
