"""The server as a function of AWS Lambda: the same application, asked by events of an HTTP API.

    python3 -m awslambdaric mlops_cli.serving.aws_lambda.handler

Events are those of API Gateway's HTTP APIs and of function URLs (payload format 2.0). Paths,
answers, refusals and status codes are the server's. What is changed while a server runs is not
here: a function has many processes that come and go, and its versions are Lambda's affair.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml
from mangum import Mangum

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import app, auth, logs, memory, page
from mlops_cli.serving.service import Service

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

HOME = "MLOPS_HOME"
"""Variable with the folder that has the settings and the model; else it is the current one."""
QUESTION = {"mlops": "version"}
"""An event by which whoever may invoke the function asks what it answers with. The API can't send
it: its events are requests."""
_MODEL = "model"


def build(home: Path) -> Handler:
    """Loads what a folder has, warms it up, and returns what answers events.

    Raises:
        NotFoundError: There is no bundle.
        DataError: It is damaged or was changed.
        ConfigError: The API keys are none.
    """
    config = _settings(home / "configs" / "config.yaml")
    logs.configure(config)
    # The runtime client has a handler of its own at the root, which would write all lines again.
    logging.getLogger("mlops").propagate = False
    service = Service(config)
    version = service.load(home / "model", model=_MODEL)
    memory.settle()
    keys = auth.load(config, pages=page.FILES)
    respond = Mangum(cast(Any, app.build(service, keys)), lifespan="off")
    told = {"model": _MODEL, "run": version.bundle.run, "digest": version.bundle.digest}

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return told if event == QUESTION else respond(event, context)

    return handler


def _settings(file: Path) -> ServeConfig:
    """The settings as they were checked when the image was made: all of them are there."""
    config = ServeConfig(**yaml.safe_load(file.read_text("utf-8"))["serve"])
    # A process answers one request at a time, and Lambda gives it few cores.
    return replace(config, sessions=config.sessions or 1, lone_threads=config.lone_threads or 1)


@cache
def _handler() -> Handler:
    return build(Path(os.environ.get(HOME, ".")))


def __getattr__(name: str) -> Handler:
    """`handler`, made as soon as the runtime client asks for it: what it takes is the cold start's.

    So nothing is loaded by importing this module, and all of it before the first request.
    """
    if name == "handler":
        return _handler()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
