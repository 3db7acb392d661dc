"""Commands, one file each: parse, call one stage, show the result. `cli` takes those named here."""

from mlops_cli.commands import (
    config,
    data,
    evaluate,
    export,
    init,
    predict,
    pull,
    push,
    remote,
    repro,
    status,
    train,
    update,
)

COMMANDS = (init, train, evaluate, export, predict, repro, push, pull, status, update)
GROUPS = {"config": config, "data": data, "remote": remote}
