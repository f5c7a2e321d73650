"""Which occurrences of frequent words stay, drawn from what a document says.

A draw must not depend on threads, files or order, so its seed is the text itself: a hash of the
document from its beginning to the end of the block of BLOCK tokens that the occurrence is in. A
document shorter than a block is one block. Equal documents lose equal words.

    hash = mix(hash ^ token) over the tokens; number of token k = mix(hash + (k + 1) GOLDEN)

where mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014), modulo 2^64.
"""

from textzero._compat import Array
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP

BLOCK = 1024
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_64_BITS = (1 << 64) - 1


def mix(number: int) -> int:
    """Scramble the 64 bits of a number.

    >>> hex(mix(GOLDEN))  # the first output of SplitMix64 with seed 0
    '0xe220a8397b1dcdaf'
    """
    number = (number ^ number >> 30) * FIRST & _64_BITS
    number = (number ^ number >> 27) * SECOND & _64_BITS
    return number ^ number >> 31


def remove_frequent(tokens: Array, keep: Array, start: int, state: int) -> tuple[int, int]:
    """Turn occurrences that do not stay into GAP, in place, as far as blocks are whole.

    Args:
        tokens: int32 (n,). Word ids, GAP and DOCUMENT_END, from the beginning of a block.
            Changed.
        keep: float64 (n_words,). The probability that an occurrence of a word stays.
        start: uint64. The hash at the beginning of a document: `mix` of a seed.
        state: uint64. The hash at tokens[0]; `start` if a document begins there.

    Returns:
        decided: So many tokens were decided; the rest is to be given again, with what follows.
        state: uint64. The hash at tokens[decided].
    """
    decided, hashed = 0, state
    for i, token in enumerate(tokens.tolist()):
        hashed = mix(hashed ^ token & _64_BITS)
        ended = token == DOCUMENT_END
        if not ended and i + 1 - decided < BLOCK:
            continue
        for k, word in enumerate(tokens[decided : i + 1].tolist()):
            number = mix(hashed + (k + 1) * GOLDEN & _64_BITS)
            if word >= 0 and (number >> 11) * 2.0**-53 >= keep[word]:
                tokens[decided + k] = GAP
        state = hashed = start if ended else hashed
        decided = i + 1
    return decided, state
