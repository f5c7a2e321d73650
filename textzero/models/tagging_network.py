"""The network of a tagger: a DGCNN or a BiLSTM, and heads that choose tags (5409, 5542, 7213)."""

from typing import Any

from keras import layers, ops

from textzero._compat import Array
from textzero.models.layers import CRF, MEMM, GatedDilatedConv1D
from textzero.models.settings import TaggerSettings

Tensor = Any


def encode_sentence(vectors: Tensor, settings: TaggerSettings) -> Tensor:
    """Return features of tokens in their sentence.

    Args:
        vectors: float (batch, length, dim), with Keras' mask.
        settings: The encoder and its sizes.

    Returns:
        float (batch, length, units).
    """
    if settings.encoder == "bilstm":
        lstm = layers.LSTM(-(-settings.units // 2), return_sequences=True, name="lstm")
        return layers.Bidirectional(lstm, name="bilstm")(vectors)
    if settings.units != settings.dim:
        vectors = layers.Dense(settings.units, name="widening")(vectors)
    for place, rate in enumerate(settings.dilations):
        vectors = GatedDilatedConv1D(
            3, rate, gate_dropout=settings.gate_dropout, name=f"convolution_{place}"
        )(vectors)
    return vectors


def tag_and_loss(
    emissions: Tensor,
    labels: Tensor,
    mask: Tensor,
    head: str,
    allowed: tuple[Array, Array, Array],
) -> tuple[Any, Tensor]:
    """Return what the network gives, and the loss of each sentence.

    Args:
        emissions: float32 (batch, length, n_tags).
        labels: int32 (batch, length).
        mask: bool (batch, length).
        head: "crf", "memm", "bimemm" or "softmax", which takes the best tag of each token alone.
        allowed: Which tags may follow which, begin and end; softmax knows nothing of it.

    Returns:
        outputs: Tag ids int32 (batch, length); with "crf" [ids, emissions].
        loss: float32 (batch,). The sum over the tokens; 0 for an empty row.
    """
    count = emissions.shape[-1]
    if head == "softmax":
        each = ops.sparse_categorical_crossentropy(labels, emissions, from_logits=True)
        loss = ops.sum(ops.where(mask, each, 0.0), axis=1)
        return ops.cast(ops.argmax(emissions, axis=-1), "int32"), loss
    if head == "crf":
        chain = CRF(count, *allowed, name="crf")
    else:
        transitions, start, end = allowed
        chain = MEMM(
            count,
            bidirectional=head == "bimemm",
            transitions_allowed=transitions,
            start_allowed=start,
            end_allowed=end,
            name="memm",
        )
    ids, loss = chain(emissions, mask=mask), chain(emissions, labels=labels, mask=mask)
    return ([ids, emissions] if head == "crf" else ids), loss
