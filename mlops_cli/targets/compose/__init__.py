"""Target `compose`: the image in a container of this machine, by Docker Compose or docker alone.

A new image is first tried out beside what answers, at a port of its own: only one that is ready
and serves the bundle it should takes the place of the one before, and where it then fails, that
one is put back. A canary is no second container: the running server loads its bundle beside its
own and judges it (`mlops rollout`), and takes it off by itself when it does worse.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlops_cli import admin_client
from mlops_cli.errors import GateError, MlopsError, UsageError
from mlops_cli.packaging import docker, naming
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.deploy import Live, Need
from mlops_cli.serving import auth
from mlops_cli.targets import Done, Order, Place, asking, keys, lay_out
from mlops_cli.targets.compose import canary, containers, file, needs
from mlops_cli.targets.compose.containers import BEFORE, NEXT, SPEC, TRIAL, Spec
from mlops_cli.targets.compose.spec import (
    BUNDLES,
    ENV,
    address,
    config_of,
    container,
    env_text,
    grace,
    here,
    keys_of,
    of,
    url,
)

RUNS, PULLS, CANARY, CARD = True, False, True, False
_TRIAL_ENV = f"trial-{ENV}"
_IGNORE = f"# Hashes of API keys, and bundles on trial.\n/{ENV}\n/{BUNDLES}/\n"


def where(place: Place) -> str:
    """This machine, and the address there."""
    return here(place)


def check(place: Place, share: float | None) -> Sequence[Need]:
    """Docker, its engine, name, port and keys; of a canary a running server and its admin's key."""
    return list(needs.look(place, share))


def files(order: Order) -> Mapping[str, str]:
    """The compose file, the variables of the server, and what git is to leave out."""
    env = env_text(keys_of(order.place))
    return {file.FILE: file.text(of(order, env)), ENV: env, ".gitignore": _IGNORE}


def deploy(order: Order, files: Mapping[str, str], reporter: Reporter) -> Done:
    """Puts an image in the place of the one before; see `Target.deploy`."""
    place = order.place
    if order.share is not None:
        canary.put(order)
        return Done(status(place), changed=True)
    env = files[ENV]
    spec = of(order, env)
    _tidy(place)
    if _same(order, spec):
        return Done(status(place), changed=False)
    secret, own = auth.new(keys.CHECK)
    # A server that takes keys gets one more, which asks what it serves, and which nobody keeps.
    written = {**files, ENV: f"{env.rstrip()},{own.line}\n" if env else ""}
    before = {name: _read(place, name) for name in written}
    (place.state / BUNDLES).mkdir(parents=True, exist_ok=True)
    reporter.info(f"trying {order.model} out beside what answers")
    _rehearse(order, spec, written[ENV], secret)
    reporter.info(f"putting {order.model} in its place at {url(place)}")
    try:
        _put(place, written, spec)
        _prove(order, spec.name, url(place), secret)
    except MlopsError as error:
        raise _undone(place, spec, before, error) from error
    containers.remove(spec.name + BEFORE, network=False)
    canary.clear(place.state / BUNDLES)
    return Done(Live("running", where(place), order.bundle.digest, spec.image), changed=True)


def status(place: Place) -> Live:
    """What the container is, and what it says it serves."""
    docker.require()
    found = containers.look(container(place))
    if found is None:
        left = _others(place, container(place))
        if left:
            said = f"{', '.join(left)} is left of a deployment that was broken off"
            return Live("stopped", where(place), said=said)
        return Live("absent", where(place))
    image = str(found["Image"])
    reason = containers.ended(container(place))
    bound = containers.published(found)
    if reason is not None or bound is None:
        return Live("stopped", where(place), image=image, said=reason or "it has no port")
    at = address(*bound)
    live = Live("running", where(place).partition(" ")[0] + f" {at}", image=image)
    if not asking.ready(at):
        return replace(live, state="starting", said="it is not ready")
    key = os.environ.get(admin_client.KEY)
    digest = asking.digest(at, key)
    if digest is None:
        told = containers.label(found, naming.BUNDLE) or None
        said = f"by the label of the image; with {admin_client.KEY} the server says itself"
        if key:
            said = f"by the label of the image; the server does not know the {admin_client.KEY}"
        return replace(live, digest=told, said=said, asked=False)
    if not key:
        return replace(live, digest=digest)
    try:
        trial, said = canary.on_trial(at)
    except MlopsError as error:
        return replace(live, digest=digest, said=error.message)
    return replace(live, digest=digest, canary=trial, said=said)


def withdraw(place: Place, reporter: Reporter) -> Live:
    """Takes a canary off: by the server's admin, else by starting the server again without it."""
    name = container(place)
    at = needs.running(place)
    if os.environ.get(admin_client.KEY) and asking.ready(at):
        canary.end(at)
        return status(place)
    reporter.warn(f"{admin_client.KEY} is not set: the server starts again, without the trial")
    done = containers.detached(["docker", "restart", name], place.state)
    containers.asked(done, f"{name} can't restart")
    asking.wait(at, place.config.seconds, lambda: containers.ended(name))
    return status(place)


