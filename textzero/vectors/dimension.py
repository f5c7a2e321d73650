"""dimension_for: how long word vectors must be, from the number of words.

Let two words meet with probability in proportion to exp <u, v>, their vectors spread evenly over
the sphere of radius sqrt(n) in n dimensions. The entropy of a pair of N words is then

    2 ln N + h_n,  h_n = ln E[e^(n c)] - n E[c e^(n c)] / E[e^(n c)],

where c is the cosine of two directions at random. Vectors that can tell who meets whom need this to
be no more than 0. As h_n is nearly -n ln((sqrt 5 + 1) / 2) / 2, that is n > 8.33 ln N, about.

Source: Su Jianlin, kexue.fm 7695. It is a rule of thumb: it knows nothing of the size of the text.
"""

import math

from textzero._arguments import checked

_STEP = 8  # float32 numbers in a vector register


def entropy_term(n: int) -> float:
    """Return h_n in nats.

    With E[c^2k] the expectation is a series of positive terms, sum_k (n / 2)^2k / (k! (n / 2)_k),
    and that of n c e^(n c) is the same with each term times 2 k.

    >>> round(entropy_term(64), 4)
    -15.4734
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    # the largest term is at k = 0.31 n; those beyond 2 n are below 1e-16 of it, but for small n
    logs, log = [0.0], 0.0
    for k in range(1, 2 * n + 40):
        log += 2 * math.log(n / 2) - math.log(k) - math.log(n / 2 + k - 1)
        logs.append(log)
    top = max(logs)
    terms = [math.exp(log - top) for log in logs]
    total = math.fsum(terms)
    return top + math.log(total) - math.fsum(2 * k * t for k, t in enumerate(terms)) / total


@checked
def dimension_for(words: int) -> int:
    """Return the least multiple of 8 that is enough dimensions for so many words.

    Args:
        words: Size of the vocabulary.

    >>> dimension_for(100_000), dimension_for(5_000_000)
    (96, 128)
    """
    if words < 1:
        raise ValueError(f"words must be at least 1, got {words}")
    n = _STEP
    while 2 * math.log(words) + entropy_term(n) > 0:
        n += _STEP
    return n
