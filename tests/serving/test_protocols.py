"""The protocols, by their real clients: tritonclient, MLflow's scoring client; one answer on all."""

import base64
import contextlib
import io
import json
import subprocess
import threading
import time

import numpy as np
import pandas
import pytest
import requests
import tritonclient.http as triton
import uvicorn
from conftest import REPOSITORY, run_mlops
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from PIL import Image
from tritonclient.utils import InferenceServerException

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import app
from mlops_cli.serving.auth import Keys
from mlops_cli.serving.service import Service

TEXTS = ["The boy near the queen blamed himself.", "Every plant was qüiet.", "a"]


@pytest.fixture
def client(server):
    with contextlib.closing(triton.InferenceServerClient(f"127.0.0.1:{server.port}")) as client:
        yield client


def tensor(name, values, datatype="BYTES", *, binary=True, shape=None):
    kind = {"BYTES": object, "FP32": np.float32, "FP64": np.float64, "INT64": np.int64}[datatype]
    array = np.array(values, dtype=kind).reshape(shape or [len(values)])
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def test_all_protocols_give_one_answer(server, client):
    native = server.ask(body={"inputs": TEXTS, "top_k": 2})[2]["predictions"]
    mlflow = ScoringServerClient("127.0.0.1", server.port)
    for rows in (TEXTS, np.array(TEXTS), pandas.DataFrame({"text": TEXTS, "id": [1, 2, 3]})):
        assert mlflow.invoke(rows, params={"top_k": 2})["predictions"] == native
    for binary in (True, False):
        answer = client.infer(
            "model",
            [tensor("text", TEXTS, binary=binary)],
            outputs=[
                triton.InferRequestedOutput(name, binary_data=binary)
                for name in ("label", "score", "scores")
            ],
            parameters={"top_k": 2},
        )
        labels = [x if isinstance(x, str) else x.decode() for x in answer.as_numpy("label")]
        assert labels == [one["label"] for one in native]
        scores = answer.as_numpy("score")
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, [one["score"] for one in native], rtol=1e-6)
        assert [json.loads(x) for x in answer.as_numpy("scores")] == [
            one["scores"] for one in native
        ]


def test_triton_sees_the_server_and_its_model(client, trained):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("model")
    assert client.is_model_ready("model", trained.run)
    assert not client.is_model_ready("another")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    model = client.get_model_metadata("model")
    assert (model["versions"], model["platform"]) == ([trained.run], "onnxruntime_onnx")
    assert model["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert [one["name"] for one in model["outputs"]] == ["label", "score", "scores", "logits"]


def test_logits_come_when_asked_by_name_and_labels_follow_from_them(client, trained):
    facts = json.loads((trained.path / "bundle" / "bundle.json").read_text("utf-8"))
    answer = client.infer(
        "model",
        [tensor("text", [*TEXTS, " "], shape=[4, 1])],
        model_version=trained.run,
        outputs=[triton.InferRequestedOutput(name) for name in ("logits", "label", "score")],
        request_id="42",
    )
    assert answer.get_response()["id"] == "42"
    logits, labels = answer.as_numpy("logits"), answer.as_numpy("label")
    assert logits.shape == (4, 2)
    assert [facts["labels"][place].encode() for place in logits[:3].argmax(1)] == [*labels[:3]]
    assert np.isnan(logits[3]).all()  # Nothing was said of a row without text.
    assert labels[3] == b""
    assert np.isnan(answer.as_numpy("score")[3])


def test_what_a_client_asks_beside_tensors_is_heeded(client):
    long = tensor("text", ["The boy near the queen blamed himself. " * 50] * 200)
    with pytest.raises(InferenceServerException, match="the answer did not come in time"):
        client.infer("model", [long], timeout=1000)  # In microseconds.
    answer = client.infer("model", [tensor("text", ["a"])], parameters={"threshold": 1.0})
    assert answer.as_numpy("label")[0] == b""
    with pytest.raises(InferenceServerException, match="a compressed body is not read here"):
        client.infer("model", [tensor("text", ["a"])], request_compression_algorithm="gzip")


def infer_body(**changes):
    text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}
    return {"inputs": [text | changes.pop("text", {})], **changes}


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"text": {"name": "txt"}}, 422, "input 'txt' is none of the model's (inputs: text)"),
        ({"text": {"datatype": "FP32"}}, 422, "datatype 'FP32' is none of BYTES"),
        ({"text": {"shape": [2]}}, 422, "shape [2] has 2 elements and the data 1"),
        ({"text": {"shape": [1, 2]}}, 422, "neither [rows] nor [rows, 1]"),
        ({"text": {"shape": [-1]}}, 422, "neither [rows] nor [rows, 1]"),
        ({"text": {"data": [1]}}, 422, "the data of BYTES has a int in it"),
        ({"text": {"data": None}}, 422, "there is no data"),
        ({"text": {"parameters": {"binary_data_size": 9}}}, 422, "no binary data of that size"),
        ({"inputs": []}, 422, "inputs: expected array of length >= 1"),
        ({"inputs": [infer_body()["inputs"][0]] * 2}, 422, "input 'text' comes twice"),
        ({"parameters": {"topk": 2}}, 422, "there is no parameter 'topk'"),
        ({"parameters": {"top_k": 0}}, 422, "top_k: expected int >= 1"),
        ({"parameters": {"timeout": -1}}, 422, "timeout is no number of microseconds"),
        ({"outputs": [{"name": "lable"}]}, 422, "there is no output 'lable' (outputs: label"),
        ({"id": 5}, 422, "Expected `str`, got `int` - at `$.id`"),
    ],
)
def test_what_is_no_inference_request_is_refused_in_its_words(server, changes, status, told):
    found, _, answer = server.ask("/v2/models/model/infer", infer_body(**changes))
    assert (found, list(answer)) == (status, ["error"])
    assert told in answer["error"]


