"""Config group `serve`: the server, its limits and how much it takes on at once."""

from dataclasses import dataclass

from mlops_cli.schemas.option import option


@dataclass
class ServeConfig:
    """What `mlops serve` listens to, and what it refuses."""

    host: str = option("Address to listen at; 0.0.0.0 is every network.", "127.0.0.1")
    port: int = option("Port to listen at; 0 takes a free one.", 8000, minimum=0, maximum=65535)
    sessions: int | None = option(
        "Batches answered at once; null: as measured by mlops benchmark, else one a core.",
        None,
        minimum=1,
    )
    batch: int | None = option(
        "Most rows answered together; null: as measured by mlops benchmark, else 4.",
        None,
        minimum=1,
    )
    lone_threads: int | None = option(
        "CPU threads for a row that is alone, where they are sooner; not more than a batch has, as "
        "1: no other session, which saves memory; null: all, and 1 in AWS Lambda.",
        None,
        minimum=1,
    )
    queue: int = option("Rows that may wait; beyond it requests are refused.", 1024, minimum=1)
    deadline_ms: int = option(
        "Longest wait in ms from when a request came; it may ask for less by X-Timeout-Ms.",
        5000,
        minimum=1,
    )
    max_rows: int = option("Most rows in one request.", 256, minimum=1)
    max_characters: int = option("Longest text of a row.", 100_000, minimum=1)
    max_body_mb: float = option("Largest body of a request in MB.", 8.0, above=0)
    read_seconds: float = option("Longest time that sending a request may take.", 10.0, above=0)
    connections: int = option(
        "Most connections at once; beyond it the longest idle one makes room.", 2048, minimum=1
    )
    page: bool = option("Whether / and /docs show pages to try the model.", True)
    drain_seconds: float = option(
        "After SIGTERM, how long requests that are under way may take to end.", 20.0, minimum=0
    )
    api_keys: str | None = option(
        "File of API keys that may ask, one `NAME: HASH` a line; see mlops serve --new-key.",
        None,
        file=True,
    )
    open_metrics: bool = option("Whether /metrics is answered without an API key.", False)
    tls_cert: str | None = option(
        "File of the certificate (PEM, with its chain): answers over https.", None, file=True
    )
    tls_key: str | None = option("File of the certificate's private key (PEM).", None, file=True)
    cors: list[str] = option(
        "Origins whose pages may ask from a browser, such as https://shop.example; *: all.", []
    )
    log: str = option(
        "What standard error gets: errors alone, a line a request as text, or all as JSON (ECS).",
        "errors",
        choices=("errors", "text", "json"),
    )
    models: dict[str, str] = option(
        "Several models in one server: a run or the folder of a bundle, by name of the model.", {}
    )
    canary: str | None = option(
        "Run or folder of a bundle that is on trial with a share of the requests; of several "
        "models, MODEL:RUN says which.",
        None,
    )
    canary_share: float = option(
        "Of the requests that name no version, how many the canary gets.",
        0.1,
        above=0,
        maximum=1,
    )
    canary_min_requests: int = option(
        "Requests to a canary that its figures need to count.", 100, minimum=1
    )
    canary_max_error_rate: float = option(
        "A canary is rolled back when more of its requests fail that the primary can answer.",
        0.01,
        minimum=0,
        maximum=1,
    )
    canary_max_latency_ratio: float = option(
        "A canary is rolled back when its p95 is more times that of the primary.", 2.0, minimum=1
    )
    canary_max_disagreement: float = option(
        "A canary is rolled back when it answers more of the rows otherwise than the primary.",
        0.2,
        minimum=0,
        maximum=1,
    )
    canary_seconds: float = option(
        "Time on trial after which a canary has passed.", 600.0, minimum=0
    )
    canary_promote: bool = option("Whether a canary that passed becomes the primary.", False)
    shadow: str | None = option(
        "Run or folder of a bundle that is asked the same, without being heard; of several models, "
        "MODEL:RUN says which.",
        None,
    )
    log_inputs: bool = option(
        "Whether what is asked may be recorded: in the log, and where a shadow differs.", False
    )
    bundles: list[str] = option(
        "Folders outside the project that bundles may be loaded from while serving.", []
    )
    state: str | None = option(
        "File that keeps what is served; null: .mlops/serving/state.json.", None
    )
