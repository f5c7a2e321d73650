"""A Keras model as a list of calls: which layer reads what, sub-models opened, cut where we like.

A functional or sequential model is a graph that Keras has recorded. Here it becomes a plain list of
calls in an order in which they can be made, so that the network can be run in two parts, up to a
tensor and from it on, with the layers of the model itself and without adding anything to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
from keras import tree

Tensor: TypeAlias = Any  # what the backend calls a tensor
Values: TypeAlias = dict["Slot", Tensor]


class Slot:
    """The place of one tensor in a Graph; its shape has None for what is not fixed."""

    def __init__(self, tensor: keras.KerasTensor) -> None:
        self.shape, self.dtype, self.name = tuple(tensor.shape), tensor.dtype, tensor.name


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a layer or operation: its arguments (tensors are Slots) and what comes out."""

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[Slot, ...]

    @property
    def inputs(self) -> list[Slot]:
        """The tensors among the arguments."""
        return [leaf for leaf in tree.flatten([self.args, self.kwargs]) if isinstance(leaf, Slot)]


class Graph:
    """The calls of a model.

    Attributes:
        inputs: The model's inputs, in the order of `model.inputs`.
        output: The model's only output.
        calls: Those that the output depends on, in an order in which they can be made.

    Raises:
        ValueError: The model is neither functional nor sequential, is not built, or has more than
            one output.
    """

    def __init__(self, model: keras.Model) -> None:
        if not _is_graph(model):
            raise ValueError(
                "the model must be a functional Keras model, or a sequential one that is built "
                f"(give it a keras.Input first), got {type(model).__name__}"
            )
        if len(model.outputs) != 1:
            raise ValueError(
                f"the model must have one output, got {len(model.outputs)}; make one of the "
                "output to explain: keras.Model(model.inputs, model.outputs[0])"
            )
        self.inputs = [Slot(tensor) for tensor in model.inputs]
        calls: list[Call] = []
        self.output = _record(model, self.inputs, calls)[0]
        self.calls = needed(calls, [self.output])


def _is_graph(model: Any) -> bool:
    if not isinstance(model, keras.Model):
        return False
    try:
        return bool(model.inputs) and bool(model.outputs)
    except AttributeError:  # a sequential model without a shape
        return False


def _record(model: keras.Model, inputs: Sequence[Slot], calls: list[Call]) -> list[Slot]:
    """Append the calls of a model that reads `inputs`; return its outputs."""
    slots = {id(tensor): slot for tensor, slot in zip(model.inputs, inputs, strict=True)}
    for node in _nodes(model):

        def replaced(leaf: Any) -> Any:
            return slots[id(leaf)] if isinstance(leaf, keras.KerasTensor) else leaf

        args = tree.map_structure(replaced, tuple(node.arguments.args))
        kwargs = tree.map_structure(replaced, dict(node.arguments.kwargs))
        if _is_graph(node.operation):
            inner = [leaf for leaf in tree.flatten([args, kwargs]) if isinstance(leaf, Slot)]
            made = _record(node.operation, inner, calls)
        else:
            made = [Slot(tensor) for tensor in node.outputs]
            calls.append(Call(node.operation, args, kwargs, tuple(made)))
        slots.update({id(t): slot for t, slot in zip(node.outputs, made, strict=True)})
    return [slots[id(tensor)] for tensor in model.outputs]


def _nodes(model: keras.Model) -> list[Any]:
    """What Keras recorded between a model's inputs and outputs, inputs first."""
    entries = {id(tensor) for tensor in model.inputs}
    ordered: list[Any] = []
    done: set[int] = set()
    stack = [(tensor, False) for tensor in reversed(model.outputs)]
    while stack:
        tensor, visited = stack.pop()
        if id(tensor) in entries:
            continue
        history = tensor._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        if visited:
            if id(node) not in done:
                done.add(id(node))
                ordered.append(node)
        elif id(node) not in done:
            stack.append((tensor, True))
            stack += [(parent, False) for parent in reversed(node.input_tensors)]
    return ordered


def needed(calls: Sequence[Call], wanted: Iterable[Slot], known: Iterable[Slot] = ()) -> list[Call]:
    """Return the calls that lead from `known` (and constants) to `wanted`, in their order."""
    have, want = set(known), set(wanted)
    kept = []
    for call in reversed(calls):
        if any(slot in want and slot not in have for slot in call.outputs):
            kept.append(call)
            want.update(call.inputs)
    return kept[::-1]


