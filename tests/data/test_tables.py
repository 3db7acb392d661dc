"""Tables are read as a person sees them, or refused with the place that is wrong."""

import json
import subprocess
import sys
import tracemalloc

import pytest

from mlops_cli.data.tables import open_table
from mlops_cli.errors import ConfigError, DataError, MlopsError, NotFoundError


def written(folder, content, name="reviews.csv"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path, **settings):
    return list(open_table(path, **settings).rows())


def refusal(path, **settings):
    """The one line that refuses the file, without its folder."""
    with pytest.raises(MlopsError) as caught:
        rows_of(path, **settings)
    assert "\n" not in caught.value.message + caught.value.hint
    return caught.value.message.replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("text,label\nGood; very good,1\nBad; very bad,0\n", ","),
        ("text;label\nGood, very good;1\nBad, very bad;0\n", ";"),
        ("text\tlabel\nGood, very good\t1\nBad, very bad\t0\n", "\t"),
        ("text|label\nGood, very good|1\nBad, very bad|0\n", "|"),
        ('text,label\n"one;two;three",1\n"four;five;six",0\n', ","),
        ('"text","label"\r\n"a\tb","1"\r\n"c\td","0"\r\n', ","),
        ("text\nhello\nworld\n", ","),
        ('text\n"hello, world"\nagain\n', ","),
    ],
)
def test_the_delimiter_is_found(tmp_path, content, delimiter):
    table = open_table(written(tmp_path, content))
    assert table.dialect.delimiter == delimiter
    assert table.columns == (["text", "label"] if "label" in content else ["text"])
    assert len(list(table.rows())) == 2


def test_rows_carry_the_line_they_begin_in(tmp_path):
    path = written(tmp_path, 'text,label\n"two\nlines",1\n\nlast,0\n')
    assert rows_of(path) == [
        (2, {"text": "two\nlines", "label": "1"}),
        (5, {"text": "last", "label": "0"}),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(tmp_path, end):
    path = written(tmp_path, end.join(["text,label", "a,1", "b,0"]))
    assert [row["text"] for _, row in rows_of(path)] == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_found_with_and_without_a_mark(tmp_path, encoding):
    path = written(tmp_path, "text,label\n좋다 é,1\nplain,0\n".encode(encoding))
    table = open_table(path)
    assert table.columns == ["text", "label"]
    assert not table.encoding_guessed
    assert next(table.rows()) == (2, {"text": "좋다 é", "label": "1"})


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "un café très agréable"),
        ("cp949", "영화가 정말 재미있습니다"),
        ("cp932", "映画はとても面白かったです"),
        ("cp1251", "Привет, это хороший фильм"),
        ("cp1253", "καλημέρα πολύ καλή ταινία"),
    ],
)
def test_older_encodings_are_guessed_and_said_to_be(tmp_path, encoding, text):
    path = written(tmp_path, f"label\ttext\n1\t{text}\n0\t{text}\n".encode(encoding))
    table = open_table(path)
    assert table.encoding_guessed
    assert [row["text"] for _, row in table.rows()] == [text, text]


def test_a_stray_byte_is_told_by_line_and_column(tmp_path):
    path = written(tmp_path, "text,label\ncafé,1\nna".encode() + b"\xefve,0\n")
    assert refusal(path) == "reviews.csv, line 3, column 3: byte 0xef is not utf-8"


def test_a_stray_byte_far_behind_the_sample_is_told_too(tmp_path):
    line = "a sentence of some length that is repeated,1\n"
    path = written(tmp_path, ("text,label\n" + line * 50_000).encode() + b"good \xff one,0\n")
    assert refusal(path) == "reviews.csv, line 50002, column 6: byte 0xff is not utf-8"


def test_a_character_cut_off_at_the_end_is_told(tmp_path):
    path = written(tmp_path, "text,label\na,1\nb,é".encode()[:-1])
    assert refusal(path) == "reviews.csv, line 3, column 3: byte 0xc3 is not utf-8"


def test_a_given_encoding_is_kept_to(tmp_path):
    path = written(tmp_path, "text,label\nðe,1\n".encode("latin-1"))
    assert rows_of(path, encoding="latin-1")[0][1]["text"] == "ðe"
    assert "byte 0xf0 is not ascii" in refusal(path, encoding="ascii")


def test_unknown_settings_are_config_errors(tmp_path):
    path = written(tmp_path, "text,label\na,1\n")
    with pytest.raises(ConfigError, match="no text encoding is called 'uft-8'") as caught:
        open_table(path, encoding="uft-8")
    assert caught.value.hint.startswith("did you mean utf")
    for encoding in ("hex", "rot13", "ut\0f"):
        with pytest.raises(ConfigError):
            open_table(path, encoding=encoding)
    with pytest.raises(ConfigError, match="one character, not ';;'"):
        open_table(path, delimiter=";;")
    with pytest.raises(ConfigError, match=r"data\.columns names two columns 'a' \(1 and 2\)"):
        open_table(path, columns=["a", "a"])
    with pytest.raises(ConfigError, match="names its own columns"):
        open_table(written(tmp_path, '{"a": 1}', "a.jsonl"), columns=["a"])
    with pytest.raises(ConfigError, match="no table format is called 'xlsx'"):
        open_table(path, format="xlsx")


