"""What public functions may be called with, told from their type hints, in one sentence.

A hint that says nothing which can be looked at, such as an array's, a protocol's or a string, lets
all pass: what such an argument must hold, the function says.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from functools import cache, wraps
from itertools import chain
from numbers import Integral, Number, Real
from operator import index
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from textzero.near import did_you_mean

P = ParamSpec("P")
R = TypeVar("R")
_SAID: Mapping[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a string",
    NoneType: "None",
    Path: "a path",
    PathLike: "a path",
    Callable: "a function",
}
_WIDER: Mapping[Any, type] = {int: Integral, float: Real, Path: PathLike}
_PLAIN: Sequence[Any] = (bool, int, float, str, NoneType)
_SEVERAL = (Iterable, Sequence)
_FIRST = 100  # of several values that are looked at
_MEANT: Mapping[str, Sequence[str]] = {  # what it is called elsewhere
    "field": ("column", "columns", "text_column", "column_name", "key"),
    "dim": ("size", "vector_size", "dimension", "dimensions", "n_components"),
    "workers": ("n_jobs", "threads", "processes", "num_proc"),
    "n": ("k", "topn", "top_n", "top_k"),
    "min_count": ("min_df", "min_freq"),
    "include": ("glob", "pattern"),
    "seed": ("random_state",),
    "lowercase": ("lower",),
    "ngrams": ("ngram_range",),
}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Look at the arguments of each call, before the function does anything.

    NumPy's numbers become Python's, which can be written as JSON, and 5.0 becomes 5 where a whole
    number is asked for.

    Raises:
        TypeError: An argument is not what its type hint says, or there is none of this name.

    >>> @checked
    ... def widen(window: int, texts: Iterable[str] = ()) -> int: ...
    >>> widen("5")
    Traceback (most recent call last):
    TypeError: window must be a whole number, got '5'
    >>> widen(5, "a text")
    Traceback (most recent call last):
    TypeError: texts must be several strings, got 'a text'; put it in [ ]
    >>> widen(5, text=["a text"])
    Traceback (most recent call last):
    TypeError: widen has no argument 'text': did you mean 'texts'?
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        places, hints, plain, takes_all = _told(function)
        if not takes_all:
            _refuse_unknown(function, kwargs, hints)
        turned = {}
        for name, value in (*zip(places, args, strict=False), *kwargs.items()):
            if name in plain and type(value) not in plain[name]:
                turned[name] = _checked(name, value, hints[name])
        if not turned:
            return function(*args, **kwargs)
        first = [turned.get(name, value) for name, value in zip(places, args, strict=False)]
        named: Any = {name: turned.get(name, value) for name, value in kwargs.items()}
        return function(*first, *args[len(first) :], **named)  # type: ignore[arg-type]

    return call


@cache  # at the first call: it takes time
def _told(
    function: Callable[..., Any],
) -> tuple[list[str], dict[str, Any], dict[str, list[type]], bool]:
    """Names by place, hints by name, the plain types that fit them, whether any name is taken."""
    given = inspect.signature(function).parameters.values()
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    hints = {p.name: _one_by_one(p.annotation) for p in given if p.kind not in several}
    plain = {
        name: [kind for kind in _PLAIN if any(_fits(kind(), one) for one in hints[name])]
        for name in hints
        if hints[name]
    }
    places = [p.name for p in given if p.kind <= p.POSITIONAL_OR_KEYWORD]
    return places, hints, plain, any(p.kind is p.VAR_KEYWORD for p in given)


def check_fields(settings: Any) -> None:
    """Look at the fields of a dataclass that is made, as `checked` looks at arguments.

    Raises:
        TypeError: A field is not what its type hint says.
    """
    for field in fields(settings):
        if hints := _one_by_one(field.type):
            value = _checked(field.name, getattr(settings, field.name), hints)
            object.__setattr__(settings, field.name, value)  # it may be frozen


def at_least_one(name: str, value: object) -> int:
    """Return a whole number from 1, NumPy's too, as an int, or raise ValueError.

    >>> at_least_one("window", 5)
    5
    """
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name} must be a whole number from 1, got {value!r}")
    return number


def changed(function: Callable[..., Any], changes: Mapping[str, Any], *held: Any) -> list[Any]:
    """Return settings, dataclasses, with those of their fields changed that are given by name.

    Args:
        function: What was called with the changes, in which they may be misspelt arguments.
        changes: Field -> value.
        held: The settings; a field is of each that has it.

    Raises:
        TypeError: None has such a field.
    """
    names = [[field.name for field in fields(settings)] for settings in held]
    _refuse_unknown(function, changes, [*_told(function)[1], *chain(*names)])
    return [
        replace(settings, **{k: changes[k] for k in own if k in changes})
        for settings, own in zip(held, names, strict=True)
    ]


def _refuse_unknown(
    function: Callable[..., Any], given: Iterable[str], known: Collection[str]
) -> None:
    for name in given:
        if name not in known:
            others = [key for key in known if key not in ("self", "cls")]
            meant = (key for key, names in _MEANT.items() if key in others and name in names)
            other = next(meant, None)
            hint = f": did you mean {other!r}?" if other else did_you_mean(name, others)
            said = function.__qualname__.rpartition("<locals>.")[2].removesuffix(".__init__")
            raise TypeError(f"{said} has no argument {name!r}{hint}")


def _one_by_one(hint: Any) -> tuple[Any, ...]:
    """What a hint says that can be looked at: one or another; nothing if one says nothing."""
    hints = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return hints if all(map(_says, hints)) else ()


@cache
def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A hint's class, and what of its parts can be looked at: of several values what each is."""
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is tuple and (not parts or Ellipsis in parts):
        kind = Sequence
    return kind, _one_by_one(*parts[:1] or (Any,)) if kind in _SEVERAL else parts


