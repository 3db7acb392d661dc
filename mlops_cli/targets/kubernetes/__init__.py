"""Target `kubernetes`: plain manifests, or an InferenceService of KServe, applied by kubectl.

The manifests are files of the project, to be read, kept in git, or applied by something else:
`--plan` writes them and asks no cluster. A canary is a second Deployment behind the same service,
with as many pods as its share takes; KServe steers the share itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_cli.errors import MlopsError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.deploy import Live, Need, Trial
from mlops_cli.targets import Done, Order, Place, lay_out
from mlops_cli.targets.kubernetes import kubectl, manifests, needs, proof
from mlops_cli.targets.kubernetes.manifests import KUSTOMIZATION, TRIAL_FILE
from mlops_cli.targets.kubernetes.pods import (
    BUNDLE,
    MODEL,
    STABLE,
    TRACK,
    Manifest,
    config_of,
    labels,
)
from mlops_cli.targets.kubernetes.pods import CANARY as TRIAL

RUNS, PULLS, CANARY, CARD = True, True, True, False
_KINDS = "deployments,services,horizontalpodautoscalers,poddisruptionbudgets,networkpolicies"
_KEPT = ("name", "namespace", "labels", "annotations")
"""Of the metadata of an object, what is ours."""
_SERVICE = "inferenceservices.serving.kserve.io"


def where(place: Place) -> str:
    """Context of kubectl, namespace and name."""
    return f"{kubectl.context(place) or 'cluster'} {config_of(place).namespace}/{place.name}"


def check(place: Place, share: float | None) -> Sequence[Need]:
    """kubectl, a cluster, its namespace, the right to change it; KServe and keys where wanted."""
    return list(needs.look(place, share))


def files(order: Order) -> Mapping[str, str]:
    """The manifests and what puts them together."""
    return manifests.files(order)


def deploy(order: Order, files: Mapping[str, str], reporter: Reporter) -> Done:
    """Applies the manifests, waits for the pods, and asks them what they serve."""
    place = order.place
    before = {name: _read(place, name) for name in (*files, TRIAL_FILE)}
    known = _generations(place)
    lay_out(place.folder, files)
    if TRIAL_FILE not in files:
        (place.folder / TRIAL_FILE).unlink(missing_ok=True)
    try:
        reporter.info(f"applying {place.folder / KUSTOMIZATION}")
        kubectl.apply(place, "-k", place.folder)
        _await(order, reporter)
        proof.prove(order, reporter)
    except MlopsError as error:
        raise _undone(order, before, error, reporter, there=bool(known)) from error
    if order.share is None and config_of(place).kind == "plain":
        _end_trial(place)
    return Done(status(place), changed=_generations(place) != known)


def status(place: Place) -> Live:
    """What the cluster has."""
    if config_of(place).kind == "kserve":
        return _status_of_kserve(place)
    tracks = {_track(one): one for one in _ours(place)}
    stable, trial = tracks.get(STABLE), tracks.get(TRIAL)
    if stable is None:
        return Live("absent", where(place))
    ready, wanted = _ready(stable)
    state = "running" if ready else "starting"
    canary = None
    if trial is not None:
        own, _ = _ready(trial)
        share = own / (own + ready) if own + ready else 0.0
        canary = Trial(share, _annotation(trial, BUNDLE), f"{own} of {own + ready} pods")
    return Live(
        state,
        where(place),
        _annotation(stable, BUNDLE),
        _image(stable["spec"]["template"]["spec"]),
        canary,
        f"{ready} of {wanted} pods are ready",
    )


def withdraw(place: Place, reporter: Reporter) -> Live:
    """Takes the pods of a trial away; KServe sends them no requests any more."""
    if config_of(place).kind == "kserve":
        (found,) = _ours(place)
        kept = {name: found["metadata"].get(name) for name in _KEPT}
        wanted = {**found, "metadata": kept}
        wanted.pop("status", None)
        wanted["spec"]["predictor"]["canaryTrafficPercent"] = 0
        _apply_one(place, wanted)
        return status(place)
    _end_trial(place)
    least = config_of(place).replicas
    _apply_one(place, manifests.autoscaler(place, least))
    (place.folder / TRIAL_FILE).unlink(missing_ok=True)
    if (place.folder / KUSTOMIZATION).is_file():
        names = [path.name for path in sorted(place.folder.glob("*.yaml"))]
        names.remove(KUSTOMIZATION)
        lay_out(
            place.folder,
            {
                KUSTOMIZATION: manifests.kustomization(place, names),
                "autoscaler.yaml": manifests.text(manifests.autoscaler(place, least)),
            },
        )
    return status(place)


def destroy(place: Place, reporter: Reporter) -> Sequence[str]:
    """Deletes everything that bears the labels of the deployment; the files stay."""
    reporter.info(f"deleting {where(place)}")
    kinds = _SERVICE if config_of(place).kind == "kserve" else _KINDS
    said = kubectl.asked(
        place,
        "delete",
        f"{kinds},serviceaccounts",
        "--selector",
        _chosen(place),
        seconds=place.config.seconds + 30,
    )
    return [line for line in said.splitlines() if line.endswith("deleted")]


def _apply_one(place: Place, manifest: Manifest) -> None:
    """Applies one manifest whole: what is patched would be another's, and stay for ever."""
    lay_out(place.state, {"one.yaml": manifests.text(manifest)})
    kubectl.apply(place, "-f", place.state / "one.yaml")


