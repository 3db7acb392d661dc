"""Commands, one file each: parse, call one stage, show the result. `cli` loads those named here."""

COMMANDS = (
    "init", "train", "tune", "evaluate", "export", "benchmark", "predict", "serve", "package",
    "report", "repro", "push", "pull", "status", "doctor", "update",
)  # fmt: skip
GROUPS = ("audit", "ci", "config", "data", "deploy", "models", "remote", "rollout", "runs")
