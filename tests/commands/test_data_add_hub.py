"""`mlops data add ORG/NAME`, against a server that answers as the hub does."""

import hashlib
import http.server
import json
import os
import subprocess
import threading
from urllib.parse import urlsplit

import pytest

from mlops_cli import config

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = "sentence,label\n" + "".join(
    f"a rather long sentence of number {n},{n % 2}\n" for n in range(100)
)
FILES = {"train.csv": ROWS, "validation.csv": ROWS, "README.md": "# Sentences\n"}
DATASET = "/api/datasets/org/name"


class _Hub(http.server.BaseHTTPRequestHandler):
    """One data set in the layout and with the headers of the hub."""

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer()

    do_GET = do_HEAD  # noqa: N815

    def _answer(self):
        path = urlsplit(self.path).path
        if path.startswith(f"{DATASET}/tree/"):
            self._json([self._entry(name) for name in FILES])
        elif path == DATASET or path.startswith(f"{DATASET}/revision/"):
            siblings = [{"rfilename": name} for name in FILES]
            self._json({"id": "org/name", "sha": COMMIT, "siblings": siblings, "tags": []})
        elif path.startswith("/datasets/org/name/resolve/") and path.rsplit("/", 1)[1] in FILES:
            content = FILES[path.rsplit("/", 1)[1]].encode()
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            self._send(200, content, {"X-Repo-Commit": COMMIT, "ETag": etag})
        else:
            code = "EntryNotFound" if "/org/name/resolve/" in path else "RepoNotFound"
            self._send(404, b"{}", {"X-Error-Code": code})

    @staticmethod
    def _entry(name):
        content = FILES[name].encode()
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": name, "size": len(content), "oid": oid}

    def _json(self, content):
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(self, code, body, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(project, mlops_script):
    """Runs `mlops` with a hub on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def run(*words, offline=False):
        environment = {
            **os.environ,
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(project.path.parent / "hub"),
            "HF_HUB_OFFLINE": "1" if offline else "0",
        }
        return subprocess.run(
            [mlops_script, *words],
            cwd=project.path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    server.shutdown()
    thread.join()


def test_a_data_set_is_pinned_to_its_commit(hub, project):
    done = hub("data", "add", "hub:org/name", "--name", "sentences")
    assert done.returncode == 0, done.stderr
    assert (project / "configs/data/sentences.yaml").read_text("utf-8") == (
        "# Text classification from the hub, org/name: mlops train data=sentences\n"
        "# Made by: mlops data add hub:org/name --name sentences\n"
        "module: hub\n"
        "dataset: org/name\n"
        f'revision: "{COMMIT}"\n'
        "text: sentence\n"
        "label: label\n"
        "train_split: train\n"
        "validation_split: validation\n"
        "test_split: null\n"
    )
    assert not (project / "data").exists()
    assert config.load(["data=sentences"], root=project.path).data.revision == COMMIT

    trained = hub("train", "data=sentences", "experiment=smoke", "data.limit=null", offline=True)
    assert trained.returncode == 0, trained.stderr
    unpinned = hub("data", "add", "org/name", "--label", "lable", offline=True)
    assert unpinned.returncode == 5
    assert "error: org/name has no column 'lable'" in unpinned.stderr
    assert "hint: did you mean --label label? columns: sentence, label" in unpinned.stderr
    missing = hub("data", "add", "org/nothing")
    assert missing.returncode == 5
    assert "no data set 'org/nothing'" in missing.stderr
