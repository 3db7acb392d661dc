"""The Dockerfile, to be read by people: what is stable comes first, the model last."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_cli.schemas.image import LAMBDA, NEEDED, SERVER, WHOLE

HOME = "/srv/mlops"
"""Where the server runs, and where its settings and the model are."""
MODEL = f"{HOME}/model"
FUNCTION = "mlops_cli.serving.aws_lambda.handler"
"""What the runtime client of AWS Lambda asks."""
HOLDS = ("system", "packages", "mlops", "settings", "", "model")
"""What the layers hold, the lowest first. That of WORKDIR is empty."""
_ALIVE = (
    "import socket, sys; s = socket.create_connection(('127.0.0.1', {port}), 2); "
    "s.sendall(b'GET /readyz HTTP/1.0\\r\\n\\r\\n'); sys.exit(b' 200 ' not in s.recv(64))"
)


_PACKAGES = """\
# The packages of requirements.txt, whose hashes pip checks.
FROM base AS packages
COPY requirements.txt shrink.py /build/
COPY wheels/ /build/wheels/
RUN python3 -m pip install --no-cache-dir --no-index --find-links=/build/wheels --no-deps \\
        --require-hashes --no-compile --target=/build/out/opt/packages \\
        --requirement /build/requirements.txt && \\
    python3 /build/shrink.py {shrunk} /build/out/opt/packages

"""
_SYSTEM = {
    NEEDED: """\
# Of the base what its Python and the packages need: no shell, no package manager, no sources.
FROM base AS system
COPY shrink.py system.py /build/
COPY --from=packages /build/out/ /
RUN python3 /build/system.py needed /build/out && \\
    python3 /build/shrink.py needed /build/out

""",
    WHOLE: """\
# The base without pip, tests and setuid bits, with its modules compiled.
FROM base AS system
COPY shrink.py system.py /build/
RUN python3 /build/system.py whole /build/out && \\
    python3 /build/shrink.py system /build/out