def test_a_file_without_a_header_takes_given_names(tmp_path):
    path = written(tmp_path, "gj04\t1\t\tWe yelled.\ngj05\t0\t*\tYelled we.\n", "train.tsv")
    named = rows_of(path, columns=["source", "label", "mark", "text"])
    assert named[0] == (
        1,
        {"source": "gj04", "label": "1", "mark": None, "text": "We yelled."},
    )
    assert refusal(path, columns=["label", "text"]) == (
        "train.tsv, line 1: 4 fields where data.columns names 2"
    )


def test_quotes_in_tab_separated_text_stay_where_nobody_encloses(tmp_path):
    path = written(tmp_path, 'id\ttext\n1\t"Great" film\n2\t"all of it"\n3\tplain\n', "films.txt")
    assert [row["text"] for _, row in rows_of(path)] == ['"Great" film', '"all of it"', "plain"]


def test_quotes_in_tab_separated_text_go_where_they_enclose(tmp_path):
    path = written(tmp_path, 'label\ttext\n1\t"says ""hi"" twice"\n0\tplain\n', "films.tsv")
    assert [row["text"] for _, row in rows_of(path)] == ['says "hi" twice', "plain"]


def test_a_space_before_a_quoted_field_is_no_part_of_it(tmp_path):
    path = written(tmp_path, 'day, amount, place\n1, "6,000", Galway\n2, 5, Cork\n')
    assert rows_of(path)[0][1] == {"day": "1", "amount": "6,000", "place": "Galway"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "reviews.csv is empty"),
        ("\n\n", "reviews.csv is empty"),
        ("text,label\na,1\nb,0,x\n", "reviews.csv, line 3: 3 fields where the header has 2"),
        ("text,label\na,1\nb\n", "reviews.csv, line 3: 1 field where the header has 2"),
        (
            'text,label\na,1\n"b,0\nc,1\n',
            "reviews.csv, line 3: a quote opens a field in this row and is never closed",
        ),
        (
            'text,label\n"a, b",1\n"b" c,0\n"d",1\n',
            "reviews.csv, line 3: text after the closing quote of a field",
        ),
        ("text,label\na\0b,1\n", "reviews.csv, line 2, column 2: a NUL byte"),
        ("text,text\na,1\n", "reviews.csv: the header names two columns 'text' (1 and 2)"),
        ("<!DOCTYPE html>\n<html></html>", "reviews.csv is HTML or XML, no table"),
        (b"PK\x03\x04rest", "reviews.csv is a zip archive, no table"),
        (b"\x1f\x8brest", "reviews.csv is gzip-compressed, no table"),
        (b"PAR1rest", "reviews.csv is a Parquet file"),
        (
            "Prices of 2024,,,\na,b,c,d\n1,2,3,4\n",
            "reviews.csv, line 1: names 1 of 4 columns: a title above the table?",
        ),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, content, message):
    assert refusal(written(tmp_path, content)) == message


def test_utf_16_without_a_mark_gets_the_setting_that_reads_it(tmp_path):
    path = written(tmp_path, "text,label\ngood,1\n".encode("utf-16-le"))
    with pytest.raises(DataError, match="NUL") as caught:
        rows_of(path)
    assert "data.encoding=utf-16-le" in caught.value.hint
    assert rows_of(path, encoding="utf-16-le") == [(2, {"text": "good", "label": "1"})]


def test_columns_without_a_name_get_one(tmp_path):
    path = written(tmp_path, ",text,\n0,a,x\n")
    assert open_table(path).columns == ["column_1", "text", "column_3"]


def test_what_a_clone_has_not_pulled_is_told(tmp_path):
    written(tmp_path, "outs:\n- path: reviews.csv\n", "reviews.csv.dvc")
    with pytest.raises(NotFoundError, match="is not here; DVC holds it") as caught:
        open_table(tmp_path / "reviews.csv")
    assert caught.value.hint == "mlops pull"


def test_what_is_not_there_is_not_found(tmp_path):
    written(tmp_path, "text,label\n", "reviews.csv")
    with pytest.raises(NotFoundError, match=r"no file .*review\.csv") as caught:
        open_table(tmp_path / "review.csv")
    assert caught.value.hint == f"did you mean {tmp_path / 'reviews.csv'}?"
    with pytest.raises(NotFoundError, match="there is no folder"):
        open_table(tmp_path / "nowhere" / "reviews.csv")
    with pytest.raises(DataError, match="is a folder"):
        open_table(tmp_path)
    with pytest.raises(DataError, match="is no regular file"):
        open_table(tmp_path.__class__("/dev/null"))


