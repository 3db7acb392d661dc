"""`data=conll`: words and tags, one a line."""

import pytest

from mlops_cli import data
from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import ConllDataConfig

FILE = """-DOCSTART- -X- O

EU NNP B-ORG
rejects VBZ O

Peter NNP B-PER
Blackburn NNP I-PER
"""


def read(path, **settings):
    config = ConllDataConfig(
        name="conll", path=str(path), inputs="words", targets="tags", **settings
    )
    return data.read(config, SilentReporter()).train


def test_sentences_with_their_tags_and_lines(tmp_path):
    file = tmp_path / "train.conll"
    file.write_text(FILE)
    rows = read(file)
    assert rows.inputs["text"] == ['["EU", "rejects"]', '["Peter", "Blackburn"]']
    assert rows.targets == ['["B-ORG", "O"]', '["B-PER", "I-PER"]']
    assert rows.numbers == [3, 6]


def test_another_column_is_the_tag(tmp_path):
    file = tmp_path / "train.conll"
    file.write_text(FILE.replace("\n", "\r\n"))
    assert read(file, tag_column=1).targets == ['["NNP", "VBZ"]', '["NNP", "NNP"]']


@pytest.mark.parametrize(
    ("content", "said"),
    [("EU B-ORG\nrejects\n", "line 2: 'rejects' has 1 column,"), ("\n\n", "has no rows")],
)
def test_a_file_that_is_not_of_this_kind_is_told(tmp_path, content, said):
    file = tmp_path / "train.conll"
    file.write_text(content)
    with pytest.raises(DataError, match=said):
        read(file)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="no file"):
        read(tmp_path / "train.conll")


def test_a_tag_that_training_lacks_is_told_by_the_line_its_sentence_begins_in(tmp_path):
    train, later = tmp_path / "train.conll", tmp_path / "later.conll"
    train.write_text(FILE)
    later.write_text("EU B-ORG\n\nin O\nRome B-LOC\n")
    with pytest.raises(DataError, match=r"later\.conll, line 3: tag 'B-LOC' does not occur"):
        read(train, validation_path=str(later))