@pytest.mark.parametrize(
    ("rest", "length", "told"),
    [
        (b"\x01\0\0\0a", 5, None),
        (b"\x02\0\0\0a", 5, "ends within an element"),
        (b"\x01\0", 2, "ends within a length"),
        (b"\x01\0\0\0a\x01\0\0\0b", 10, "has 1 elements and the data 2"),
        (b"\x01\0\0\0\xff", 5, "an element is no UTF-8 text"),
        (b"\x01\0\0\0ab", 5, "1 bytes of binary data belong to no input"),
    ],
)
def test_binary_data_is_read_to_the_last_byte(server, rest, length, told):
    head = json.dumps(
        infer_body(text={"data": None, "parameters": {"binary_data_size": length}})
    ).encode()
    status, _, answer = server.ask(
        "/v2/models/model/infer",
        head + rest,
        headers={"Inference-Header-Content-Length": str(len(head))},
    )
    assert (status == 200) == (told is None)
    assert told is None or told in answer["error"]
    for wrong in ("x", "99999"):
        headers = {"Inference-Header-Content-Length": wrong}
        assert server.ask("/v2/models/model/infer", head, headers=headers)[0] == 400


def lines_for_curl():
    text = (REPOSITORY / "README.md").read_text("utf-8")
    return [line for line in text.splitlines() if line.startswith("curl ")]


def test_the_readmes_lines_for_curl_are_answered(server):
    assert len(lines_for_curl()) >= 4
    for line in lines_for_curl():
        command = line.replace("localhost:8000", server.url).replace("curl ", "curl -sSf ", 1)
        done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr.decode()}"
        assert b"acceptable" in done.stdout


FORMS = {
    "dataframe_split": {"columns": ["id", "text"], "data": [[1, TEXTS[0]], [2, TEXTS[1]]]},
    "dataframe_records": [{"text": TEXTS[0], "label": "x"}, {"text": TEXTS[1]}],
    "instances": [[TEXTS[0]], [TEXTS[1]]],
    "inputs": {"text": TEXTS[:2]},
}


def test_mlflows_forms_mean_the_same(server):
    expected = server.ask(body={"inputs": TEXTS[:2]})[2]["predictions"]
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    for form, content in FORMS.items():
        answer = server.ask("/invocations", {form: content}, headers=json_type)
        assert (answer[0], answer[2]) == (200, {"predictions": expected}), form
    table = f'text,x\n"{TEXTS[0]}",1\n\n{TEXTS[1]},2\n'.encode()
    answer = server.ask("/invocations", table, headers={"Content-Type": "text/csv"})
    assert answer[2] == {"predictions": expected}


