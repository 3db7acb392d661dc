"""Changes to what is served, without a server around them: what is refused changes nothing."""

import asyncio
import contextlib
import json
import shutil

import pytest
from variants import variant

from mlops_cli import bundle_lookup, serving_plan
from mlops_cli.errors import UsageError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import startup
from mlops_cli.serving.bundle import write
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.loading import Loader
from mlops_cli.serving.operations import Operations
from mlops_cli.serving.plan import Wanted
from mlops_cli.serving.refusals import Conflict, Overloaded
from mlops_cli.serving.service import Service

LABELS = {
    "task": "multi_label_classification",
    "head": {"kind": "labels", "threshold": 0.5, "separator": "|"},
}


@pytest.fixture
def bundles(trained, tmp_path):
    """Makes bundles in the folder `bundles`: `bundles(name, run=..., labels=...)`."""
    (tmp_path / "bundles").mkdir()

    def made(name, *, run=None, **changes):
        folder = tmp_path / "bundles" / name
        shutil.rmtree(folder, ignore_errors=True)
        return variant(trained.path / "bundle", folder, run=run or name, **changes)

    return made


@pytest.fixture
def called(bundles):
    """Makes a bundle whose training data called its columns otherwise: `called(name, text=...)`."""

    def made(name, *, head=None, task=None, **columns):
        folder = bundles(name, task=task)
        facts = json.loads((folder / "bundle.json").read_text("utf-8"))
        del facts["files"], facts["digest"]
        facts["columns"] |= columns
        facts["task"]["head"] |= head or {}
        write(folder, facts)
        return folder

    return made


@pytest.fixture
def labels(trained):
    return json.loads((trained.path / "bundle" / "bundle.json").read_text("utf-8"))["labels"]


def changing(root, first, work, **settings):
    """Does the work, a coroutine of operations, where a bundle is served as `model`."""

    async def run():
        service = Service(ServeConfig(**settings))
        loader = Loader(service, lambda words: bundle_lookup.called(root, words), [root])
        wanted = Wanted({"model": str(first)})
        operations = Operations(service, loader, root / "state.json", wanted)
        try:
            service.load(first, model="model")
            await work(operations)
        finally:
            await operations.close()
            service.close()

    with contextlib.chdir(root):
        asyncio.run(run())


def test_a_rollback_to_what_was_exported_again_in_place_is_refused(bundles, labels, tmp_path):
    first = bundles("one", run="run")

    async def work(operations):
        bundles("one", run="run", labels=labels[::-1])
        again = await operations.promote("model", "bundles/one")
        before = operations.previous["model"]
        for _ in range(2):
            with pytest.raises(Conflict, match="not the one that answered before"):
                await operations.rollback("model")
        entry = operations.service.model("model")
        assert (entry.primary, list(entry.versions)) == (again.name, [again.name])
        assert (operations.previous["model"], operations.events[-1].change) == (before, "promoted")

    changing(tmp_path, first, work)


def test_a_rollback_does_not_bring_a_bundle_that_never_answered(bundles, labels, tmp_path):
    first = bundles("one")

    async def work(operations):
        await operations.promote("model", str(bundles("two")))
        bundles("one", run="stranger", labels=labels[::-1])
        with pytest.raises(Conflict, match="not the one that answered before"):
            await operations.rollback("model")
        assert list(operations.service.model("model").versions) == ["two"]
        bundles("one")
        assert (await operations.rollback("model")).name == "one"

    changing(tmp_path, first, work)


def test_a_rollback_to_what_was_kept_does_not_look_at_its_folder(bundles, labels, tmp_path):
    first = bundles("one", run="run")

    async def work(operations):
        kept = operations.service.model("model").first
        bundles("one", run="run", labels=labels[::-1])
        again = await operations.promote("model", "bundles/one", keep=True)
        assert again.name != kept.name
        assert await operations.rollback("model") is kept

    changing(tmp_path, first, work)


