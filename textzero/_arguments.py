"""What public functions may be called with, told from their type hints, in one sentence.

A hint that says nothing which can be looked at, such as an array's or a protocol's, lets all pass:
what such an argument must hold, the function says.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache, wraps
from itertools import chain
from numbers import Integral, Real
from operator import index
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from textzero.near import did_you_mean

P = ParamSpec("P")
R = TypeVar("R")
_KINDS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "True or False"),
    int: ((Integral,), "a whole number"),
    float: ((Real,), "a number"),
    Path: ((Path, PathLike), "a path"),
    PathLike: ((PathLike,), "a path"),
    NoneType: ((NoneType,), "None"),
    str: ((str,), "a string"),
}
_SEVERAL = (Iterable, Sequence)
_FIRST = 100  # of several values that are looked at
_SILENT = (Any, object, inspect.Parameter.empty)


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Look at the arguments of each call, before the function does anything.

    NumPy's numbers become Python's, which can be written as JSON.

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

    @cache
    def signature() -> inspect.Signature:  # not before the first call: it takes time
        return inspect.signature(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        parameters = signature().parameters
        try:
            bound = signature().bind(*args, **kwargs)
        except TypeError:
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                _refuse_unknown(function, kwargs, parameters)
            return function(*args, **kwargs)  # which says what is wrong in Python's own words
        given = bound.arguments
        for name, value in given.items():
            parameter = parameters[name]
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if value is not parameter.default:
                given[name] = _checked(name, value, parameter.annotation)
        return function(*bound.args, **bound.kwargs)

    return call


def check_fields(settings: Any) -> None:
    """Look at the fields of a dataclass that is made, as `checked` looks at arguments.

    Raises:
        TypeError: A field is not what its type hint says.
    """
    for field in fields(settings):
        value = _checked(field.name, getattr(settings, field.name), field.type)
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
        held: The settings; a field is of the first that has it.

    Raises:
        TypeError: None has such a field.
    """
    names = [[field.name for field in fields(settings)] for settings in held]
    known = [*inspect.signature(function).parameters, *chain.from_iterable(names)]
    _refuse_unknown(function, changes, known)
    return [
        replace(settings, **{k: changes[k] for k in own if k in changes})
        for settings, own in zip(held, names, strict=True)
    ]


def _refuse_unknown(
    function: Callable[..., Any], given: Iterable[str], known: Collection[str]
) -> None:
    for name in given:
        if name not in known:
            hint = did_you_mean(name, [key for key in known if key not in ("self", "cls")])
            said = function.__qualname__.rpartition("<locals>.")[2].removesuffix(".__init__")
            raise TypeError(f"{said} has no argument {name!r}{hint}") from None


def _checked(name: str, value: Any, hint: Any) -> Any:
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        value = value.item()
    if _fits(value, hint):
        if not any(map(_is_silent, _one_by_one(hint))):
            for one in _one_by_one(hint):
                _look_at_first(name, value, one)
        return value
    advice = ""
    for one in _one_by_one(hint):
        held = get_args(one)[:1] if get_origin(one) in _SEVERAL else ()
        if held and not _is_silent(held[0]) and _fits(value, held[0]):
            advice = "; put it in [ ]"
    said = dict.fromkeys(map(_said, _one_by_one(hint)))
    raise TypeError(f"{name} must be {' or '.join(said)}, got {value!r:.60}{advice}")


def _look_at_first(name: str, value: Any, hint: Any) -> None:
    """Look at the first of several values; the rest are as a rule like them."""
    if get_origin(hint) in _SEVERAL and isinstance(value, list | tuple):
        [held] = get_args(hint)
        for item in value[:_FIRST] if isinstance(held, type) else ():
            if not _fits(item, held):
                raise TypeError(f"{name} must be {_said(hint)}, got {item!r:.60} among them")


def _one_by_one(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is what a hint says, as far as that can be told."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if (origin or hint) in _KINDS:
        kinds = _KINDS[origin or hint][0]
        return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if origin is Literal:
        return value in parts
    if origin is tuple and Ellipsis not in parts:
        pair = isinstance(value, tuple | list) and len(value) == len(parts)
        return pair and all(map(_fits, value, parts))
    if origin in _SEVERAL:  # arrays and columns too, which are no Sequence
        held = parts[0] if isinstance(parts[0], type) and not _is_silent(parts[0]) else str
        return hasattr(value, "__iter__") and not isinstance(value, str | bytes | held)
    if origin is Callable or hint is Callable:
        return callable(value)
    if _is_silent(hint):
        return True
    if isinstance(hint, str):
        return any(kind.__name__ == hint for kind in type(value).__mro__)
    return isinstance(value, origin or hint)


def _is_silent(hint: Any) -> bool:
    """Whether a hint says nothing that can be looked at.

    Of hints that are strings, because what they name is not imported, only a class's name does.
    """
    if isinstance(hint, str):
        return not (hint.isidentifier() and hint[0].isupper())
    kind = get_origin(hint) or hint
    if kind in (Literal, Callable):
        return False
    if not isinstance(kind, type) or kind in _SILENT:
        return True
    return kind.__module__ == "typing" or getattr(kind, "_is_protocol", False)


def _said(hint: Any) -> str:
    """A hint in words."""
    origin, parts = get_origin(hint), get_args(hint)
    if (origin or hint) in _KINDS:
        return _KINDS[origin or hint][1]
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is tuple:
        return f"{len(parts)} values, each {_said(parts[0])}"
    if origin in _SEVERAL:
        held = _one_by_one(parts[0])
        named = "values" if _is_silent(held[0]) else getattr(held[0], "__name__", "values")
        named = "strings" if str in held else named
        return f"several {named}"
    if origin is Callable or hint is Callable:
        return "a function"
    name = hint if isinstance(hint, str) else (origin or hint).__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
