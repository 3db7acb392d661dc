"""What tests of the server share."""

import pytest
from own import served


@pytest.fixture(scope="session")
def server(trained, tmp_path_factory):
    """A real `mlops serve` process that answers with the model of `trained`; see `own.served`."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    with served.serving(trained.path / "bundle", folder) as server:
        yield server
