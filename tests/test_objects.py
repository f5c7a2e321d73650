"""What a Python programmer expects of objects: copies, pickles for processes, equality, places."""

import copy
import pickle

import numpy as np
import pytest

import textzero

TEXTS = ["to be or not to be", "that is the question"] * 2
PLACES = [a + b + c for a in ("我们", "他们", "学生") for b in "在去来" for c in ("北京", "上海")]

QUESTIONS = [f"{a}的{b}是什么？" for a in "天地人山" for b in "天地人山" if a != b]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    counts = textzero.count_words(TEXTS)
    vocabulary = textzero.Vocabulary.from_counts(counts, 1)
    pairs = textzero.count_cooccurrences(TEXTS, vocabulary)
    vectors = textzero.WordVectors(vocabulary, np.eye(8, 4, dtype=np.float32))
    vectors.save(tmp_path_factory.mktemp("vectors") / "v")
    lexicon = textzero.discover_words(PLACES, min_count=1)
    templates = textzero.find_templates(QUESTIONS)
    return {
        "parser": textzero.Parser(templates),
        "counts": counts,
        "vocabulary": vocabulary,
        "pairs": pairs,
        "trained": textzero.train_vectors(pairs, dim=2, sweeps=1),
        "vectors": vectors,
        "mapped": textzero.WordVectors.load(tmp_path_factory.getbasetemp() / "vectors0" / "v"),
        "clusters": vectors.cluster(min_similarity=0.0),
        "lexicon": lexicon,
        "segmenter": textzero.Segmenter(lexicon),
        "tokenizer": textzero.Tokenizer(textzero.Segmenter(lexicon), lowercase=True),
        "templates": templates,
        "settings": textzero.TrainingSettings(dim=3),
        "corpus": textzero.Corpus.from_documents(TEXTS),
    }


NAMES = [
    *("counts", "vocabulary", "pairs", "trained", "vectors", "mapped", "clusters", "lexicon"),
    *("segmenter", "tokenizer", "templates", "settings", "corpus", "parser"),
]
ASKED = {
    "counts": lambda x: (x.most_common(), x.tokens),
    "vocabulary": lambda x: (list(x), x.counts.tolist(), x.id("be")),
    "pairs": lambda x: [part.tolist() for part in x.row("be")],
    "trained": lambda x: x.vectors().tolist(),
    "vectors": lambda x: x.similar("be", 3),
    "mapped": lambda x: x.similar("be", 3),
    "clusters": list,
    "lexicon": lambda x: repr(x.to_arrow().to_pylist()),
    "segmenter": lambda x: x("学生在北京"),
    "tokenizer": lambda x: x("学生在北京"),
    "templates": lambda x: [str(template) for template in x],
    "settings": lambda x: x,
    "corpus": list,
    "parser": lambda x: x.parse(["天", "的", "人", "是", "什", "么"]),
}


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_pickles_answer_like_what_they_were_made_of(held, name):
    made = [copy.deepcopy(held[name]), copy.copy(held[name])]
    made.append(pickle.loads(pickle.dumps(held[name])))
    for other in made:
        assert ASKED[name](other) == ASKED[name](held[name])


@pytest.mark.parametrize("name", NAMES)
def test_comparing_two_objects_gives_yes_or_no(held, name):
    other = copy.deepcopy(held[name])
    assert held[name] == held[name]
    assert (held[name] == other) in (True, False)
    assert held[name] != "something else"


def test_a_pickle_for_a_process_does_not_grow_with_what_was_asked(held):
    vectors = copy.deepcopy(held["vectors"])
    vectors.tokenize("to be")
    size = len(pickle.dumps(vectors))
    vectors.similar("be", 3)
    vectors.sentence_vectors(TEXTS)
    assert len(pickle.dumps(vectors)) == size


def test_vectors_are_walked_through_word_by_word(held):
    vectors = held["vectors"]
    assert list(vectors) == list(vectors.vocabulary)
    assert [word for word in vectors if word in vectors] == list(vectors)


def test_clusters_are_sliced_like_a_list(held):
    clusters = held["clusters"]
    assert clusters[:1] == [clusters[0]] == list(clusters)[:1]
    assert clusters[-1] == clusters[len(clusters) - 1]
    assert clusters[5:] == []
    with pytest.raises(IndexError):
        clusters[len(clusters)]


def test_a_vocabulary_asked_for_a_word_says_who_has_its_id(held):
    with pytest.raises(TypeError, match=r"the index must be a place, got 'be'; id\(\) has a word"):
        held["vocabulary"]["be"]