def test_mlflows_client_is_served(server):
    client = ScoringServerClient("127.0.0.1", server.port)
    client.ping()
    assert client.get_version()
    assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
    with pytest.raises(Exception, match="INVALID_PARAMETER_VALUE"):
        client.invoke([{"txt": "a"}])


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "BAD_REQUEST"),
        (b"[]", "application/json", 400, "BAD_REQUEST"),
        (b'{"inputs": ["a"], "instances": ["a"]}', "application/json", 400, "BAD_REQUEST"),
        (b'{"inputs": 5}', "application/json", 422, "INVALID_PARAMETER_VALUE"),
        (b'{"inputs": {"text": ["a"], "b": []}}', "application/json", 422, "INVALID_PARAMETER_VALUE"),
        (b'{"inputs": ["a"], "params": {"k": 1}}', "application/json", 422, "INVALID_PARAMETER_VALUE"),
        (b'{"dataframe_split": []}', "application/json", 422, "INVALID_PARAMETER_VALUE"),
        (b'{"dataframe_split": {"columns": [[]], "data": [[1]]}}', "application/json", 422, "INVALID_PARAMETER_VALUE"),
        (b'{"dataframe_split": {"columns": ["text"], "data": [[1, 2]]}}', "application/json", 422, "INVALID_PARAMETER_VALUE"),
        (b"", "text/csv", 400, "BAD_REQUEST"),
        (b'text\n"a', "text/csv", 400, "BAD_REQUEST"),
        (b"text\n\xff", "text/csv", 400, "BAD_REQUEST"),
        (b"txt\na", "text/csv", 422, "INVALID_PARAMETER_VALUE"),
        (b"a", "application/vnd.apache.parquet", 415, "BAD_REQUEST"),
        (b"a", "text/csv; charset=latin-1", 415, "BAD_REQUEST"),
    ],
)  # fmt: skip
def test_what_is_no_invocation_is_refused_in_mlflows_words(server, body, kind, status, code):
    found, _, answer = server.ask("/invocations", body, headers={"Content-Type": kind})
    assert (found, answer["error_code"]) == (status, code), answer
    assert answer["message"]


@contextlib.contextmanager
def served(bundles):
    """A server in a thread that answers with several models."""
    service = Service(ServeConfig(sessions=1))
    for model, folder in bundles.items():
        service.load(folder, model=model)
    config = uvicorn.Config(app.build(service, Keys()), port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with contextlib.closing(triton.InferenceServerClient(f"127.0.0.1:{port}")) as client:
        yield client, service
    server.should_exit = True
    thread.join(30)
    service.close()


TASKS = {
    "pairs": ["task=text_pair_classification"],
    "tokens": ["task=token_classification"],
    "images": ["task=image_classification", "model=convnet"],
    "table": ["task=tabular_regression", "model=mlp"],
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    root = tmp_path_factory.mktemp("tasks")
    (root / "configs").mkdir()
    (root / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    found = {}
    with contextlib.chdir(root):
        for name, words in TASKS.items():
            train = ["train", "experiment=smoke", "--no-validate", "data.limit=60", *words]
            for command in (train, ["export", "--onnx"]):
                done = run_mlops(*command, json=True)
                assert done.exit_code == 0, done.stderr
            found[name] = max((root / "runs").glob("*/bundle"), key=lambda x: x.stat().st_mtime)
    return found


def picture():
    file = io.BytesIO()
    Image.new("RGB", (20, 12), "red").save(file, "png")
    return file.getvalue()


@pytest.mark.slow
def test_every_kind_of_input_comes_by_triton(bundles):
    with served(bundles) as (client, service):
        pair = [tensor("text", ["A man sleeps."]), tensor("text_pair", ["Nobody is awake."])]
        answer = client.infer("pairs", pair)
        assert answer.as_numpy("label")[0].decode() in service.find("pairs").task.labels

        answer = client.infer(
            "tokens",
            [tensor("text", ["Ann met Bob in Paris", '["Ann", "left"]'])],
            outputs=[triton.InferRequestedOutput(x) for x in ("tags", "entities", "logits")],
        )
        assert [len(tags.split()) for tags in answer.as_numpy("tags")] == [5, 2]
        assert isinstance(json.loads(answer.as_numpy("entities")[0]), list)
        assert answer.as_numpy("logits").ndim == 3

        as_file = client.infer("images", [tensor("image", [picture()])])
        text = base64.b64encode(picture()).decode()
        as_text = client.infer("images", [tensor("image", [text], binary=False)])
        np.testing.assert_array_equal(as_file.as_numpy("score"), as_text.as_numpy("score"))

        _is_a_number_whatever_its_type(client, service)


def _is_a_number_whatever_its_type(client, service):
    version = service.find("table")
    row = version.contract.example_row()
    cells = version.task.encoder.cells
    answers = []
    for kind in ("FP32", "FP64", "INT64"):
        inputs = [
            tensor(name, [row[name]], kind if cells[name] == "number" else "BYTES") for name in row
        ]
        answers.append(client.infer("table", inputs).as_numpy("value"))
    assert answers[0].dtype == np.float32
    assert answers[0].tolist() == answers[1].tolist() == answers[2].tolist()
    number = next(name for name in row if cells[name] == "number")
    with pytest.raises(InferenceServerException, match="ends within an element"):
        client.infer("table", [_short(number)])


def _short(name):
    made = tensor(name, [1], "INT64")
    made._raw_data = made._raw_data[:-1]
    made._parameters["binary_data_size"] -= 1
    return made
