"""`launcher=slurm`: each job a batch job of a Slurm cluster, whose machines all see the project.

A job whose machine is lost, or that is preempted or out of time, is queued again by Slurm and goes
on where it stopped; that needs nobody to watch. Slurm's accounting is not needed either: the job
itself writes how it ended.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.errors import MissingDependencyError, MlopsError, ProcessLost
from mlops_cli.files import write_text
from mlops_cli.launching import Ended, Job
from mlops_cli.schemas.launcher import LauncherConfig, SlurmLauncherConfig

_POLL_SECONDS = 0.5
_QUEUE_SECONDS = 5.0
"""How often the queue is looked at; a file tells the end of a job sooner."""

_GRACE_SECONDS = 15.0
"""How long a file that another machine wrote may take to be seen on this one, and how long the
other processes may take to end after the first."""

_MANY = 1000
_AGAIN = f"{ProcessLost.exit_code}|130|137|143"
"""Ends that are not the command's own doing: a process, the time or the machine was lost."""

_SCRIPT = """\
#!/bin/bash
{directives}
trap : TERM
rm -f {exit} {exit}.0
cd {folder} || exit 1
{setup}
srun --kill-on-bad-exit=1 bash -c {task} &
steps=$!
while kill -0 $steps 2>/dev/null && [ ! -e {exit}.0 ]; do sleep 1; done
# The first process is over. srun would wait long for one whose machine is gone.
for _ in $(seq {grace}); do kill -0 $steps 2>/dev/null || break; sleep 1; done
{{ kill -KILL $steps && wait $steps; }} 2>/dev/null
# Without a word from the first process, it was lost.
code=$(cat {exit}.0 2>/dev/null || echo 137)
rm -f {exit}.0
running=$(squeue -h -j "$SLURM_JOB_ID" -o %T)
case "$code" in
{again})
    if [ "$running" = RUNNING ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {retries} ]; then
        scontrol requeue "$SLURM_JOB_ID" && exit 0
    fi
    ;;
esac
echo "$code" > {exit}.new && mv {exit}.new {exit}
exit "$code"
"""

_TASK = """\
[ "$SLURM_PROCID" = 0 ] || exec {command}
trap : TERM
{command} &
while :; do
    wait $!
    code=$?
    kill -0 $! 2>/dev/null || break
done
echo "$code" > {exit}.0
exit "$code"
"""
"""bash's `wait` returns at each signal, which Slurm has sent to the command as well."""


@dataclass
class _Queued:
    number: str
    exit: Path
    missed: float | None = None
    """When the queue no longer knew it, though it had not said how it ended."""


