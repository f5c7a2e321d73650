"""Why a string is a word of a lexicon, or is not."""

from textzero._arguments import checked
from textzero.characters import fold_table
from textzero.lexicon import Lexicon
from textzero.segmenter import Segmenter
from textzero.shown.text import counted

_LONGER = 8


@checked
def explain_word(lexicon: Lexicon, word: str) -> str:
    """Tell the story of one word: its scores, rivals and longer words, or why it was dropped.

    >>> lexicon = Lexicon(["北京", "大学", "北京大学"], [8, 5, 2])
    >>> print(explain_word(lexicon, "北京大学"))
    北京大学: a word, seen 2 times
      probability 0.133333 (ln -2.0149030)
      other cut 北京 大学 (ln -1.7272210)
      other cut 北京 大 学 (ln -9.2635879)
    >>> explain_word(lexicon, "东京").splitlines()[1]
    '  no record of why: nothing was dropped, or the lexicon was written with --no-dropped'
    """
    if not word.strip():
        raise ValueError("a word to explain must not be empty")
    folds = fold_table(lexicon.settings["lowercase"], lexicon.settings["nfkc"])
    word = "".join(chr(folds[ord(c)]) for c in word)
    words = list(lexicon.words)
    if word in lexicon:
        place = words.index(word)
        lines = [
            f"{word}: a word, seen {counted(lexicon.counts[place], 'times')}",
            *_scores(lexicon, place),
        ]
    elif lexicon.dropped is not None and word in lexicon.dropped:
        place = list(lexicon.dropped.words).index(word)
        seen = int(lexicon.dropped.counts[place])
        lines = [
            f"{word}: no word, seen {counted(seen, 'times')}",
            f"  {lexicon.dropped.reasons[place]}",
        ]
    elif lexicon.dropped is None:
        lines = [
            f"{word}: no word",
            "  no record of why: nothing was dropped, or the lexicon was written with --no-dropped",
        ]
    else:
        lines = [
            f"{word}: no word",
            "  never a candidate: it does not repeat, or it was never cut out as a whole",
        ]
    lines += _rivals(lexicon, word)
    longer = [other for other in words if word in other and other != word][:_LONGER]
    if longer:
        lines.append(f"  inside {', '.join(longer)}")
    return "\n".join(lines)


def _scores(lexicon: Lexicon, place: int) -> list[str]:
    log = float(lexicon.log_probabilities[place])
    lines = [f"  probability {2.718281828459045**log:.6g} (ln {log:.7f})"]
    for name, column in lexicon.scores.items():
        value = float(column[place])
        if value == value:  # not NaN
            unit = {"bits": " saved", "occurrences": " as a string", "domain": ""}.get(
                name, " nats"
            )
            lines.append(f"  {name.replace('_', ' ')} {value:,.6g}{unit}")
    return lines


def _rivals(lexicon: Lexicon, word: str) -> list[str]:
    """How the string would be cut without it."""
    ways = Segmenter(lexicon).n_best(word, 3, spaces=False)
    other = [(tokens, log) for tokens, log in ways if tokens != [word]][:2]
    return [f"  other cut {' '.join(tokens)} (ln {log:.7f})" for tokens, log in other]