def _says(hint: Any) -> bool:
    kind = get_origin(hint) or hint
    if not isinstance(kind, type) or kind in (Any, object, inspect.Parameter.empty):
        return kind is Literal
    return kind.__module__ != "typing" and not getattr(kind, "_is_protocol", False)


def _checked(name: str, value: Any, hints: Sequence[Any]) -> Any:
    """A value if it fits one of the hints, a number perhaps as another kind of number."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    for hint in hints:
        if _fits(value, hint):
            kind, held = _parts(hint)
            is_looked_into = kind in _SEVERAL and isinstance(value, list | tuple)
            if is_looked_into and len(held) == 1 and isinstance(held[0], type):
                for item in value[:_FIRST]:  # the rest are as a rule like them
                    if type(item) is not held[0] and not _fits(item, held[0]):
                        said = f"{name} must be {_said(hint)}, got {item!r:.60} among them"
                        raise TypeError(said)
            return value
    if isinstance(value, Number) and not isinstance(value, bool):
        for kind in [one for one in hints if one in (bool, int, float)]:
            with suppress(TypeError, ValueError, OverflowError):
                if (number := kind(value)) == value or kind is float:
                    return number
    several = [parts for kind, parts in map(_parts, hints) if kind in _SEVERAL]
    is_one = any(_fits(value, held) for held in chain(*several))
    said = " or ".join(dict.fromkeys(map(_said, hints)))
    raise TypeError(f"{name} must be {said}, got {value!r:.60}{'; put it in [ ]' * is_one}")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is what a hint that says something says, as far as that can be told."""
    kind, parts = _parts(hint)
    if kind is Literal:
        return isinstance(value, tuple(map(type, parts))) and value in parts
    if kind is tuple:
        is_list = hasattr(value, "__iter__") and hasattr(value, "__len__")
        return is_list and len(value) == len(parts) and all(map(_fits, value, parts))
    if kind in _SEVERAL:  # arrays and columns too, which are no Sequence
        one = (str, bytes, *(part for part in parts if isinstance(part, type)))
        can_be_read = hasattr(value, "__iter__") or hasattr(value, "__getitem__")
        return can_be_read and not isinstance(value, one)
    if isinstance(value, bool):
        return kind is bool
    if kind.__module__.startswith("textzero."):  # what has all that a class has does as well
        if isinstance(value, kind):  # first: asking for a property makes it
            return True
        has = [hasattr(value, name) for name in vars(kind) if name[0] != "_"]
        return bool(has) and all(has)
    return isinstance(value, _WIDER.get(kind, kind))


def _said(hint: Any) -> str:
    """A hint in words."""
    kind, parts = _parts(hint)
    if kind is Literal:
        return " or ".join(map(repr, parts))
    if kind is tuple:
        return f"{len(parts)} values, each {_said(parts[0])}"
    if kind in _SEVERAL:
        named = [part.__name__ for part in parts if isinstance(part, type)] or ["values"]
        return f"several {'strings' if str in parts else named[0]}"
    return _SAID.get(kind) or f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"