def test_reading_needs_only_the_base_install():
    script = (
        "import sys, mlops_cli.data.tables; "
        "sys.exit(sum(name in sys.modules for name in ('torch', 'pyarrow', 'datasets', 'hydra')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("name", ["big.csv", "big.jsonl"])
def test_a_large_file_is_read_in_little_memory(tmp_path, name):
    text = "a sentence of some length " * 20
    line = f"{text},1\n" if name.endswith("csv") else json.dumps({"text": text}) + "\n"
    path = tmp_path / name
    with path.open("w") as stream:
        if name.endswith("csv"):
            stream.write("text,label\n")
        for _ in range(60):
            stream.write(line * 1000)
    assert path.stat().st_size > 30_000_000
    tracemalloc.start()
    count = sum(1 for _ in open_table(path).rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 12_000_000


def test_lines_above_the_table_are_skipped(tmp_path):
    path = written(tmp_path, 'Reviews of 2024\n\ntext,label\n"two\nlines",1\nb\n')
    table = open_table(path, skip_rows=2)
    assert table.columns == ["text", "label"]
    assert next(table.rows()) == (4, {"text": "two\nlines", "label": "1"})
    with pytest.raises(DataError, match="line 6: 1 field where the header has 2"):
        list(table.rows())
    with pytest.raises(DataError, match="is empty"):
        open_table(path, skip_rows=6)


def test_lines_above_objects_are_skipped(tmp_path):
    path = written(tmp_path, '# made today\n{"text": "a"}\n', "reviews.jsonl")
    assert list(open_table(path, skip_rows=1).rows()) == [(2, {"text": "a"})]
    path = written(tmp_path, '# made today\n{"text": "a"}\n{"text": \n', "reviews.jsonl")
    with pytest.raises(DataError, match="line 3, column"):
        open_table(path, skip_rows=1)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("Sales,,,\n,,,\n" + "a,b,c,d\n" * 9, "the table begins in line 3? data.skip_rows=2"),
        ("Sales, costs\nof 2024\n" + "a;b;c\n" * 9, "the table begins in line 3? data.skip_rows=2"),
        ("Sales,,,\n1,1,1,1\n", "data.skip_rows=1 data.columns=[NAME,NAME,…]"),
        (
            "NUM How, so ?\n" + "DESC What is it ?\nNUM How, many ?\n" * 4,
            "data.delimiter=space data.columns=[label,text]",
        ),
        ("Paris I-LOC\nis O\n, O\n\n" * 3, "task=token_classification data=conll"),
        ("a,b\n1,2,3\n", "put quotes around fields that contain ','"),
    ],
)
def test_the_hint_says_how_to_begin_where_the_table_does(tmp_path, content, hint):
    path = written(tmp_path, content)
    with pytest.raises(DataError) as caught:
        rows_of(path)
    assert hint in caught.value.hint


def test_a_wide_row_of_names_needs_not_name_every_column(tmp_path):
    path = written(tmp_path, "text,label,,,,\n" + "good,1,,,,\n" * 3)
    assert len(rows_of(path)) == 3


def test_a_space_may_part_a_label_from_a_text(tmp_path):
    path = written(tmp_path, '1 "so, it" began\n0 \n\n1 b\n')
    table = open_table(path, delimiter="space", columns=["label", "text"])
    assert list(table.rows()) == [
        (1, {"label": "1", "text": '"so, it" began'}),
        (2, {"label": "0", "text": None}),
        (4, {"label": "1", "text": "b"}),
    ]
    with pytest.raises(ConfigError, match="parts a line at its first space"):
        open_table(path, delimiter="space")


def test_a_space_after_every_delimiter_is_no_part_of_the_values(tmp_path):
    path = written(tmp_path, "age, job, income\n25, ?, <=50K.\n38, Sales, >50K.\n")
    table = open_table(path, missing=["?"])
    assert [row["job"] for _, row in table.rows()] == [None, "Sales"]
    kept = written(tmp_path, "a,b\nx, y\n", "mixed.csv")
    assert rows_of(kept)[0][1] == {"a": "x", "b": " y"}


@pytest.mark.parametrize(
    ("task", "rows", "told"),
    [
        ("regression", "1,nan\n2,nan\n3,nan\n", "learnt by task=tabular_classification"),
        ("classification", "1,a\n2,b\n", "2 different rows are too few to split off 1 for test"),
        ("classification", "1,a\n2,a\n3,a\n4,a\n5,b\n", "1 label with a single row stays in train"),
    ],
)
def test_a_table_is_told_of_in_its_own_words(project, mlops, task, rows, told):
    project({"own.csv": "size,kind\n" + rows})
    words = ["data=table", "data.path=own.csv", "data.label=kind", "model=mlp"]
    refused = mlops("train", f"task=tabular_{task}", *words)
    assert told in refused.stderr
    assert "text" not in refused.stderr