""",
}
_OURS = """\
# The mlops that made this.
FROM base AS mlops
COPY shrink.py /build/
COPY mlops/ /build/mlops/
RUN python3 -m pip install --no-cache-dir --no-index --no-deps --no-compile \\
        --target=/build/out/opt/mlops /build/mlops/*.whl && \\
    python3 /build/shrink.py {shrunk} /build/out/opt/mlops

"""
_SERVED = """\
# The settings of the server, and the model.
FROM base AS settings
COPY shrink.py /build/
COPY settings/ /build/out/
RUN python3 /build/shrink.py files /build/out

FROM base AS model
COPY shrink.py /build/
COPY model/ /build/out/
RUN python3 /build/shrink.py files /build/out

"""


@dataclass(frozen=True)
class Recipe:
    """What a Dockerfile says.

    Attributes:
        name: Name and tag of the image.
        base: The image it is built on.
        port: Port of the server.
        user: User and group id.
        labels: Labels of the image.
        runtime: Our server, or the runtime client of AWS Lambda.
        system: What of the base it keeps.
        sources: Keep the sources of packages.
    """

    name: str
    base: str
    port: int
    user: int
    labels: Mapping[str, str]
    runtime: str = SERVER
    system: str = NEEDED
    sources: bool = False


def render(recipe: Recipe) -> str:
    """The text of the Dockerfile."""
    labels = " \\\n      ".join(f"{name}={_quoted(value)}" for name, value in recipe.labels.items())
    runs = _function() if recipe.runtime == LAMBDA else _server(recipe.port)
    packages = _PACKAGES.format(shrunk="packages" if recipe.sources else "compiled")
    ours = _OURS.format(shrunk="mlops")
    return f"""\
# {recipe.name}: a model and its server. Written by mlops package; the same with
#   docker build --network=none --tag {recipe.name} .
# All it takes is in this folder and the base: the build needs no network. Layers hold no time, so
# the same inputs give the same layers.

FROM {recipe.base} AS base

{packages}{_SYSTEM[recipe.system]}{ours}{_SERVED}FROM scratch
COPY --from=system /build/out/ /
COPY --from=packages /build/out/ /
COPY --from=mlops /build/out/ /
COPY --from=settings /build/out/ /
WORKDIR {HOME}
# The last layer is the model: whatever else changes, its bytes need not move again.
COPY --from=model /build/out/ /

ENV PATH=/usr/local/bin:/usr/bin:/bin \\
    LANG=C.UTF-8 \\
    PYTHONPATH=/opt/mlops:/opt/packages \\
    PYTHONDONTWRITEBYTECODE=1 \\
    PYTHONUNBUFFERED=1 \\
    ORT_DISABLE_TELEMETRY=1
USER {recipe.user}:{recipe.user}
{runs}
LABEL {labels}
"""


def _server(port: int) -> str:
    """How our server is run, and asked whether it is well."""
    alive = json.dumps(["python3", "-ISc", _ALIVE.format(port=port)])
    serve = json.dumps(["python3", "-m", "mlops_cli", "serve", "--bundle", MODEL, "--json"])
    return f"""\
EXPOSE {port}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \\
    CMD {alive}
ENTRYPOINT {serve}"""


def _function() -> str:
    """How AWS Lambda runs it, which asks by its runtime client, takes no port, and any user."""
    return f"""\
ENV MLOPS_HOME={HOME}
ENTRYPOINT {json.dumps(["python3", "-m", "awslambdaric"])}
CMD {json.dumps([FUNCTION])}"""


PROJECT = "/project"
"""Where a training image has the project."""
TRAINING_HOLDS = ("system", "packages", "mlops", "project")
"""What the layers of a training image hold, the lowest first."""


@dataclass(frozen=True)
class TrainingRecipe:
    """What the Dockerfile of a training image says.

    Attributes:
        name: Name and tag of the image.
        base: The image it is built on.
        user: User and group id.
        commit: The code in it.
        dirty: SHA-256 of the uncommitted changes on top of that; empty where there are none.
        labels: Labels of the image.
    """

    name: str
    base: str
    user: int
    commit: str
    dirty: str
    labels: Mapping[str, str]


def render_training(recipe: TrainingRecipe) -> str:
    """The text of the Dockerfile of a training image."""
    # What trains may want what a server never does: a shell, headers to compile with, tests.
    packages, ours = _PACKAGES.format(shrunk="whole"), _OURS.format(shrunk="whole")
    labels = " \\\n      ".join(f"{name}={_quoted(value)}" for name, value in recipe.labels.items())
    return f"""\
# {recipe.name}: a project, and all that trains it. Written by mlops package --train; the same with
#   docker build --network=none --tag {recipe.name} .
# All it takes is in this folder and the base: the build needs no network. Layers hold no time, so
# the same inputs give the same layers. Data and runs are mounted: {PROJECT}/data, {PROJECT}/runs.

FROM {recipe.base} AS base

{packages}{_SYSTEM[WHOLE]}{ours}# The project, as it is committed.
FROM base AS project
COPY shrink.py /build/
COPY project/ /build/out{PROJECT}/
RUN mkdir -p /build/out{PROJECT}/data /build/out{PROJECT}/runs && \\
    python3 /build/shrink.py files /build/out

FROM scratch
COPY --from=system /build/out/ /
COPY --from=packages /build/out/ /
COPY --from=mlops /build/out/ /
# The last layer is the project: whatever else changes, packages need not move again.
COPY --from=project --chown={recipe.user}:{recipe.user} /build/out/ /

ENV PATH=/opt/mlops/bin:/opt/packages/bin:/usr/local/bin:/usr/bin:/bin \\
    LANG=C.UTF-8 \\
    HOME=/tmp \\
    USER=mlops \\
    PYTHONPATH=/opt/mlops:/opt/packages \\
    PYTHONDONTWRITEBYTECODE=1 \\
    PYTHONUNBUFFERED=1 \\
    DVC_NO_ANALYTICS=1 \\
    NVIDIA_VISIBLE_DEVICES=all \\
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \\
    MLOPS_GIT_COMMIT={recipe.commit} \\
    MLOPS_GIT_DIRTY={recipe.dirty}
WORKDIR {PROJECT}
USER {recipe.user}:{recipe.user}
STOPSIGNAL SIGTERM
ENTRYPOINT ["mlops"]
CMD ["train"]
LABEL {labels}
"""


def _quoted(value: str) -> str:
    """A value as a Dockerfile takes it, with nothing in it that it would replace."""
    plain = "".join(letter if letter.isprintable() else " " for letter in value)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
