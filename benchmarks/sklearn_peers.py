"""What scikit-learn's defaults get on the problems of `tasks.py`, from the same rows."""

import time
from collections.abc import Callable
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from problems import Problem, Rows
from scipy.stats import pearsonr, spearmanr
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    matthews_corrcoef,
    r2_score,
    root_mean_squared_error,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, OneHotEncoder, OrdinalEncoder, StandardScaler

Scores = dict[str, dict[str, float]]
"""The metrics of each model."""


def scores(problem: Problem, seed: int) -> Scores:
    """Every peer of the problem's task, trained with this seed where it draws anything."""
    return _BY_TASK[problem.task](problem, seed)


def _fitted(model: Any, inputs: Any, targets: Any) -> dict[str, float]:
    """Fits the model; how long that took."""
    began = time.perf_counter()
    model.fit(inputs, targets)
    return {"seconds": time.perf_counter() - began}


def _tables(problem: Problem, seed: int) -> Scores:
    """Trees, a network and a linear model over the columns of a table."""
    import pandas as pd

    frames = {part: pd.DataFrame(rows) for part, rows in problem.parts.items()}
    train, test = frames["train"], frames["test"]
    for name in train.columns.drop(problem.label):
        numbers = pd.to_numeric(train[name].replace("", None), errors="coerce")
        if numbers.notna().sum() == (train[name] != "").sum():
            for frame in (train, test):
                frame[name] = pd.to_numeric(frame[name].replace("", None))
    inputs = [frame.drop(columns=problem.label) for frame in (train, test)]
    numeric = problem.task.endswith("regression")
    targets = [frame[problem.label].astype(float if numeric else str) for frame in (train, test)]
    found = {}
    for name, model in (_regressors if numeric else _classifiers)(seed).items():
        cost = _fitted(model, inputs[0], targets[0])
        measure = number_scores if numeric else class_scores
        found[name] = measure(targets[1].to_numpy(), model.predict(inputs[1])) | cost
    return found


def _classifiers(seed: int) -> dict[str, Any]:
    return {
        "HistGradientBoostingClassifier": make_pipeline(
            _ordinal(), HistGradientBoostingClassifier(random_state=seed)
        ),
        "RandomForestClassifier": make_pipeline(
            _ordinal(), RandomForestClassifier(random_state=seed)
        ),
        "MLPClassifier": make_pipeline(_scaled(), MLPClassifier(random_state=seed)),
        "LogisticRegression": make_pipeline(_scaled(), LogisticRegression(max_iter=1000)),
    }


def _regressors(seed: int) -> dict[str, Any]:
    return {
        "HistGradientBoostingRegressor": make_pipeline(
            _ordinal(), HistGradientBoostingRegressor(random_state=seed)
        ),
        "RandomForestRegressor": make_pipeline(
            _ordinal(), RandomForestRegressor(random_state=seed)
        ),
        "MLPRegressor": make_pipeline(_scaled(), MLPRegressor(random_state=seed)),
        "LinearRegression": make_pipeline(_scaled(), LinearRegression()),
        "mean": DummyRegressor(),
    }


