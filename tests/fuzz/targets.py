"""What is fuzzed: every reader of files that others wrote, or that may be damaged.

Seeds are small files that our own writers made.
"""

import bz2
import gzip
import json
import lzma
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from target import Target, joined
from work_files import work_files

from textzero.cooccurrence import Cooccurrence, count_cooccurrences
from textzero.corpus import Corpus
from textzero.corpus.compression import zstd_module
from textzero.counting import count_words
from textzero.counts import Counts
from textzero.files import read_json
from textzero.lexicon import Lexicon
from textzero.segmenter import Segmenter
from textzero.structure.templates import Template, Templates
from textzero.tokens import Tokenizer
from textzero.vectors.checkpoint import STATE, Checkpoints
from textzero.vectors.evaluation import evaluate_analogies, evaluate_similarity
from textzero.vectors.formats import load_vectors, save_vectors
from textzero.vectors.tensors import map_safetensors, write_safetensors
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

try:
    from keras.utils import clear_session

    from textzero.models.conll import read_conll, read_word_tags, read_words
    from textzero.models.encoder_files import load_tables, save_tables
    from textzero.models.encoding import Encoder
    from textzero.models.labelled import read_labelled
    from textzero.models.reading import read_questions
    from textzero.models.saved import CONFIG, WEIGHTS
    from textzero.models.settings import TaggerSettings
    from textzero.models.tagger import Tagger
    from textzero.models.text_model import load_model
    from textzero.models.triples import read_triples
    from textzero.models.word_table import WordTable
except ImportError:
    HAS_MODELS = False
else:
    HAS_MODELS = True

TEXTS = ["the cat sat on the mat", "le café, naïve", "北京 大学 生前 来", "a b a 1.5"]
VECTOR_FOLDER = ("manifest.json", "vocabulary.tsv", "vectors.safetensors", "lexicon.tsv")
MATRIX_FOLDER = (
    *("manifest.json", "vocabulary.tsv", "lengths.npy", "diagonal.npy", "rows.bin"),
    "occurrences.npy",
)
ENCODER_FOLDER = ("encoder.json", "words_0.tsv", "lexicon_0.tsv", "tokens.tsv")
MODEL_FOLDER = ("config.json", "encoder.json", "tokens.tsv", "weights.safetensors", "manifest.json")


# --- readers -------------------------------------------------------------------------------------


def _documents(path: Path, **settings: object) -> int:
    return sum(len(text) for text in Corpus(path, **settings))


def _matrix(folder: Path) -> None:
    matrix = Cooccurrence.load(folder)
    for i in range(len(matrix.vocabulary)):
        matrix.row(i)


def _folder(folder: Path) -> None:
    vectors = WordVectors.load(folder)
    float(np.abs(np.nan_to_num(vectors.vectors)).max(initial=0))
    vectors.tokenize("北京 a")


def _tensors(path: Path) -> None:
    with np.errstate(all="ignore"):  # infinities are numbers here
        for tensor in map_safetensors(path).values():
            tensor.sum()


def _state(folder: Path) -> None:
    _checkpoints(folder).load({"w": (3, 4), "c": (3, 4)})


def _checkpoints(folder: Path) -> Checkpoints:
    return Checkpoints(folder, lambda: {"settings": {"dim": 4}, "start": None})


def _model(folder: Path) -> None:
    load_model(folder)
    clear_session()


def _gold(read: Callable[..., object]) -> Callable[[Path], object]:
    vocabulary = Vocabulary(["a", "b", "c", "d"], np.ones(4, np.int64))
    vectors = WordVectors(vocabulary, np.eye(4, dtype=np.float32))
    return partial(read, vectors)


# --- seeds ---------------------------------------------------------------------------------------


def _folder_with_lexicon() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        lexicon = Lexicon(["北京", "大学"], [3, 1])
        vectors = _vectors()
        settings = {"tokenizer": "lexicon.tsv", "lexicon": lexicon.digest()}
        vectors.manifest["settings"] = settings
        vectors.save(Path(folder, "saved"))
        lexicon.save(Path(folder, "saved", "lexicon.tsv"))
        return joined(Path(folder, "saved"), VECTOR_FOLDER)


def _vectors() -> WordVectors:
    words = ["the", "café", "北京", "x"]
    numbers = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    vocabulary = Vocabulary(words, np.array([9, 3, 2, 1]))
    return WordVectors(vocabulary, numbers, numbers[::-1].copy(), {"settings": {"window": 5}})


