"""`data=conll`: a word and its tag on each line, as the CoNLL shared tasks write them."""

import json
from collections.abc import Iterator

from mlops_cli.data.collecting import Collector, known_names
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.formats.decoding import open_text
from mlops_cli.data.tables import head_of
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.project import locate
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import ConllDataConfig, DataConfig
from mlops_cli.wording import counted

_DOCUMENT = "-DOCSTART-"
"""The word that stands for the beginning of a document."""


def load(config: DataConfig, reporter: Reporter) -> Splits:
    """Reads the training file and, where given, the validation and test files.

    Raises:
        NotFoundError: A file is not there.
        DataError: A file can't be used; the message names the line.
        ConfigError: No file is named, or the targets are no tags.
    """
    if not isinstance(config, ConllDataConfig):
        raise ConfigError("data=conll takes the settings of data=conll", hint="type data=conll")
    if not config.path:
        raise ConfigError(
            "data=conll needs the file to train on: data.path is not set",
            hint="mlops train task=token_classification data=conll data.path=FILE.conll",
        )
    train = _read(config, config.path, reporter)
    known = known_names(train, config)
    validation, test = (
        _read(config, path, reporter, known) if path else None
        for path in (config.validation_path, config.test_path)
    )
    return Splits(train, validation, test)


def _read(
    config: ConllDataConfig, path: str, reporter: Reporter, known: set[str] | None = None
) -> Examples:
    """One file; `known` are the tags it may hold, None for any."""
    rows = Collector(path, config, "line")
    for number, words, tags in _sentences(config, path):
        text, target = (json.dumps(items, ensure_ascii=False) for items in (words, tags))
        rows.add(number, [text], target)
    examples = rows.finish(reporter)
    if known is not None:
        rows.refuse_unknown(known)
    return examples


def _sentences(config: ConllDataConfig, path: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """Each sentence: the line it begins in, its words and its tags."""
    head_of(locate(path))
    text = open_text(locate(path), config.encoding)
    words: list[str] = []
    tags: list[str] = []
    first = 1
    needed = max(config.word_column, config.tag_column) + 1
    for number, line in enumerate(text.lines(), 1):
        cells = line.split()
        if not cells or cells[0] == _DOCUMENT:
            if words:
                yield first, words, tags
            words, tags = [], []
            continue
        if len(cells) < max(2, needed):
            raise DataError(
                f"{path}, line {number}: {line.strip()[:40]!r} has "
                f"{counted(len(cells), 'column')}, not the {max(2, needed)} of a word and its tag",
                hint="sentences are parted by an empty line; see data.word_column, data.tag_column",
            )
        if not words:
            first = number
        words.append(cells[config.word_column])
        tags.append(cells[config.tag_column])
    if words:
        yield first, words, tags
