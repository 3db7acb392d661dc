"""`mlops tune` beside random search: the same space, the same budget, several seeds.

    python benchmarks/tune.py --train train.csv --validation validation.csv \
        --text sentence --label label [--trials 30] [--seeds 0 1 2 3 4] [--jobs 2] \
        [--timeout SECONDS] [--metric mcc] [--like-for-like] [--json FILE] [KEY=VALUE ...]

Each search is a call of the installed command, in a project of its own, with the tiny model.
Random search is what people do without a tool: no trial is ended early, and the present settings
are not tried first. --like-for-like gives random search both too, so that only the sampler
differs. The budget is a number of trials or, with --timeout, the time in which trials begin: a
trial that is ended early leaves more of that to others. A score is the best trial's on validation.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

SPACE = (
    "lr=interval(1e-5,1e-2)",
    "batch_size=choice(16,32,64)",
    "model.dropout=interval(0,0.4)",
    "model.layers=range(1,5)",
    "trainer.weight_decay=tag(log,interval(1e-4,0.3))",
    "trainer.warmup=interval(0,0.3)",
)
PLAIN = ("tune.pruner=none", "tune.baseline=false")
_MANY = 10_000
"""More trials than any time allows."""


def search(options: argparse.Namespace, sampler: str, seed: int) -> dict[str, Any]:
    """One search; its best score, how often trials were ended early, and its time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "configs").mkdir()
        (folder / "configs/config.yaml").write_text("defaults: [base, _self_]\n")
        data = [
            "data=file",
            f"data.path={options.train.resolve()}",
            f"data.validation_path={options.validation.resolve()}",
            f"data.text={options.text}",
            f"data.label={options.label}",
            "data.test_fraction=0",
        ]
        plain = PLAIN if sampler == "random" and not options.like_for_like else ()
        settings = [f"tune.sampler={sampler}", f"tune.seed={seed}", f"seed={seed}", *plain]
        limits = ["--jobs", str(options.jobs), "--trials", str(options.trials or _MANY)]
        limits += ["--timeout", str(options.timeout)] if options.timeout else []
        goal = f"tune.objectives=[{options.metric}]"
        words = [*data, *SPACE, goal, *settings, *options.settings]
        command = [str(Path(sys.executable).with_name("mlops")), "tune", *words, *limits]
        began = time.perf_counter()
        done = subprocess.run(
            [*command, "--json", "--quiet"],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        result = json.loads(done.stdout)
    trials = {trial["number"]: trial for trial in result["trials"]}
    return {
        "score": trials[result["best"][0]]["values"][0],
        "settings": trials[result["best"][0]]["settings"],
        "pruned": sum(trial["state"] == "pruned" for trial in trials.values()),
        "trials": len(trials),
        "failed": sum(trial["state"] == "failed" for trial in trials.values()),
        "epochs": sum(len(trial["reports"]) for trial in trials.values()),
        "seconds": time.perf_counter() - began,
    }


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--text", default="sentence")
    parser.add_argument("--label", default="label")
    parser.add_argument("--metric", default="mcc")
    parser.add_argument("--trials", type=int, help="of each search; 30 without --timeout")
    parser.add_argument("--timeout", type=float, help="seconds in which trials may begin")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--like-for-like", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_intermixed_args()
    if options.timeout is None and options.trials is None:
        options.trials = 30
    return options


def main() -> None:
    """Searches with each sampler and seed, and prints the table and the means."""
    options = arguments()
    found: dict[str, list[dict[str, Any]]] = {"tpe": [], "random": []}
    budget = [f"{options.trials} trials"] if options.trials else []
    budget += [f"trials begun within {options.timeout:g} s"] if options.timeout else []
    print(f"{', '.join(budget)} each; best validation {options.metric}")
    print("seed      tpe   random   (trials, of them ended early, epochs trained, seconds)")
    for seed in options.seeds:
        for sampler, results in found.items():
            results.append(search(options, sampler, seed))
        ours, theirs = (results[-1] for results in found.values())
        costs = "   ".join(
            f"{name} {one['trials']}, {one['pruned']}, {one['epochs']}, {one['seconds']:.0f}"
            for name, one in (("tpe", ours), ("random", theirs))
        )
        print(f"{seed:4}  {ours['score']:7.4f}  {theirs['score']:7.4f}   {costs}", flush=True)
    for sampler, results in found.items():
        scores = [one["score"] for one in results]
        spread = f" ± {stdev(scores):.4f}" if len(scores) > 1 else ""
        seconds = mean(one["seconds"] for one in results)
        print(f"{sampler:7} mean best {mean(scores):.4f}{spread}, {seconds:.0f} s a search")
    wins = sum(a["score"] > b["score"] for a, b in zip(*found.values(), strict=True))
    print(f"tpe is better with {wins} of {len(options.seeds)} seeds")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