def _ordinal() -> Any:
    """Categories by number, everything else as it is: what trees take."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    texts = make_column_selector(dtype_exclude=np.number)
    return make_column_transformer((codes, texts), remainder="passthrough")


def _scaled() -> Any:
    """Categories as columns of 0 and 1, numbers scaled: what linear models and networks take."""
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=np.number)),
        (
            make_pipeline(SimpleImputer(), StandardScaler()),
            make_column_selector(dtype_include=np.number),
        ),
    )


def _texts(problem: Problem, seed: int) -> Scores:
    """Words counted by tf-idf, and logistic regression."""
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    train, test = (problem.parts[part] for part in ("train", "test"))
    cost = _fitted(model, _joined(problem, train), [row[problem.label] for row in train])
    true = np.array([row[problem.label] for row in test])
    figures = class_scores(true, model.predict(_joined(problem, test)))
    return {"tf-idf + LogisticRegression": figures | cost}


def _labelled(problem: Problem, seed: int) -> Scores:
    """The same once for each label."""
    model = make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression(max_iter=1000)))
    train, test = (problem.parts[part] for part in ("train", "test"))
    binarizer = MultiLabelBinarizer()
    wanted = binarizer.fit_transform([row[problem.label].split("|") for row in train])
    true = binarizer.transform([row[problem.label].split("|") for row in test])
    cost = _fitted(model, _joined(problem, train), wanted)
    found = model.predict(_joined(problem, test))
    figures = {
        "f1_micro": f1_score(true, found, average="micro", zero_division=0),
        "f1_macro": f1_score(true, found, average="macro", zero_division=0),
        "subset_accuracy": accuracy_score(true, found),
    }
    return {"tf-idf + one LogisticRegression a label": figures | cost}


def _numbers(problem: Problem, seed: int) -> Scores:
    """Words counted by tf-idf, and ridge regression; and the mean."""
    train, test = (problem.parts[part] for part in ("train", "test"))
    wanted, true = ([float(row[problem.label]) for row in part] for part in (train, test))
    found = {}
    for name, model in (("tf-idf + Ridge", Ridge()), ("mean", DummyRegressor())):
        fitted = make_pipeline(TfidfVectorizer(), model)
        cost = _fitted(fitted, _joined(problem, train), wanted)
        predicted = fitted.predict(_joined(problem, test))
        found[name] = number_scores(np.array(true), predicted) | cost
    return found


def _tags(problem: Problem, seed: int) -> Scores:
    """Each word alone, by what can be seen of it and its neighbours, and logistic regression."""
    import json

    from mlops_cli.tasks.heads.tags import entity_counts

    def seen(rows: Rows) -> tuple[list[dict[str, Any]], list[list[str]]]:
        words = [json.loads(row[problem.inputs[0]]) for row in rows]
        features = [_word(sentence, at) for sentence in words for at in range(len(sentence))]
        return features, [json.loads(row[problem.label]) for row in rows]

    known, wanted = seen(problem.parts["train"])
    asked, true = seen(problem.parts["test"])
    model = make_pipeline(DictVectorizer(), LogisticRegression(max_iter=1000))
    cost = _fitted(model, known, [tag for tags in wanted for tag in tags])
    flat = iter(model.predict(asked))
    found = [[str(next(flat)) for _ in tags] for tags in true]
    pairs = [pair for rows in zip(true, found, strict=True) for pair in zip(*rows, strict=True)]
    counts = entity_counts(true, found).values()
    right, given, there = (sum(count[part] for count in counts) for part in range(3))
    return {
        "words and neighbours + LogisticRegression": {
            "entity_f1": 2 * right / (given + there),
            "entity_precision": right / given,
            "entity_recall": right / there,
            "accuracy": mean(expected == answer for expected, answer in pairs),
            **cost,
        }
    }


def _word(sentence: list[str], at: int) -> dict[str, Any]:
    around = {
        place: sentence[at + place] if 0 <= at + place < len(sentence) else "-"
        for place in (-1, 0, 1)
    }
    return {f"word {place}": word.lower() for place, word in around.items()} | {
        f"capital {place}": word[:1].isupper() for place, word in around.items()
    }


def _joined(problem: Problem, rows: Rows) -> list[str]:
    return [" ".join(row[column] for column in problem.inputs) for row in rows]


def class_scores(true: NDArray[Any], found: NDArray[Any]) -> dict[str, float]:
    """Figures of classes."""
    return {
        "accuracy": accuracy_score(true, found),
        "f1_macro": f1_score(true, found, average="macro"),
        "mcc": matthews_corrcoef(true, found),
    }


def number_scores(true: NDArray[Any], found: NDArray[Any]) -> dict[str, float]:
    """Figures of numbers; a constant goes along with nothing."""
    constant = np.ptp(found) == 0
    return {
        "r2": r2_score(true, found),
        "rmse": root_mean_squared_error(true, found),
        "pearson": 0.0 if constant else pearsonr(true, found)[0],
        "spearman": 0.0 if constant else spearmanr(true, found)[0],
    }


_BY_TASK: dict[str, Callable[[Problem, int], Scores]] = {
    "tabular_classification": _tables,
    "tabular_regression": _tables,
    "text_classification": _texts,
    "text_pair_classification": _texts,
    "multi_label_classification": _labelled,
    "text_regression": _numbers,
    "text_similarity": _numbers,
    "token_classification": _tags,
}