def test_a_burst_does_not_take_a_canary_of_the_same_network_off(bundles, tmp_path):
    first = bundles("one")

    async def work(operations):
        service = operations.service
        canary = await operations.canary("model", str(bundles("two")), 1)
        question = Question({"text": ["The boy blamed himself."] * 4})
        asking = [service.ask(question, service.choose()) for _ in range(40)]
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(one) for one in found if isinstance(one, Exception)} <= {Overloaded}
        answered = {one.version.name for one in found if not isinstance(one, Exception)}
        assert answered == {"one", "two"}
        assert service.choose().name == canary.name
        assert (operations.events[-1].change, service.model().rollbacks) == ("canary", 0)

    changing(tmp_path, first, work, queue=8, sessions=1)


@pytest.mark.parametrize("role", ["canary", "shadow"])
def test_a_version_that_clients_would_have_to_ask_otherwise_is_put_beside_none(
    called, tmp_path, role
):
    first = called("one", text="review")

    async def put(operations, folder):
        share = (0.5,) if role == "canary" else ()
        return await getattr(operations, role)("model", str(folder), *share)

    async def work(operations):
        for name, told in {"comment": "no column review", "text": "no column review"}.items():
            with pytest.raises(Conflict, match=told):
                await put(operations, called("two", text=name))
        with pytest.raises(Conflict, match="predicts labels, and model model predicts classes"):
            await put(operations, called("three", text="review", **LABELS))
        entry = operations.service.model("model")
        assert (list(entry.versions), entry.rollout, operations.events) == (["one"], None, [])
        await put(operations, called("four", text="review", label="other"))
        assert entry.rollout is not None

    changing(tmp_path, first, work)


@pytest.mark.parametrize("role", ["canary", "shadow"])
def test_a_server_does_not_start_with_one_either(called, tmp_path, role):
    first, other = called("one", text="review"), called("two", text="text")
    config = ServeConfig(**{role: str(other)})
    plan = serving_plan.make(tmp_path, config, first, None)
    starting = startup.begin(plan, config, lambda said: None)
    with pytest.raises(UsageError, match="two has no column review, as model model has"):
        starting.loaded.result()
    starting.operations.service.close()


def test_a_canary_may_take_names_that_the_primary_does_not(called, labels, bundles, tmp_path):
    first = called("one", text="text")

    async def work(operations):
        await operations.canary("model", str(called("two", text="review")), 0.5)
        await operations.rollback("model")
        await operations.canary("model", str(bundles("three", labels=["x", "y"])), 0.5)

    changing(tmp_path, first, work)


def test_a_run_that_was_exported_again_is_the_run_as_it_is_now(trained, labels, tmp_path):
    folder, whole = tmp_path / "runs" / "20260101-120000-net", trained.path / "bundle"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}", "utf-8")
    first = variant(whole, folder / "bundle", run=folder.name)

    async def work(operations):
        versions = operations.service.model("model").versions
        assert await operations.load("model", folder.name) is versions[folder.name]
        shutil.rmtree(first)
        assert await operations.load("model", folder.name) is versions[folder.name]
        variant(whole, first, run=folder.name, labels=labels[::-1])
        again = await operations.load("model", folder.name)
        assert again.task.labels == tuple(labels[::-1])
        assert await operations.promote("model", folder.name, keep=True) is again
        assert await operations.promote("model", str(first)) is again
        assert set(versions) == {folder.name, again.name}

    changing(tmp_path, first, work)


def test_what_is_taken_down_while_it_is_looked_for_does_not_answer(bundles, tmp_path):
    first = bundles("one")

    async def work(operations):
        await operations.load("model", str(bundles("two")))
        loader, entry = operations.loader, operations.service.model("model")

        def find(words):
            entry.versions.pop("two").engine.close()  # As where a canary fails meanwhile.
            return bundle_lookup.called(tmp_path, words)

        operations.loader = Loader(loader.service, find, loader.folders)
        with pytest.raises(Conflict, match="two was taken down meanwhile"):
            await operations.promote("model", "two")
        assert entry.primary == "one"

    changing(tmp_path, first, work)