def _generations(place: Place) -> dict[str, int]:
    """How often what there is was changed, by name."""
    return {
        str(one["metadata"]["name"]): int(one["metadata"].get("generation") or 0)
        for one in _ours(place)
    }


def _ours(place: Place) -> list[dict[str, Any]]:
    if config_of(place).kind == "kserve":
        return kubectl.found(place, _SERVICE, place.name)
    return kubectl.found(place, "deployments", "--selector", _chosen(place))


def _chosen(place: Place) -> str:
    """What kubectl finds everything of the deployment by."""
    return ",".join(f"{name}={value}" for name, value in labels(place).items())


def _track(found: dict[str, Any]) -> str:
    return str(found["metadata"]["labels"].get(TRACK, ""))


def _annotation(found: dict[str, Any], name: str) -> str | None:
    marks = found["spec"]["template"]["metadata"].get("annotations") or {}
    return str(marks[name]) if name in marks else None


def _image(spec: dict[str, Any]) -> str:
    return str(spec["containers"][0]["image"])


def _ready(found: dict[str, Any]) -> tuple[int, int]:
    """Pods that are ready, and how many are wanted."""
    told = found.get("status") or {}
    return int(told.get("readyReplicas") or 0), int(found["spec"].get("replicas") or 1)


def _status_of_kserve(place: Place) -> Live:
    ours = _ours(place)
    if not ours:
        return Live("absent", where(place))
    (found,) = ours
    told = found.get("status") or {}
    ready = any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for one in told.get("conditions", ())
    )
    predictor = found["spec"]["predictor"]
    marks = found["metadata"].get("annotations") or {}
    percent = predictor.get("canaryTrafficPercent")
    on_trial = percent is not None and 0 < percent < 100
    # Of a trial the newest manifest tells the canary; what is beside it is an older revision.
    canary = Trial(percent / 100, marks.get(BUNDLE), str(marks.get(MODEL))) if on_trial else None
    digest = marks.get(BUNDLE) if percent is None else None
    return Live(
        "running" if ready else "starting",
        where(place),
        digest,
        _image(predictor),
        canary,
        str(told.get("url") or ""),
        asked=False,
    )


def _await(order: Order, reporter: Reporter) -> None:
    """Waits until what was applied is there, or fails."""
    place = order.place
    seconds = place.config.seconds
    reporter.info(f"waiting up to {seconds:g} s for the pods")
    if config_of(place).kind == "kserve":
        awaited = ["wait", "--for=condition=Ready", f"{_SERVICE}/{place.name}"]
    else:
        name = place.name if order.share is None else f"{place.name}-{TRIAL}"
        awaited = ["rollout", "status", f"deployment/{name}"]
    kubectl.asked(place, *awaited, f"--timeout={int(seconds)}s", seconds=seconds + 30)


def _end_trial(place: Place) -> None:
    kubectl.asked(
        place, "delete", "deployment", f"{place.name}-{TRIAL}", "--ignore-not-found",
        seconds=place.config.seconds + 30,
    )  # fmt: skip


def _undone(
    order: Order,
    before: Mapping[str, str | None],
    error: MlopsError,
    reporter: Reporter,
    *,
    there: bool,
) -> MlopsError:
    """Puts back what was there before; the error that says so."""
    place = order.place
    lay_out(place.folder, {name: text for name, text in before.items() if text is not None})
    for name, text in before.items():
        if text is None:
            (place.folder / name).unlink(missing_ok=True)
    said = "the one before answers again"
    try:
        if order.share is not None and config_of(place).kind == "plain":
            _end_trial(place)
            said = "the trial is taken away"
        elif not there:
            destroy(place, reporter)
            said = "nothing is there, as before"
        elif before[KUSTOMIZATION] is not None:
            kubectl.apply(place, "-k", place.folder)
        elif config_of(place).kind == "plain":
            kubectl.asked(place, "rollout", "undo", f"deployment/{place.name}")
    except MlopsError as second:
        said = f"and the one before can't be put back ({second.message})"
    return type(error)(f"not deployed, {said}: {error.message}", hint=error.hint)


def _read(place: Place, name: str) -> str | None:
    path = place.folder / name
    return path.read_text("utf-8") if path.is_file() else None
