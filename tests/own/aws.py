"""AWS on loopback: moto for its APIs, and the real runtime client for functions that are invoked.

moto runs no image and asks nobody for permission. What stands before it here hands invocations to
the runtime client, with the bundle that the version's image has, and refuses what a test says.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import threading
from pathlib import Path
from urllib.parse import parse_qs

import lambda_runtime
from moto.awslambda.models import lambda_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from own.engine import docker
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

ACCOUNT, REGION = "123456789012", "eu-west-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
EXPIRED, UNKNOWN = "EXPIRED", "UNKNOWN"
"""Access keys that AWS refuses."""
_INVOKED = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_ACTIONS = {
    ("POST", r"/2015-03-31/functions/[^/]+/invocations"): "lambda:InvokeFunction",
    ("PUT", r"/2015-03-31/functions/[^/]+/code"): "lambda:UpdateFunctionCode",
    ("PUT", r"/2015-03-31/functions/[^/]+/aliases/.*"): "lambda:UpdateAlias",
    ("GET", r"/2015-03-31/functions/[^/]+"): "lambda:GetFunction",
}
_ERROR = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
    "<Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"
)


class Cloud:
    """An account. `images` has the folder of each image; `denied` the actions that are refused."""

    def __init__(self, folder):
        self.folder, self.images, self.denied, self.asked = folder, {}, set(), []
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.started, self.name = {}, f"function-{os.getpid()}"
        self.stack = contextlib.ExitStack()
        self.lock = threading.Lock()

    def image(self, bundle, called="shop", letter="a"):
        """The reference of an image that serves a bundle; nothing is built."""
        reference = f"{HOST}/{called}@sha256:{letter * 64}"
        home = self.folder / f"image-{letter}"
        if not home.is_dir():
            lambda_runtime.lay_out(bundle, home)
        self.images[hashlib.sha256(reference.encode()).hexdigest()] = home
        return reference

    def version(self, qualifier, name="shop"):
        """What moto has of a version."""
        return lambda_backends[ACCOUNT][REGION].get_function(name, qualifier)

    def __call__(self, environ, start):
        request = Request(environ)
        body = request.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        action = self._action(request)
        self.asked.append(action)
        refusal = self._refused(request, action)
        if refusal is not None:
            return refusal(environ, start)
        if action == "lambda:InvokeFunction":
            return self._invoke(request)(environ, start)
        return self.moto(environ, start)

    def _action(self, request):
        for (method, path), action in _ACTIONS.items():
            if request.method == method and re.fullmatch(path, request.path):
                return action
        form = parse_qs(request.get_data(as_text=True))
        return form.get("Action", [f"{request.method} {request.path}"])[0]

    def _refused(self, request, action):
        who = request.headers.get("authorization", "")
        for key, code in ((EXPIRED, "ExpiredToken"), (UNKNOWN, "InvalidClientTokenId")):
            if f"Credential={key}/" in who:
                said = "The security token included in the request is not good"
                return Response(_ERROR.format(code, said), 403, content_type="text/xml")
        if action == "SimulatePrincipalPolicy" and action in self.denied:
            return Response(_ERROR.format("AccessDenied", "no"), 403, content_type="text/xml")
        if action == "SimulatePrincipalPolicy":
            return self._simulated(request)
        if action in self.denied:
            said = f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: {action}"
            headers = {"x-amzn-errortype": "AccessDeniedException"}
            body = json.dumps({"Message": f"{said} on resource: shop"})
            return Response(body, 403, headers, content_type="application/json")
        return None

    def _simulated(self, request):
        """What IAM says beforehand, which moto does not know."""
        words = parse_qs(request.get_data(as_text=True))
        asked = [value[0] for name, value in words.items() if name.startswith("ActionNames")]
        (resource,) = words.get("ResourceArns.member.1", ["*"])
        members = "".join(
            f"<member><EvalActionName>{one}</EvalActionName><EvalDecision>"
            f"{'allowed' if self._allowed(one, resource) else 'implicitDeny'}"
            "</EvalDecision></member>"
            for one in asked
        )
        return Response(
            '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
            f"<SimulatePrincipalPolicyResult><EvaluationResults>{members}</EvaluationResults>"
            "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>",
            content_type="text/xml",
        )

    def _allowed(self, action, resource):
        """As a role whose policy names what it may touch, and not everything there is."""
        every = action == "ecr:GetAuthorizationToken"
        named = "*" if every else f"arn:aws:{action.partition(':')[0]}:"
        return action not in self.denied and resource.startswith(named)

    def _invoke(self, request):
        name = _INVOKED.fullmatch(request.path)[1]
        version = self.version(request.args["Qualifier"], name)
        runtime = self.runtime(version)
        try:
            told, headers = runtime.invoke(json.loads(request.get_data())), {}
        except lambda_runtime.FunctionError as error:
            told = {"errorType": error.kind, "errorMessage": error.message}
            headers = {"x-amz-function-error": "Unhandled"}
        return Response(json.dumps(told), 200, headers, content_type="application/json")

    def runtime(self, version):
        """The real runtime client with the image and the variables of a version, kept running."""
        home, variables = self.images.get(version.code_sha_256), version.environment_vars
        key = (home or version.code_sha_256, json.dumps(variables, sort_keys=True))
        with self.lock:
            if key not in self.started:
                log = Path(self.folder, f"log-{len(self.started)}")
                if home is None:
                    made = self._container(version.code["ImageUri"], log, variables)
                else:
                    made = lambda_runtime.running(home, log, **variables)
                self.started[key] = self.stack.enter_context(made)
            return self.started[key]

    @contextlib.contextmanager
    def _container(self, reference, log, variables):
        """A real image as Lambda runs it: as a user of its own, and nothing but /tmp to write."""
        name = f"{self.name}-{len(self.started)}"
        known = [one for one in os.environ if one.startswith("AWS_LAMBDA_")]
        given = {*known, *variables, *lambda_runtime.TOLD}
        words = ["--name", name, "--network=host", "--read-only", "--tmpfs=/tmp", "--user=993:990"]
        words += [f"--env={one}" for one in sorted(given)]
        command = ["docker", "run", "--rm", "--cap-drop=ALL", *words, reference]
        try:
            with lambda_runtime.running(self.folder, log, command, **variables) as runtime:
                yield runtime
                docker("rm", "--force", name, check=False)
        finally:
            docker("rm", "--force", name, check=False)


@contextlib.contextmanager
def running(folder):
    """An account, and the address of its API."""
    cloud = Cloud(folder)
    server = make_server("127.0.0.1", 0, cloud, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield cloud
    finally:
        cloud.stack.close()
        server.shutdown()
        thread.join(10)