def destroy(place: Place, reporter: Reporter) -> Sequence[str]:
    """Removes the container and its networks; image and files stay."""
    docker.require()
    name = container(place)
    found = containers.look(name)
    need = needs.name(place, found)
    if not need.there:
        raise UsageError(need.said, hint=need.hint)
    containers.await_detached(place.state)
    project = str(place.root.resolve())
    removed = [f"the container {one}" for one in containers.every(place.name, project)]
    _tidy(place)
    if containers.look(name) is not None:
        reporter.info(f"ending {name}")
        docker.run("stop", "--time", str(grace(place)), name)
    containers.remove(name)
    docker.run("network", "rm", f"{name}-compose")
    (place.state / ENV).unlink(missing_ok=True)
    return removed


def _same(order: Order, spec: Spec) -> bool:
    """Whether the very thing is there with its files, and answers with nothing on trial."""
    found = containers.look(spec.name)
    if found is None or containers.label(found, SPEC) != spec.labels[SPEC]:
        return False
    if not (order.place.state / ENV).is_file():
        return False
    live = status(order.place)
    served = live.digest in (order.bundle.digest, None)
    return live.state == "running" and served and live.canary is None


def _rehearse(order: Order, spec: Spec, env: str, secret: str) -> None:
    """Starts the image at a port of its own, and looks what it serves; nothing of it stays.

    Raises:
        MlopsError: It does not get ready.
        GateError: It serves something else.
    """
    variables = order.place.state / _TRIAL_ENV
    lay_out(variables.parent, {variables.name: env})
    trial = replace(spec, name=spec.name + TRIAL, host="127.0.0.1", port=None, env=variables)
    try:
        containers.start(trial)
        bound = containers.published(containers.look(trial.name) or {})
        if bound is None:
            raise MlopsError(containers.ended(trial.name) or "it has no port")
        _prove(order, trial.name, address(*bound), secret)
    except MlopsError as error:
        raise type(error)(
            f"{order.model} was tried out, and is not deployed: {error.message}", hint=error.hint
        ) from error
    finally:
        containers.remove(trial.name)
        variables.unlink(missing_ok=True)


def _prove(order: Order, name: str, at: str, secret: str) -> None:
    """Waits until a container is ready, and looks whether it serves what was deployed."""
    asking.wait(at, order.place.config.seconds, lambda: containers.ended(name))
    served = asking.digest(at, secret)
    if served != order.bundle.digest:
        raise GateError(
            f"the server answers with the bundle {str(served)[:12]}, not {order.bundle.digest[:12]}"
        )


def _put(place: Place, written: Mapping[str, str], spec: Spec) -> None:
    """Writes the files, and has them come true."""
    lay_out(place.state, written)
    command = file.there(config_of(place).use)
    if command is None:
        containers.swap(spec)
    else:
        file.up(command, place.state, spec)


def _undone(
    place: Place, spec: Spec, before: Mapping[str, str | None], error: MlopsError
) -> MlopsError:
    """Puts back what was there before; the error that says so."""
    lay_out(place.state, {name: text for name, text in before.items() if text is not None})
    for name, text in before.items():
        if text is None:
            (place.state / name).unlink()
    command, said = file.there(config_of(place).use), "the one before answers again"
    try:
        if command is not None and before[file.FILE] is not None:
            # Compose may have given the one before another name.
            for name in _others(place, ""):
                containers.remove(name, network=False)
            file.up(command, place.state, spec)
        elif command is not None or not (containers.back(spec.name, place.state) or _older(spec)):
            containers.remove(spec.name)
            said = "nothing is there, as before"
    except MlopsError as second:
        said = f"and the one before can't be put back ({second.message})"
    return type(error)(f"not deployed, {said}: {error.message}", hint=error.hint)


def _older(spec: Spec) -> bool:
    """Whether the container is not the new one: what failed to start was put back at once."""
    found = containers.look(spec.name)
    return found is not None and containers.label(found, SPEC) != spec.labels[SPEC]


def _tidy(place: Place) -> None:
    """Removes what a deployment that was killed has left, and puts back what it took away."""
    name = container(place)
    containers.await_detached(place.state)
    (place.state / _TRIAL_ENV).unlink(missing_ok=True)
    for end in (TRIAL, NEXT):
        containers.remove(name + end)
    if containers.look(name) is None and not containers.back(name, place.state):
        # Where Compose was killed, the one before may have another name.
        for other in _others(place, name)[:1]:
            docker.run("rename", other, name)
            docker.run("start", name)
    for other in _others(place, name):
        containers.remove(other, network=False)


def _others(place: Place, name: str) -> list[str]:
    """Containers of the deployment that are called otherwise."""
    known = containers.every(place.name, str(place.root.resolve()))
    return [one for one in known if one != name]


def _read(place: Place, name: str) -> str | None:
    path = place.state / name
    return path.read_text("utf-8") if path.is_file() else None
