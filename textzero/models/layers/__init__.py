"""Layers for sequences: each serialisable, masked, and useful alone in any Keras model."""

from textzero.models.layers.attention_pooling import AttentionPooling1D
from textzero.models.layers.crf import CRF
from textzero.models.layers.gated_convolution import GatedDilatedConv1D
from textzero.models.layers.memm import MEMM
from textzero.models.layers.mixed_embedding import MixedEmbedding
from textzero.models.layers.span_decoding import Spans, best_spans, decode_spans, span_labels
from textzero.models.layers.span_pointer import SpanPointer, product_logits, span_loss
from textzero.models.layers.span_positions import PositionEmbedding, RelativePositions, SpanVectors

__all__ = [
    "CRF",
    "MEMM",
    "AttentionPooling1D",
    "GatedDilatedConv1D",
    "MixedEmbedding",
    "PositionEmbedding",
    "RelativePositions",
    "SpanPointer",
    "SpanVectors",
    "Spans",
    "best_spans",
    "decode_spans",
    "product_logits",
    "span_labels",
    "span_loss",
]
