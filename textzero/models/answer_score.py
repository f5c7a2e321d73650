"""How right an answer is: exact match and F1 of characters, as CMRC 2018 counts them.

The rules are those of the task's own program (Cui and others, "A span-extraction dataset for
Chinese machine reading comprehension", EMNLP 2019; `cmrc2018_evaluate.py`): letters are made
small, a closed list of punctuation is taken out, Chinese characters are units, and so is each word
of what stands between them. F1 comes from the longest run of units that both texts hold, not from
a bag of units; of several right answers the nearest counts.

That program cuts what is not Chinese with NLTK's tokenizer. Here brackets, quotes and a few
other signs are units, and what stands between them and white space is a word. Of 5,190 answers of
CMRC 2018 all but 19 are cut alike; NLTK tells opening from closing quotation marks, and cuts
contractions ("don't") and the full stop at the end.
"""

import re
from collections.abc import Sequence

# the task's list; it also names "……", which as two characters is never taken out
_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_UNITS = re.compile(
    r"""[\u4e00-\u9fa5]                               # a Chinese character
      | [;@#$%&?!—"()[\]{}<>]                         # a sign that stands alone
      | , (?!\d)
      | (?: [^\s\u4e00-\u9fa5;@#$%&?!—"()[\]{}<>,] | ,(?=\d) )+""",
    re.VERBOSE,
)


def without_punctuation(text: str) -> str:
    """Return a text in small letters, without the punctuation that the task takes out.

    >>> without_punctuation("《Go》 1.5。")
    'go 1.5'
    """
    return "".join(c for c in text.lower().strip() if c not in _PUNCTUATION)


def answer_units(text: str) -> list[str]:
    """Return the Chinese characters, words and signs of a text, without punctuation.

    >>> answer_units("光荣和ω-Force 3.5万")
    ['光', '荣', '和', 'ωforce', '3.5', '万']
    """
    return _UNITS.findall(without_punctuation(text))


def longest_common_run(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest run of units that stands in both lists.

    >>> longest_common_run("abcd", "xbcy")
    2
    """
    longest, above = 0, [0] * (len(second) + 1)
    for unit in first:
        row = [0] * (len(second) + 1)
        for place, other in enumerate(second):
            if unit == other:
                row[place + 1] = above[place] + 1
        longest, above = max(longest, *row), row
    return longest


def exact_match(answer: str, right: Sequence[str]) -> float:
    """Return 1.0 when the answer, punctuation aside, is one of the right ones, else 0.0."""
    return float(without_punctuation(answer) in set(map(without_punctuation, right)))


def character_f1(answer: str, right: Sequence[str]) -> float:
    """Return the F1 of an answer's units with those of the nearest right answer.

    Example:
        >>> round(character_f1("光荣公司", ["光荣", "光荣和索尼"]), 3)
        0.667
    """
    given, best = answer_units(answer), 0.0
    for text in right:
        wanted = answer_units(text)
        # 2 P R / (P + R) with P = common / given and R = common / wanted
        common = longest_common_run(wanted, given)
        best = max(best, 2 * common / (len(given) + len(wanted)) if common else 0.0)
    return best


def score_answers(answers: Sequence[str], right: Sequence[Sequence[str]]) -> dict[str, float]:
    """Compare answers with the right ones.

    Args:
        answers: One a question; "" where none was given, which is never right.
        right: For each question the answers that count as right, at least one.

    Returns:
        "em" and "f1", each the mean over the questions, from 0 to 1; 0 without questions.

    Raises:
        ValueError: There are more of the one than of the other.

    Example:
        >>> score_answers(["光荣。", ""], [["光荣"], ["索尼"]])
        {'em': 0.5, 'f1': 0.5}
    """
    if len(answers) != len(right):
        raise ValueError(
            f"there must be an answer for each question, got {len(answers)} answers "
            f"and {len(right)} questions"
        )
    pairs = [(answer, texts) for answer, texts in zip(answers, right, strict=True) if answer]
    count = max(len(answers), 1)
    return {
        "em": sum(exact_match(*pair) for pair in pairs) / count,
        "f1": sum(character_f1(*pair) for pair in pairs) / count,
    }
