"""What a model card tells of a model."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Subject:
    """Everything that is known of a model; what is not is empty or None.

    Attributes:
        title: What it is called.
        run: Id of the run.
        version: Such as reviews@v1.2.0; empty before it is registered.
        task: Name of the task.
        kind: What is predicted: classes, labels, numbers or tags.
        row: What a row is: text, text_pair, words, image or table.
        inputs: What each column holds, by name.
        labels: What it can answer.
        max_length: Tokens that it reads.
        config: The whole config of the run.
        config_sha256: SHA-256 of that.
        seed: Seed of the training.
        data: Name, way of splitting and fingerprints of the data.
        dataset: The id of a data set of the hub, or the file.
        base_model: The checkpoint it began with.
        rows: Rows of each split.
        figures: Metrics by split.
        evaluations: What `mlops evaluate` found, by split.
        parity: How far the answering graph is from PyTorch.
        graphs: What is recorded of each graph.
        preferred: The graph that answers.
        environment: Machine and packages.
        ran: Device, precision, epochs, seconds and energy of the training.
        git: Where the code stood.
        digest: Of the bundle.
        made_by: Version of mlops.
        created: When it was exported.
        signed: Who signed it, in words.
        text: What people wrote: registry.card.
    """

    title: str
    run: str
    version: str = ""
    task: str | None = None
    kind: str | None = None
    row: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    max_length: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    config_sha256: str | None = None
    seed: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    dataset: str | None = None
    base_model: str | None = None
    rows: dict[str, int] = field(default_factory=dict)
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    graphs: dict[str, dict[str, Any]] = field(default_factory=dict)
    preferred: str | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    ran: dict[str, Any] = field(default_factory=dict)
    git: dict[str, Any] | None = None
    digest: str | None = None
    made_by: str | None = None
    created: str | None = None
    signed: str = ""
    text: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """A model card.

    Attributes:
        model: What it is of.
        card: The whole file.
        metadata: What the YAML at its top says.
        output: Where it was written; None for standard output.
    """

    model: str
    card: str
    metadata: dict[str, Any]
    output: str | None = None
