"""`mlops init --data FILE` looks at a file and names its columns."""

import pytest

from mlops_cli.data.tables import guess_columns, open_table

REVIEWS = ["I liked it a lot.", "What a waste of time!", "Fine, but far too long.", "Never again."]


def guessed(folder, header, rows):
    path = folder / "file.csv"
    lines = ["\t".join(header), *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return guess_columns(open_table(path))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("text", "label"),
        ("sentence", "target"),
        ("Review", "Stars"),
        ("review_text", "sentiment"),
        ("commentBody", "class_id"),
        ("COMMENT", "Category"),
        ("xyz", "abc"),
    ],
)
def test_names_and_content_tell_text_from_label(tmp_path, text, label):
    rows = [(str(i), REVIEWS[i % 4] + f" ({i})", str(i % 2), "2020-01-01") for i in range(40)]
    assert guessed(tmp_path, ("id", text, label, "day"), rows) == (text, label)


def test_the_exact_name_wins_over_a_part_of_it(tmp_path):
    rows = [(REVIEWS[i % 4], f"fine {i % 3}", f"c{i % 2}") for i in range(40)]
    assert guessed(tmp_path, ("text", "fine_label", "label"), rows) == ("text", "label")


def test_numbers_are_no_text(tmp_path):
    rows = [(str(i * 1.5), str(i % 2)) for i in range(40)]
    assert guessed(tmp_path, ("amount", "kind"), rows) == (None, "kind")


def test_texts_alone_have_no_label(tmp_path):
    assert guessed(tmp_path, ("id", "text"), [(str(i), REVIEWS[i % 4]) for i in range(40)]) == (
        "text",
        None,
    )


def test_a_file_sorted_by_label_still_shows_it_by_name(tmp_path):
    rows = [(REVIEWS[i % 4] + str(i), "pos") for i in range(2000)] + [("Bad.", "neg")]
    assert guessed(tmp_path, ("text", "label"), rows) == ("text", "label")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cola/train.csv", ("sentence", "label")),
        ("cola-phenomena/phenomena.csv", ("sentence", "label")),
        ("trec/train.csv", ("text", "label")),
        ("custrev/all.csv", ("text", "label")),
        ("imdb-cad/train.csv", ("text", "label")),
        ("imdb-cad/raw/dev.tsv", ("Text", "Sentiment")),
        ("nsmc/train.csv", ("document", "label")),
        ("tate-text/data.csv", ("title", "year")),
        ("snli-cad/train.csv", ("sentence1", "label")),
        ("klue-sts/dev.csv", ("sentence1", "label")),
        ("iris/data.csv", (None, "target")),
    ],
)
def test_real_files_are_guessed(shared_data, name, expected):
    assert guess_columns(open_table(shared_data / name)) == expected
