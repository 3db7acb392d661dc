"""A model card in the Hugging Face hub's format: YAML for machines, then text for people.

What nobody recorded is said to be unknown; nothing is made up.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_cli.reports import slices
from mlops_cli.reports.markdown import table as table_of
from mlops_cli.schemas.card import Subject
from mlops_cli.schemas.results import slice_rows

UNKNOWN = "unknown"
_SHORT = 12
_MOST_LABELS = 50
_CHANCE = "the worst first, each beside what as many rows drawn at random have."


def markdown(subject: Subject, metadata: str) -> str:
    """The whole card.

    Args:
        subject: What is known.
        metadata: The YAML at its top, without the lines of dashes.
    """
    parts = [
        f"---\n{metadata.strip()}\n---",
        f"# {subject.title}",
        subject.text.get("description") or f"Description: {UNKNOWN}.",
        _section("The model", _facts(_model(subject))),
        _section("Uses", _written(subject, "uses")),
        _section("Limits", "\n".join(_limits(subject))),
        _section("How to use it", _use(subject)),
        _section("Data", _data(subject)),
        _section("Training", _training(subject)),
        _section("Evaluation", "\n\n".join(_evaluation(subject))),
        _section("The exported graphs", _graphs(subject)),
        _section("Energy", _energy(subject)),
        _section("Where it comes from", _facts(_lineage(subject))),
    ]
    if subject.text.get("citation"):
        parts.append(_section("Citation", subject.text["citation"]))
    return "\n\n".join(parts) + "\n"


def _section(title: str, content: str) -> str:
    return f"## {title}\n\n{content}"


def _written(subject: Subject, name: str) -> str:
    return subject.text.get(name) or f"{UNKNOWN.capitalize()}: `registry.card.{name}` says nothing."


def _model(subject: Subject) -> list[tuple[str, Any]]:
    labels = [str(label) for label in subject.labels]
    shown = ", ".join(labels[:_MOST_LABELS]) + (", …" if labels[_MOST_LABELS:] else "")
    return [
        ("task", subject.task),
        ("takes", ", ".join(f"{name} ({kind})" for name, kind in subject.inputs.items())),
        ("answers", shown or "a number" if subject.kind == "numbers" else shown),
        ("architecture", subject.config.get("model", {}).get("name")),
        ("began with", subject.base_model or ("no checkpoint" if subject.config else None)),
        ("license", _license(subject.text)),
        ("language", subject.text.get("language")),
        ("authors", subject.text.get("authors")),
    ]


def _license(text: Mapping[str, str]) -> str:
    parts = (text.get(name) for name in ("license", "license_name", "license_link"))
    return ", ".join(part for part in parts if part)


def _limits(subject: Subject) -> Iterator[str]:
    yield _written(subject, "limits")
    yield ""
    if subject.max_length:
        yield f"- It reads {subject.max_length} tokens of a text; what is longer is cut."
    if subject.kind in ("classes", "labels", "tags") and subject.labels:
        yield f"- It answers with the {len(subject.labels)} labels above, whatever it is asked."
    yield "- Its figures are of the data below; of other data they are not known."


def _use(subject: Subject) -> str:
    said = {"text_pair": '"one text" "another"', "image": "picture.png"}
    few = len(subject.inputs) <= 2
    words = said.get(subject.row, '"a text"' if few else "--file IN.csv --output OUT.csv")
    if subject.version:
        lines = [f"mlops predict --model {subject.version} {words}"]
        lines.append(f"mlops serve {subject.version}")
    else:
        lines = [f"mlops predict --run {subject.run} {words}", f"mlops serve {subject.run}"]
    return "```sh\n" + "\n".join(lines) + "\n```"


def _data(subject: Subject) -> str:
    found = subject.data
    facts = [
        ("source", found.get("name")),
        ("name", subject.dataset) if subject.dataset else ("", ""),
        ("split", found.get("split")),
        ("kept together by", found.get("split_by")) if found.get("split_by") else ("", ""),
        ("about it", subject.text.get("data")),
    ]
    rows = [
        (split, subject.rows.get(split, UNKNOWN), f"`{digest}`")
        for split, digest in (found.get("fingerprints") or {}).items()
    ]
    if not rows:
        return f"{_facts(facts)}\n\nSplits: {UNKNOWN}."
    return f"{_facts(facts)}\n\n{_table(('split', 'rows', 'SHA-256 of its content'), rows)}"


def _training(subject: Subject) -> str:
    environment, packages = subject.environment, subject.environment.get("packages") or {}
    gpus = environment.get("gpus")
    memory = environment.get("memory_bytes")
    facts = [
        ("seed", subject.seed),
        ("device", subject.ran.get("device")),
        ("precision", subject.ran.get("precision")),
        ("epochs", subject.ran.get("epochs")),
        ("seconds", subject.ran.get("seconds")),
        ("CPU", environment.get("cpu")),
        ("cores", environment.get("cores")),
        ("memory", f"{memory / 2**30:.1f} GiB" if isinstance(memory, int) else None),
        ("GPUs", ", ".join(map(str, gpus)) or "none" if isinstance(gpus, list) else None),
        ("Python", environment.get("python")),
        ("packages", ", ".join(f"{name} {version}" for name, version in packages.items())),
    ]
    settings = [
        (f"`{group}.{name}`", f"`{value}`")
        for group in ("model", "trainer")
        for name, value in (subject.config.get(group) or {}).items()
        if isinstance(value, str | int | float) and value != ""
    ]
    top = [
        (f"`{name}`", f"`{subject.config[name]}`")
        for name in ("lr", "batch_size", "epochs")
        if name in subject.config
    ]
    if not settings:
        return f"{_facts(facts)}\n\nSettings: {UNKNOWN}."
    return f"{_facts(facts)}\n\n{_table(('setting', 'value'), top + settings)}"


def _evaluation(subject: Subject) -> Iterator[str]:
    if not subject.figures:
        yield f"Figures: {UNKNOWN}."
    else:
        splits = list(subject.figures)
        names = dict.fromkeys(name for found in subject.figures.values() for name in found)
        rows = [(name, *(subject.figures[one].get(name) for one in splits)) for name in names]
        yield _table(("metric", *splits), rows)
    for split, found in subject.evaluations.items():
        baselines = found.get("baselines") or {}
        if baselines:
            what = f"{found.get('baseline_metric')} of simple answers to {split}"
            yield _table((what, "value"), list(baselines.items()))
        if table := _rows(found.get("classes")):
            yield f"By class, on {split}:\n\n{table}"
        if told := slice_rows(found.get("slices")):
            yield f"By slice, on {split}: {_CHANCE}\n\n{table_of(*slices.table(told))}"
        gates = [
            (one.get("metric"), one.get("value"), "passed" if one.get("passed") else "failed")
            for one in found.get("gates") or ()
        ]
        if gates:
            yield _table((f"gate on {split}", "value", "outcome"), gates)


def _rows(found: Any) -> str:
    """A table of a list of mappings; empty where it is none."""
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        return ""
    plain = str | int | float
    names = dict.fromkeys(k for one in found for k, v in one.items() if isinstance(v, plain))
    if not names:
        return ""
    return _table(tuple(names), [tuple(one.get(name) for name in names) for one in found])


def _graphs(subject: Subject) -> str:
    if not subject.parity:
        return f"{UNKNOWN.capitalize()}: it was not exported."
    graphs = subject.graphs or {"plain": {"parity": subject.parity}}
    rows = []
    for name, graph in graphs.items():
        parity = graph.get("parity") or {}
        rows.append((
            name + (" (answers)" if name == subject.preferred else ""), graph.get("kind"),
            graph.get("megabytes"), parity.get("rows"), parity.get("label_agreement"),
            parity.get("max_logit_difference"), parity.get("metric_loss"),
        ))  # fmt: skip
    heads = (
        "graph", "kind", "MB", "rows compared", "same answers as PyTorch", "largest difference",
        f"loss of {subject.parity.get('monitor')}",
    )  # fmt: skip
    return _table(heads, rows)


def _energy(subject: Subject) -> str:
    found = subject.ran.get("energy")
    if not found:
        return f"{UNKNOWN.capitalize()}: it was not measured."
    return _facts([
        ("electricity", f"{found['kwh']:.6g} kWh"),
        ("CO2", f"{found['co2_kg']:.6g} kg"),
        ("electricity of", found.get("country") or "the world's mean"),
        ("measured by", "codecarbon"),
    ])  # fmt: skip


def _lineage(subject: Subject) -> list[tuple[str, Any]]:
    git = subject.git or {}
    changed = " with uncommitted changes" if git.get("dirty_hash") else ""
    return [
        ("version", subject.version) if subject.version else ("", ""),
        ("run", subject.run),
        ("commit", f"{git['commit']}{changed}" if git.get("commit") else None),
        ("SHA-256 of the config", subject.config_sha256),
        ("digest of the bundle", subject.digest),
        ("made by mlops", subject.made_by),
        ("exported", subject.created),
        ("signed by", subject.signed) if subject.signed else ("", ""),
    ]


def _facts(facts: Sequence[tuple[str, Any]]) -> str:
    """A fact a line."""
    return "\n".join(f"- **{name}**: {_value(content)}" for name, content in facts if name)


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return table_of(heads, [[_value(cell) for cell in row] for row in rows])


def _value(content: Any) -> str:
    if content is None:
        return UNKNOWN
    if isinstance(content, float):
        return f"{content:.6g}"
    return " ".join(str(content).split()) or UNKNOWN
