"""One text field of JSON lines, tables and Parquet; a file as one document."""

import csv
import gzip
import json
import os

import pyarrow
import pyarrow.parquet
import pytest
from corpus_makers import read, write

from textzero.corpus import Corpus
from textzero.errors import InputError


def test_records_give_the_text_of_one_field(tmp_path):
    rows = [{"id": i, "text": t} for i, t in enumerate(["a\nb", 'say "hi", you', "é\u2028x", ""])]
    expected = [row["text"] for row in rows if row["text"]]
    jsonl = "".join(json.dumps(row) + "\r\n" for row in rows)
    write(tmp_path / "a.jsonl", jsonl)
    write(tmp_path / "a.ndjson.gz", gzip.compress(b"\xef\xbb\xbf\n" + jsonl.encode()))
    with open(tmp_path / "a.csv", "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text"])
        writer.writeheader()
        writer.writerows(rows)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    os.rename(tmp_path / "a.parquet", tmp_path / "parquet without suffix")
    for path in sorted(tmp_path.iterdir()):
        documents, reading = read(Corpus(path))
        assert documents == expected, path.name
        assert reading.records_without_text == 1
        assert reading.bytes == path.stat().st_size
        with pytest.raises(InputError, match="a record has no text in 'text'"):
            read(Corpus(path, strict=True))
    assert read(Corpus(tmp_path / "a.csv", field="id"))[0] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '\n\n{"body": "x", "id": 1}\n', r"no field 'text'; .* \(--field\): body, id"),
        ("a.csv", "body,id\nx,1\n", r"no column 'text'; .* field= \(--column\): body, id"),
        ("a.tsv", "\n", r"no column 'text'; .* field= \(--column\): none"),
    ],
)
def test_a_missing_field_is_an_error_that_names_the_others(tmp_path, name, content, message):
    path = write(tmp_path / name, content)
    with pytest.raises(InputError, match=message):
        read(Corpus(path))


def test_a_missing_parquet_column_and_a_damaged_parquet_file_are_named(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"body": ["x" * 100]}), path)
    with pytest.raises(InputError, match=r"no column 'text'; .* field= \(--column\): body"):
        read(Corpus(path))
    data = bytearray(path.read_bytes())
    for size in (4, 30, len(data) - 5):
        write(path, bytes(data[:size]))
        with pytest.raises(InputError, match=r"a\.parquet is cut or corrupt"):
            read(Corpus(path, field="body"))
        documents, reading = read(Corpus(path, field="body", on_error="skip"))
        assert documents == []
        assert len(reading.skipped) == 1


def test_a_line_that_is_no_json_object_is_an_error_or_skipped(tmp_path):
    good, bad = b'{"text": "a"}\n', [b"{\n", b"[1]\n", b'"text"\n', b"[" * 100_000 + b"\n"]
    for line in bad:
        path = write(tmp_path / "a.jsonl", good + line + good)
        with pytest.raises(InputError, match=r"a\.jsonl: byte 14: expected a JSON object, got"):
            read(Corpus(path))
        documents, reading = read(Corpus(path, on_error="skip"))
        assert documents == ["a", "a"]
        assert len(reading.skipped) == 1


def test_half_a_surrogate_pair_in_json_is_malformed(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": "x\\ud800y \\ud83d\\ude00"}\n')
    documents, reading = read(Corpus(path), size=1)
    assert documents == ["a", "x\ufffdy 😀"]
    assert (reading.malformed, reading.first_malformed) == (1, (str(path), 14))
    with pytest.raises(InputError, match="byte 14 is not Unicode"):
        read(Corpus(path, strict=True))


def test_rows_ended_by_carriage_returns_alone_are_rows(tmp_path):
    path = write(tmp_path / "a.csv", "text,id\ra,1\rb,2\r")
    assert read(Corpus(path))[0] == ["a", "b"]


def test_malformed_bytes_in_records_are_counted_where_they_are(tmp_path):
    csv_file = write(tmp_path / "a.csv", b"text\nx\xffy\n\xe5\x8c\n")
    jsonl = write(tmp_path / "b.jsonl", b'{"text": "ok"}\n{"text": "x\xffy"}\n')
    documents, reading = read(Corpus(csv_file))
    assert documents == ["x\ufffdy", "\ufffd"]
    assert (reading.malformed, reading.first_malformed) == (2, (str(csv_file), 6))
    documents, reading = read(Corpus(jsonl), size=4)
    assert documents == ["ok", "x\ufffdy"]
    assert (reading.malformed, reading.first_malformed) == (1, (str(jsonl), 26))
    for path in (csv_file, jsonl):
        with pytest.raises(InputError, match=r"byte (6|26) is not utf-8"):
            read(Corpus(path, strict=True))


def test_a_file_can_be_one_document(tmp_path):
    write(tmp_path / "a.txt", "one\ntwo\x1ethree\n")
    write(tmp_path / "b.txt", "four")
    write(tmp_path / "c.txt", "")
    documents, reading = read(Corpus(tmp_path, document="file"))
    assert documents == ["one\ntwo three\n", "four"]
    assert reading.bytes == Corpus(tmp_path).size
