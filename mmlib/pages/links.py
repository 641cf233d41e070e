"""What a user chose on a page, as the short query of an address, and back: a link shows others the same view."""

from __future__ import annotations

import types
from collections.abc import Collection
from dataclasses import MISSING, Field, fields
from typing import Any, ClassVar, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qs, urlencode


class Choices(Protocol):
    """A frozen dataclass of strings, numbers, and tuples of them, each with a default.

    A field's name in the address is its ``metadata["link"]``, or its own name. Where only some words may be chosen,
    these are its ``metadata["known"]``.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]


C = TypeVar("C", bound=Choices)


def to_query(choices: Choices) -> str:
    """Write choices as the query of an address, leaving out what is as in the beginning.

    Args:
        choices: what the user chose.

    Returns:
        Such as ``s=onion&z=12``; empty where nothing was chosen.
    """
    pairs = {}
    for field in fields(choices):
        value = getattr(choices, field.name)
        if value != _default(field):
            pairs[_key(field)] = _write(value)
    return urlencode(pairs, safe=",:/")


def from_query(kind: type[C], query: str) -> tuple[C, str]:
    """Read choices from the query of an address; what cannot be read stays as in the beginning.

    Args:
        kind: the class of the choices.
        query: the query, with or without its question mark.

    Returns:
        The choices, and one sentence about the first part that could not be read, or an empty string.
    """
    given = parse_qs(query.lstrip("?"), keep_blank_values=True)
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    trouble = ""
    for field in fields(kind):
        key = _key(field)
        if key not in given:
            continue
        text = given[key][-1]
        try:
            values[field.name] = _known(_read(hints[field.name], text), field.metadata.get("known"))
        except ValueError:
            wanted = _in_words(hints[field.name], field.metadata.get("known"))
            trouble = trouble or f"the link says {key}={text}, which is not {wanted}; it was ignored"
    return kind(**values), trouble


def _key(field: Field[Any]) -> str:
    return str(field.metadata.get("link", field.name))


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _write(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        return ",".join(map(_write, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _read(hint: Any, text: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        pieces = text.split(",") if text else []
        if parts[-1] is Ellipsis:
            return tuple(_read(parts[0], piece) for piece in pieces)
        if len(pieces) != len(parts):
            raise ValueError(text)
        return tuple(_read(part, piece) for part, piece in zip(parts, pieces, strict=True))
    if hint is bool:
        return {"0": False, "1": True}[text] if text in ("0", "1") else _not_read(text)
    if hint is float:
        number = float(text)
        return number if abs(number) < float("inf") else _not_read(text)
    return hint(text)


def _known(value: Any, known: Collection[str] | None) -> Any:
    words = value if isinstance(value, tuple) else (value,)
    return value if known is None or set(words) <= set(known) else _not_read(str(value))


def _not_read(text: str) -> Any:
    raise ValueError(text)


def _in_words(hint: Any, known: Collection[str] | None) -> str:
    text = str(hint)
    if known is not None:
        return f"{'some' if 'tuple' in text else 'one'} of {', '.join(known)}"
    if "tuple" in text:
        return "a list of that length and kind"
    return {"int": "a whole number", "float": "a number", "bool": "0 or 1"}.get(
        getattr(hint, "__name__", ""), "a number"
    )
