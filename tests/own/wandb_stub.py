"""A W&B server on loopback, as far as its real client needs one: runs, history, files, artifacts.

It keeps what a real one would keep of a run: history lines by their step, the last config and
summary, files, and artifacts with their metadata. It can be told to hang, and be closed and
opened again on the same port.
"""

import gzip
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

VIEWER = {
    "id": "u",
    "entity": "ada",
    "username": "ada",
    "email": "ada@example.com",
    "admin": False,
    "flags": "{}",
    "teams": {"edges": []},
    "apiKeys": {"edges": []},
}
SERVER = {
    "features": [],
    "cliVersionInfo": {"max_cli_version": "9.9.9"},
    "latestLocalVersionInfo": None,
}


class Wandb:
    """What the server knows."""

    def __init__(self, port=0):
        self.history, self.summary, self.config = {}, {}, {}
        self.sent = 0
        self.runs, self.files, self.artifacts, self.exits = set(), {}, [], []
        self.operations, self.keys = [], set()
        self._server = None
        self.port = port
        self.open()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def open(self):
        handler = type("Handler", (_Handler,), {"wandb": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def lines(self):
        """The history in order of W&B's own steps, without its own columns."""
        return [
            {key: value for key, value in self.history[step].items() if not key.startswith("_")}
            for step in sorted(self.history)
        ]

    def stream(self, body):
        if "exitcode" in body:
            self.exits.append(body["exitcode"])
        for name, chunk in (body.get("files") or {}).items():
            for text in chunk["content"]:
                if name == "wandb-history.jsonl":
                    line = json.loads(text)
                    self.sent += 1
                    self.history.setdefault(line["_step"], {}).update(line)
                elif name == "wandb-summary.json":
                    self.summary = json.loads(text)

    def answer(self, operation, query, variables):
        self.operations.append(operation)
        if operation == "UpsertBucket":
            return self._upsert(variables)
        if "resumeStatus" in query or operation == "RunResumeStatus":
            return self._resume(variables)
        if operation == "CreateRunFiles":
            urls = [{"name": n, "uploadUrl": f"{self.url}/up/{n}"} for n in variables["files"]]
            return {"createRunFiles": {"runID": "b1", "uploadHeaders": [], "files": urls}}
        if operation == "ArtifactType":
            return {"project": {"artifact": None}}
        if operation.startswith(("CreateArtifact", "Commit")):
            return self._artifact(operation, variables)
        if operation == "Viewer" or ("viewer" in query and "mutation" not in query):
            return {"viewer": VIEWER, "serverInfo": SERVER}
        if "serverInfo" in query:
            return {"serverInfo": SERVER}
        return {}

    def _upsert(self, variables):
        if variables.get("config"):
            self.config = json.loads(variables["config"])
        if variables.get("name"):
            self.runs.add(variables["name"])
        project = {
            "id": "p",
            "name": variables.get("project"),
            "entity": {"id": "e", "name": "ada"},
        }
        bucket = {
            "id": "b1",
            "name": variables.get("name"),
            "displayName": "run",
            "description": None,
            "config": json.dumps(self.config),
            "sweepName": None,
            "historyLineCount": len(self.history),
            "project": project,
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": not self.history}}

    def _resume(self, variables):
        if variables.get("name") not in self.runs:
            return {"model": {"bucket": None}}
        tail = [json.dumps(self.history[step]) for step in sorted(self.history)[-1:]]
        bucket = {
            "id": "b1",
            "name": variables["name"],
            "historyLineCount": len(self.history),
            "eventsLineCount": 0,
            "logLineCount": 0,
            "historyTail": json.dumps(tail),
            "eventsTail": "[]",
            "summaryMetrics": json.dumps(self.summary),
            "config": json.dumps(self.config),
            "wandbConfig": json.dumps({"t": 1}),
            "tags": [],
        }
        return {
            "model": {
                "id": "p",
                "name": "p",
                "entity": {"id": "e", "name": "ada"},
                "bucket": bucket,
            }
        }

    def _artifact(self, operation, variables):
        given = variables.get("input", variables)
        if operation == "CreateArtifact":
            self.artifacts.append(
                {
                    "name": given.get("artifactCollectionName")
                    or (given.get("artifactCollectionNames") or [None])[0],
                    "type": given.get("artifactTypeName"),
                    "metadata": json.loads(given.get("metadata") or "{}"),
                    "files": [],
                }
            )
            made = {
                "id": f"a{len(self.artifacts)}",
                "state": "PENDING",
                "artifactSequence": {"id": "s", "latestArtifact": None},
            }
            return {"createArtifact": {"artifact": made}}
        if operation == "CreateArtifactManifest":
            file = {
                "id": "f",
                "name": "m",
                "displayName": "m",
                "uploadUrl": f"{self.url}/up/manifest",
                "uploadHeaders": [],
            }
            return {"createArtifactManifest": {"artifactManifest": {"id": "m1", "file": file}}}
        if operation == "CreateArtifactFiles":
            edges = []
            for file in given["artifactFiles"]:
                self.artifacts[-1]["files"].append(file["name"])
                url = f"{self.url}/up/artifact/{file['name']}"
                node = {
                    "id": uuid.uuid4().hex,
                    "name": file["name"],
                    "displayName": file["name"],
                    "uploadUrl": url,
                    "uploadHeaders": [],
                    "uploadMultipartUrls": None,
                    "storagePath": f"wandb_artifacts/{file['name']}",
                    "artifact": {"id": f"a{len(self.artifacts)}"},
                }
                edges.append({"node": node})
            return {"createArtifactFiles": {"files": {"edges": edges}}}
        return {"commitArtifact": {"artifact": {"id": "a1", "digest": "d"}}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wandb = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._say({})

    def do_PUT(self):
        self.wandb.files[unquote(urlsplit(self.path).path.removeprefix("/up/"))] = self._body()
        self._say({})

    def do_POST(self):
        self.wandb.keys.add(self.headers.get("Authorization", ""))
        body = json.loads(self._body())
        if self.path != "/graphql":
            self.wandb.stream(body)
            return self._say({"exitcode": None, "limits": {}})
        query = body.get("query", "")
        found = re.search(r"(?:query|mutation)\s+(\w+)", query)
        operation = body.get("operationName") or (found[1] if found else "")
        return self._say({"data": self.wandb.answer(operation, query, body.get("variables") or {})})

    def _body(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        packed = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(content) if packed else content

    def _say(self, answer):
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
