"""Sub-sampling of frequent words, as word2vec does it: occurrences go before windows are laid.

An occurrence of a word with relative frequency f stays with probability min(1, sqrt(t / f)). That
is the formula of the papers; word2vec's program keeps a little more, by adding t / f. What is
removed gives its place to the next word, so windows reach farther. For mutual information that is
the whole effect, besides the weights of pairs: sampling that leaves gaps multiplies x_ij, n_i and
n_j by probabilities that cancel in the expectation.

Sources: Mikolov, Sutskever, Chen, Corrado and Dean 2013, section 2.3; Levy, Goldberg and Dagan
2015, section 3.1 ("dirty" sub-sampling removes before windowing, "clean" leaves the gaps).
"""

import numpy as np

from textzero._compat import Array
from textzero.counts import exact_sum
from textzero.kernels import kernel


def keep_probabilities(counts: Array, threshold: float) -> Array:
    """Return the probability that an occurrence of each word stays, float64.

    Args:
        counts: int64 (n_words,). How often each word was seen.
        threshold: t, such as 1e-5; 0 keeps everything.

    Raises:
        ValueError: The threshold is not from 0 to 1.

    >>> keep_probabilities(np.array([64, 25, 11]), 0.16).tolist()
    [0.5, 0.8, 1.0]
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"subsample must be from 0 to 1, got {threshold}")
    shares = counts / max(1, exact_sum(counts))
    if threshold == 0:
        return np.ones(counts.size)
    return np.sqrt(threshold / np.maximum(shares, threshold))


class Sampler:
    """Removes occurrences from a stream of tokens; keeps back what is not decided yet.

    Args:
        keep: float64 (n_words,). From `keep_probabilities`.
        seed: Of the draws.
    """

    def __init__(self, keep: Array, seed: int) -> None:
        self.keep = keep
        self.start = self.state = kernel("subsampling").mix(seed % (1 << 64))
        self.rest = np.empty(0, np.int32)

    def take(self, ids: Array) -> Array:
        """Take the next tokens; return those that are decided, GAP where one was removed.

        After DOCUMENT_END nothing is kept back, and the next token begins a document.
        """
        tokens = np.concatenate([self.rest, ids.astype(np.int32, copy=False)])
        decided, self.state = kernel("subsampling").remove_frequent(
            tokens, self.keep, self.start, self.state
        )
        self.rest = tokens[decided:].copy()
        return tokens[:decided]
