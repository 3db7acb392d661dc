"""Commands, one file each: parse, call one stage, show the result. `cli` takes those named here."""

from mlops_cli.commands import (
    audit,
    benchmark,
    ci,
    config,
    data,
    deploy,
    doctor,
    evaluate,
    export,
    init,
    models,
    package,
    predict,
    pull,
    push,
    remote,
    report,
    repro,
    rollout,
    runs,
    serve,
    status,
    train,
    tune,
    update,
)

COMMANDS = (
    init, train, tune, evaluate, export, benchmark, predict, serve, package, report, repro, push,
    pull, status, doctor, update,
)  # fmt: skip
GROUPS = {
    "audit": audit,
    "ci": ci,
    "config": config,
    "data": data,
    "deploy": deploy,
    "models": models,
    "remote": remote,
    "rollout": rollout,
    "runs": runs,
}