def _saved(format: str, parts: tuple[str, ...] = ()) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "saved")
        save_vectors(_vectors(), path, format)
        return joined(path, parts) if parts else path.read_bytes()


def _counts(format: str) -> bytes:
    return b"".join(count_words(TEXTS, documents=format != "glove").formatted(format))


def _matrix_seeds() -> list[bytes]:
    vocabulary = Vocabulary.from_counts(count_words(TEXTS), min_count=1)
    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        for subsample in (0.0, 0.5):
            path = Path(folder, str(subsample))
            count_cooccurrences(TEXTS, vocabulary, subsample=subsample, workers=1).save(path)
            seeds.append(joined(path, MATRIX_FOLDER))
    return seeds


def _safetensors(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tensors")
        write_safetensors(path, tensors, metadata)
        return path.read_bytes()


def _state_seed() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        matrix = np.ones((3, 4), np.float32)
        _checkpoints(Path(folder)).write({"w": matrix, "c": matrix}, {"sweep": 1})
        return Path(folder, STATE).read_bytes()


def _encoder_seeds() -> list[bytes]:
    lexicon = Lexicon(["北京", "大学"], [3, 1], settings={"unit": "character"})
    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        for name, tokenizer in (("a", Tokenizer("word")), ("b", Tokenizer(Segmenter(lexicon)))):
            table = WordTable(_vectors().vocabulary, tokenizer, 3)
            path = Path(folder, name)
            save_tables(path, "word", True, table, [table])
            seeds.append(joined(path, ENCODER_FOLDER))
    return seeds


def _model_seed() -> bytes:
    facts = {"scheme": "bio", "types": ["PER"], "outside": True, "characters": True, "joiner": ""}
    settings = TaggerSettings(dim=4, units=4, dilations=(1,), min_count=1)
    with tempfile.TemporaryDirectory() as folder:
        Tagger.make(Encoder.make(["他来"]), settings, facts, 0).save(Path(folder, "model"))
        assert {CONFIG, WEIGHTS} <= {*MODEL_FOLDER}
        return joined(Path(folder, "model"), MODEL_FOLDER)


def _template_seed() -> bytes:
    templates = Templates([Template(("is", None), 3), Template((None, "of", None), 2)])
    return "".join(templates.lines()).encode()


def _parquet(**columns: object) -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def targets() -> dict[str, Target]:
    """Return all targets by name."""
    lexicon = Lexicon(
        ["北京", "大学"],
        [3, 1],
        scores={"pmi": np.array([1.5, np.nan])},
        dropped=Lexicon(["x y"], [1], reasons=["rare"]),
    )
    text = "\n".join(TEXTS).encode()
    word2vec, glove = _saved("word2vec"), _saved("glove")
    found = {
        "word2vec": Target(partial(load_vectors, format="word2vec"), [word2vec, b"1 1\na 1e3\n"]),
        "word2vec-binary": Target(
            partial(load_vectors, format="word2vec-binary"), [_saved("word2vec-binary")]
        ),
        "glove": Target(partial(load_vectors, format="glove"), [glove, b"a b 1 2\nc 3 4\n"]),
        "vectors": Target(
            load_vectors, [word2vec, glove, _saved("word2vec-binary"), gzip.compress(glove)]
        ),
        "projector": Target(
            partial(load_vectors, format="projector"),
            [_saved("projector", ("tensors.tsv", "metadata.tsv"))],
            parts=("tensors.tsv", "metadata.tsv"),
        ),
        "parquet": Target(partial(load_vectors, format="parquet"), [_saved("parquet")]),
        "safetensors": Target(
            _tensors,
            [
                _safetensors({"a": np.ones((2, 2), np.float32), "b": np.arange(3)}, {"k": "v"}),
                _safetensors({"e": np.zeros((0, 3), np.float16)}, {}),
            ],
        ),
        "vector-folder": Target(
            _folder,
            [_saved("textzero", VECTOR_FOLDER), _folder_with_lexicon()],
            parts=VECTOR_FOLDER,
        ),
        "checkpoint": Target(_state, [_state_seed()], parts=(STATE,)),
        "counts-tsv": Target(Counts.load, [_counts("tsv")], "counts.tsv"),
        "counts-jsonl": Target(Counts.load, [_counts("jsonl")], "counts.jsonl"),
        "counts-glove": Target(Counts.load, [_counts("glove")]),
        "counts-parquet": Target(Counts.load, [_counts("parquet")], "counts.parquet"),
        "vocabulary": Target(lambda path: Vocabulary.load(path).table, [_counts("tsv")], "v.tsv"),
        "lexicon": Target(
            Lexicon.load,
            [b"".join(lexicon.formatted()), _counts("tsv"), "北京 3 ns\n大学 1\n".encode(), text],
        ),
        "cooccurrence": Target(_matrix, _matrix_seeds(), parts=MATRIX_FOLDER),
        "templates": Target(Templates.load, [_template_seed()]),
        "manifest": Target(read_json, [_lines({"kind": "textzero vectors 1", "a": [1.5, None]})]),
        "similarity": Target(_gold(evaluate_similarity), [b"a\tb\t1.5\nb\tc\t2\nc\td\t0.5\n"]),
        "analogies": Target(_gold(evaluate_analogies), [b": capitals\na b c d\nb c d a\n"]),
        "text": Target(_documents, [text, "\ufeff北京\r\n".encode(), "北京\n".encode("gb18030")]),
        "text-auto": Target(
            partial(_documents, encoding="auto"),
            [text, "北京 大学\n".encode("gb18030"), "a b\n".encode("utf-16")],
        ),
        "gzip": Target(_documents, [gzip.compress(text, mtime=0) * 2]),
        "bz2": Target(_documents, [bz2.compress(text) * 2]),
        "xz": Target(_documents, [lzma.compress(text, preset=0), lzma.compress(b"") * 2]),
        "zstd": Target(_documents, [zstd_module().compress(text) * 2]),
        "records-jsonl": Target(
            _documents, [_lines({"text": "a\nb"}, {"id": 1}, {"text": "\ud83d"})], "r.jsonl"
        ),
        "records-csv": Target(_documents, [b'id,text\n1,"a\n""b"""\n2,c\n'], "r.csv"),
        "records-tsv": Target(_documents, [b'id\ttext\n1\t"a\n2\tc\n'], "r.tsv"),
        "records-parquet": Target(_documents, [_parquet(text=TEXTS, n=[1, 2, 3, 4])], "r.parquet"),
    }
    return {**found, **work_files(), **(_of_models() if HAS_MODELS else {})}


def _of_models() -> dict[str, Target]:
    """Readers of labelled data and encoders, which need Keras beside them."""
    conll = "-DOCSTART- O\n\nEU B-ORG\nrejects O\n\n北\tB-LOC\n京\tI-LOC\n".encode()
    webqa = {"evidence_tokens": ["北", "京"], "golden_answers": [["京"], ["no_answer"]]}
    answer = {"text": "cat", "answer_start": 4}
    squad = {"context": TEXTS[0], "qas": [{"question": "who?", "answers": [answer]}]}
    spo = {"subject": "cat", "predicate": "on", "object": {"@value": "mat", "at": "the"}}
    return {
        "conll": Target(read_conll, [conll]),
        "word-tags": Target(read_word_tags, ["the_DT cat_NN\n北京_NS\n".encode()]),
        "segmented": Target(read_words, ["北京 大学\n生 前\n".encode()]),
        "labelled-tsv": Target(read_labelled, [b"label\ttext\n1\tgood\n0\tbad\n"], "l.tsv"),
        "labelled-csv": Target(read_labelled, [b'label,text\n1,"a ""b"""\n0,bad\n'], "l.csv"),
        "labelled-jsonl": Target(read_labelled, [_lines({"text": "a", "label": 1})], "l.jsonl"),
        "triples": Target(read_triples, [_lines({"text": TEXTS[0], "spo_list": [spo]})]),
        "questions": Target(
            read_questions,
            [
                _lines({"data": [{"paragraphs": [squad]}]}),
                _lines({"question_tokens": ["谁"], "evidences": [webqa]}),
                _lines({"question": "q?", "passages": ["p q"], "answers": ["p"]}),
            ],
        ),
        "encoder": Target(load_tables, _encoder_seeds(), parts=ENCODER_FOLDER),
        "model": Target(_model, [_model_seed()], parts=MODEL_FOLDER, slow=True),
    }
