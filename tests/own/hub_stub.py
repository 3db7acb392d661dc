"""A model hub on loopback: what huggingface_hub calls to look at repositories and to commit.

It keeps branches of commits, each a mapping of paths to contents, and large files by their hash,
and takes a commit only from a token that may write, on top of the commit it names.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from huggingface_hub import constants

WRITER, READER = "hf_writer", "hf_reader"
_ROLES = {WRITER: "write", READER: "read"}
LARGE = 500
"""From this many bytes on, a file goes to the large ones."""


@dataclass
class Repository:
    private: bool
    commits: list = field(default_factory=lambda: [("0" * 40, "initial commit", {})])

    @property
    def head(self):
        return self.commits[-1]

    def at(self, revision):
        for sha, _, files in self.commits:
            if sha == revision:
                return sha, files
        return (self.head[0], self.head[2]) if revision == "main" else None


class Hub:
    """The hub's content, and what it was asked."""

    def __init__(self):
        self.repositories, self.large, self.asked, self.url = {}, {}, [], ""
        self.spoil = self.race = self.cut = None
        """A file whose content gets lost; what happens just before a commit; a file in the middle
        of which the connection breaks off."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_):
        pass

    def answer(self, code, content=None, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def route(self):
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        path = unquote(parts.path)
        self.hub.asked.append((self.command, path, token))
        for pattern, handle in _ROUTES:
            found = re.fullmatch(pattern, f"{self.command} {path}")
            if found:
                open_ = handle is _put_large  # The address itself is the permission.
                if not open_ and token not in _ROLES:
                    return self.answer(401, {"error": "Invalid username or password."})
                return handle(self, *found.groups(), body=body, role=_ROLES.get(token))
        return self.answer(404, {"error": f"no {path}"})

    do_GET = do_POST = do_PUT = do_HEAD = route  # noqa: N815 - as the base class calls them

    def repository(self, name):
        found = self.hub.repositories.get(name)
        if found is None:
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        return found

    def found(self, name, revision):
        """Commit and files of a revision; None once it was said that there is none."""
        repository = self.repository(name)
        if repository is None:
            return None
        found = repository.at(revision)
        if found is None:
            gone = {"error": f"Invalid rev id: {revision}"}
            self.answer(404, gone, X_Error_Code="RevisionNotFound")
        return found


def _whoami(self, *, body, role):
    self.answer(200, {"name": "team", "auth": {"accessToken": {"role": role}}})


def _create(self, *, body, role):
    asked = json.loads(body)
    name = f"{asked.get('organization') or 'team'}/{asked['name']}"
    if role != "write":
        return self.answer(403, {"error": "You don't have the rights to create a model here"})
    if name in self.hub.repositories:
        told = {"error": "You already created this model repo", "url": f"{self.hub.url}/{name}"}
        return self.answer(409, told)
    private = asked.get("private") or asked.get("visibility") == "private"
    self.hub.repositories[name] = Repository(bool(private))
    return self.answer(200, {"url": f"{self.hub.url}/{name}"})


def _validate(self, *, body, role):
    self.answer(200, {"errors": [], "warnings": []})


def _info(self, name, revision="main", *, body, role):
    if found := self.found(name, revision):
        sha, files = found
        siblings = [{"rfilename": path} for path in files]
        self.answer(200, {"id": name, "sha": sha, "siblings": siblings})


def _preupload(self, name, revision, *, body, role):
    repository = self.repository(name)
    if not repository:
        return
    _, files = repository.at(revision)
    listed = []
    for one in json.loads(body)["files"]:
        mode = "lfs" if one["size"] >= LARGE else "regular"
        there = _oid(files[one["path"]]) if one["path"] in files else None
        listed.append(
            {"path": one["path"], "uploadMode": mode, "shouldIgnore": False, "oid": there}
        )
    self.answer(200, {"files": listed})


def _oid(content):
    """By what the hub knows a content: large ones by their SHA-256, others as git does."""
    if len(content) >= LARGE:
        return hashlib.sha256(content).hexdigest()
    return _blob(content)


def _blob(content):
    """By what git knows a content."""
    blob = b"blob %d\0" % len(content) + content
    return hashlib.sha1(blob, usedforsecurity=False).hexdigest()


def _batch(self, name, *, body, role):
    if role != "write":
        return self.answer(403, {"error": "Forbidden: this token may only read"})
    objects = []
    for one in json.loads(body)["objects"]:
        entry = {"oid": one["oid"], "size": one["size"]}
        if one["oid"] not in self.hub.large:
            entry["actions"] = {"upload": {"href": f"{self.hub.url}/large/{one['oid']}"}}
        objects.append(entry)
    return self.answer(200, {"transfer": "basic", "objects": objects})


def _put_large(self, oid, *, body, role):
    if hashlib.sha256(body).hexdigest() != oid:
        return self.answer(400, {"error": "another hash"})
    self.hub.large[oid] = body
    return self.answer(200, {})


def _commit(self, name, revision, *, body, role):
    repository = self.repository(name)
    if not repository:
        return None
    if role != "write":
        return self.answer(403, {"error": "Forbidden: this token may only read"})
    if self.hub.race:
        self.hub.race(repository)
    lines = [json.loads(line) for line in body.splitlines()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    if header.get("parentCommit") not in (None, repository.head[0]):
        return self.answer(412, {"error": "the branch has moved on"})
    files = dict(repository.head[2])
    for line in lines:
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            files[value["path"]] = self.hub.large[value["oid"]]
        elif line["key"] == "deletedFile":
            del files[value["path"]]
    if self.hub.spoil in files:
        files[self.hub.spoil] = b"spoilt"
    sha = hashlib.sha1(body + repository.head[0].encode(), usedforsecurity=False).hexdigest()
    repository.commits.append((sha, header["summary"], files))
    return self.answer(200, {"commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha})


def _paths(self, name, revision, *, body, role):
    repository = self.repository(name)
    if not repository:
        return
    _, files = repository.at(revision)
    asked = parse_qs(body.decode())["paths"]
    self.answer(200, [_entry(path, files[path]) for path in asked if path in files])


def _tree(self, name, revision, *, body, role):
    if found := self.found(name, revision):
        self.answer(200, [_entry(path, content) for path, content in found[1].items()])


def _entry(path, content):
    """A file, as the hub lists it."""
    one = {"type": "file", "path": path, "size": len(content), "oid": _blob(content)}
    if len(content) >= LARGE:
        one["lfs"] = {"oid": _oid(content), "size": len(content), "pointerSize": 134}
    return one


def _resolve(self, name, revision, path, *, body, role):
    found = self.found(name, revision)
    if not found:
        return
    sha, files = found
    if path not in files:
        self.answer(404, {"error": "no entry"}, X_Error_Code="EntryNotFound")
    elif self.command == "GET" and path == self.hub.cut:
        self.send_response(200)
        self.send_header("Content-Length", str(len(files[path])))
        self.end_headers()
        self.wfile.write(files[path][:10])
        self.close_connection = True
    else:
        self.answer(200, files[path], X_Repo_Commit=sha, ETag=f'"{_oid(files[path])}"')


_REPOSITORY = r"([\w.-]+/[\w.-]+)"
_ROUTES = [
    ("GET /api/whoami-v2", _whoami),
    ("POST /api/repos/create", _create),
    ("POST /api/validate-yaml", _validate),
    (rf"GET /api/models/{_REPOSITORY}", _info),
    (rf"GET /api/models/{_REPOSITORY}/revision/(.+)", _info),
    (rf"POST /api/models/{_REPOSITORY}/preupload/(.+)", _preupload),
    (rf"POST /{_REPOSITORY}\.git/info/lfs/objects/batch", _batch),
    (r"PUT /large/(\w+)", _put_large),
    (rf"POST /api/models/{_REPOSITORY}/commit/(.+)", _commit),
    (rf"POST /api/models/{_REPOSITORY}/paths-info/(.+)", _paths),
    (rf"GET /api/models/{_REPOSITORY}/tree/([^/]+)", _tree),
    (rf"(?:GET|HEAD) /{_REPOSITORY}/resolve/([^/]+)/(.+)", _resolve),
]


@contextlib.contextmanager
def running():
    """A hub at a free port."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()


@contextlib.contextmanager
def asked(monkeypatch):
    """A hub that the client of this process asks, as who may write."""
    with running() as hub:
        # What the client reads of the environment when it is imported.
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", WRITER)
        yield hub