def evaluate(calls: Sequence[Call], values: Values) -> Values:
    """Make the calls that are not made yet; return `values` with what came out."""
    values = dict(values)
    for call in calls:
        if all(slot in values for slot in call.outputs):
            continue

        def filled(leaf: Any) -> Any:
            return values[leaf] if isinstance(leaf, Slot) else leaf

        args, kwargs = tree.map_structure(filled, (call.args, call.kwargs))
        made = tree.flatten(call.operation(*args, **kwargs))
        for slot, value in zip(call.outputs, made, strict=True):
            values.setdefault(slot, value)
    return values


@dataclass(frozen=True)
class Cut:
    """A graph in two parts.

    Attributes:
        front: Calls from the inputs to what the back reads.
        back: Calls from the cut tensors to the output.
        beside: Tensors that the back reads and that do not depend on the cut ones.
        read: Which of the cut tensors the back reads.
    """

    front: list[Call]
    back: list[Call]
    beside: list[Slot]
    read: list[Slot]


def cut(graph: Graph, tensors: Sequence[Slot], output: Slot, also: Sequence[Slot] = ()) -> Cut:
    """Cut a graph at some tensors.

    Args:
        graph: The calls.
        tensors: Where to cut.
        output: Where the back ends.
        also: More tensors that the front must reach.
    """
    after = set(tensors)
    for call in graph.calls:
        if not after.isdisjoint(call.inputs):
            after.update(call.outputs)
    if output not in after:
        raise ValueError("the model's output does not depend on the layer that is explained")
    back = needed([call for call in graph.calls if after.issuperset(call.outputs)],
                  [output], tensors)  # fmt: skip
    read = {slot for call in back for slot in call.inputs} | {output}
    beside = [slot for slot in _in_order(graph) if slot in read and slot not in after]
    front = needed(graph.calls, [*beside, *also])
    return Cut(front, back, beside, [slot for slot in tensors if slot in read])


def _in_order(graph: Graph) -> list[Slot]:
    return [*graph.inputs, *(slot for call in graph.calls for slot in call.outputs)]


def embedding_calls(graph: Graph) -> list[Call]:
    """Return the calls that turn ids into vectors.

    That is each keras.layers.Embedding, and each layer that reads whole numbers only and returns
    floats (batch, length, size), such as MixedEmbedding.

    Raises:
        ValueError: There is none.
    """
    found = [call for call in graph.calls if _is_embedding(call)]
    if not found:
        raise ValueError(
            "the model must have an Embedding: a layer from whole numbers (batch, length) to "
            "vectors (batch, length, size); none of its layers is one"
        )
    return found


def _is_embedding(call: Call) -> bool:
    if isinstance(call.operation, keras.layers.Embedding):
        return True
    return (
        isinstance(call.operation, keras.layers.Layer)
        and bool(call.inputs)
        and all("int" in slot.dtype for slot in call.inputs)
        and len(call.outputs) == 1
        and len(call.outputs[0].shape) == 3
        and "float" in call.outputs[0].dtype
    )


def recurrent_call(graph: Graph) -> Call:
    """Return the last call of a recurrent layer, Bidirectional or not.

    Raises:
        ValueError: There is none, or it keeps its state, or begins with a given one.
    """
    found = [call for call in graph.calls if _is_recurrent(call.operation)]
    if not found:
        raise ValueError(
            "this method needs a recurrent layer (LSTM, GRU, SimpleRNN, RNN or Bidirectional of "
            "them) and the model has none; use method 'integrated-gradients', 'gradient-input' or "
            "'occlusion'"
        )
    call = found[-1]
    if call.operation.stateful:
        raise ValueError(
            f"layer {call.operation.name!r} must not be stateful: the words of one text would "
            "explain another; build it with stateful=False"
        )
    if len([slot for slot in tree.flatten(call.args) if isinstance(slot, Slot)]) != 1 or (
        call.kwargs.get("initial_state") is not None
    ):
        raise ValueError(
            f"layer {call.operation.name!r} must begin with its own initial state, got an initial "
            "state from elsewhere in the model"
        )
    return call


def _is_recurrent(operation: Any) -> bool:
    if isinstance(operation, keras.layers.Bidirectional):
        operation = operation.forward_layer
    return isinstance(operation, keras.layers.RNN)