class SlurmLauncher:
    """Batch jobs of the cluster that SLURM_CONF, or the machine's own settings, name.

    Args:
        config: Partition, time, processors, memory and GPUs of a job.
    """

    def __init__(self, config: SlurmLauncherConfig) -> None:
        self._config = config
        self._queued: dict[str, _Queued] = {}
        self._looked = 0.0
        self._known: set[str] = set()

    @property
    def slots(self) -> int:
        """Jobs to have in the queue at once."""
        return self._config.jobs or _MANY

    def submit(self, job: Job) -> None:
        """Queues the job, or takes over the one of its name that is in the queue."""
        name = f"mlops-{job.id}"
        script, exit_file = job.log.with_suffix(".sbatch"), job.log.with_suffix(".exit")
        listed = _run("squeue", "-h", "--me", f"--name={name}", "-o", "%i|%Z").splitlines()
        there = [line.partition("|") for line in listed]
        numbers = [number for number, _, folder in there if Path(folder) == job.folder]
        if not numbers:
            exit_file.unlink(missing_ok=True)
            job.log.unlink(missing_ok=True)
            write_text(script, batch_script(self._config, job, exit_file))
            numbers = [_run("sbatch", "--parsable", str(script)).strip().partition(";")[0]]
        self._queued[job.id] = _Queued(numbers[0], exit_file)
        self._known.add(numbers[0])

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The jobs that ended; see `Launcher`."""
        until = time.monotonic() + seconds
        while True:
            found = self._ended()
            if found or not self._queued or time.monotonic() >= until:
                break
            time.sleep(min(_POLL_SECONDS, max(0.0, until - time.monotonic())))
        for ended in found:
            del self._queued[ended.id]
        return found

    def cancel(self, job_id: str) -> None:
        """scancel: SIGTERM, and SIGKILL after the cluster's KillWait."""
        if job_id in self._queued:
            _run("scancel", self._queued[job_id].number)

    def close(self) -> None:
        """Cancels what is queued and waits for what runs to have saved itself."""
        try:
            for job_id in self._queued:
                self.cancel(job_id)
            while self._queued:
                self.wait(_QUEUE_SECONDS)
        except MlopsError:  # The cluster does not answer: nothing more can be done from here.
            self._queued.clear()

    def _ended(self) -> list[Ended]:
        if time.monotonic() - self._looked > _QUEUE_SECONDS:
            self._known = set(_run("squeue", "-h", "--me", "-o", "%i").split())
            self._looked = time.monotonic()
        found = []
        for job_id, queued in self._queued.items():
            if queued.exit.exists():
                found.append(Ended(job_id, int(queued.exit.read_text("utf-8") or 1)))
            elif queued.number in self._known:
                queued.missed = None
            else:
                queued.missed = queued.missed or time.monotonic()
                if time.monotonic() - queued.missed > _GRACE_SECONDS:
                    found.append(Ended(job_id, None))
        return found


def batch_script(config: SlurmLauncherConfig, job: Job, exit_file: Path) -> str:
    """What sbatch runs.

    Args:
        config: The launcher's settings.
        job: The command.
        exit_file: Takes the exit code of the command when it is over for good.
    """
    directives = {
        "job-name": f"mlops-{job.id}",
        "chdir": str(job.folder),
        "output": str(job.log),
        "open-mode": "append",
        "requeue": "",
        "nodes": str(job.nodes),
        "ntasks-per-node": str(job.processes),
        # A training saves itself on SIGTERM; a minute before the time is up is early enough.
        "signal": "TERM@60",
        "partition": config.partition or "",
        "account": config.account or "",
        "time": config.time or "",
        "cpus-per-task": str(config.cpus or ""),
        "mem": config.memory or "",
        "gpus-per-task": str(config.gpus or ""),
    }
    lines = [
        f"#SBATCH --{name}" + (f"={value}" if value else "")
        for name, value in directives.items()
        if value or name == "requeue"
    ]
    quoted = shlex.quote(str(exit_file))
    command = shlex.join([config.python or sys.executable, "-m", "mlops_cli", *job.words])
    return _SCRIPT.format(
        directives="\n".join([*lines, *(f"#SBATCH {line}" for line in config.sbatch)]),
        exit=quoted,
        folder=shlex.quote(str(job.folder)),
        setup="\n".join(config.setup),
        task=shlex.quote(_TASK.format(command=command, exit=quoted)),
        again=_AGAIN,
        grace=int(_GRACE_SECONDS),
        retries=config.retries,
    )


def create(config: LauncherConfig, root: Path) -> SlurmLauncher:
    """The launcher of the Slurm cluster. Raises MissingDependencyError where there is none."""
    assert isinstance(config, SlurmLauncherConfig)
    _run("sinfo", "-h")
    return SlurmLauncher(config)


def _run(*command: str) -> str:
    """What a Slurm command prints. Raises MlopsError when it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SBATCH_")}
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    except FileNotFoundError as error:
        raise MissingDependencyError(
            f"launcher=slurm needs Slurm's {command[0]}, which is not on this machine",
            hint="run it on a login node of the cluster",
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"code {done.returncode}"]
        raise MlopsError(f"{command[0]}: {said[0].removeprefix(f'{command[0]}: ')}")
    return done.stdout
