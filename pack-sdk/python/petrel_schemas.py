"""The metadata of actions, from their annotations; and values, by the same annotations, from JSON and back.

`str`, `int`, `float`, `bool`, `list[T]`, `dict[str, T]`, `Optional[T]`, `Literal[...]`, dataclasses and `TypedDict`
are known, and `Annotated[T, "what it is"]` describes any of them. Anything else is accepted as it comes.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from typing import Annotated, Any, Callable, Literal, Optional, Union, get_args, get_origin, get_type_hints, is_typeddict


class InputError(Exception):
    """A parameter that is not what its annotation says."""


PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def parameters_of(function: Callable[..., Any], context: type) -> tuple[dict[str, Any], Optional[str]]:
    """The parameters of an action, by name; and the name of the one that takes the context, if there is one."""
    hints = get_type_hints(function, include_extras=True)
    parameters, name_of_context = {}, None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"{function.__name__}: the host gives parameters by name, so {name} cannot be one")
        hint = hints.get(name, Any)
        if hint is context:
            name_of_context = name
            continue
        schema = schema_of(hint)
        if parameter.default is parameter.empty:
            schema["required"] = True
        elif parameter.default is not None:
            schema["default"] = plain(parameter.default)
        parameters[name] = schema
    return parameters, name_of_context


def output_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """The schema of the result. Empty if the function does not say it, or says that there is none."""
    hint = get_type_hints(function, include_extras=True).get("return", Any)
    return schema_of(hint) if hint is not type(None) else {}


def schema_of(hint: Any, inside: tuple[Any, ...] = ()) -> dict[str, Any]:
    """The schema of a type. A structure that is `inside` of itself is an object there, of which no more is said."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        texts = [text for text in arguments[1:] if isinstance(text, str)]
        schema = schema_of(arguments[0], inside)
        return {**schema, "description": texts[0]} if texts else schema
    if origin in (Union, types.UnionType):
        rest = [one for one in arguments if one is not type(None)]
        if len(rest) == 1:
            return schema_of(rest[0], inside)
        return {"anyOf": [schema_of(one, inside) for one in rest]}
    if origin is Literal:
        kinds = {PLAIN.get(type(value)) for value in arguments}
        return {"enum": list(arguments), **({"type": kinds.pop()} if len(kinds) == 1 else {})}
    if hint in PLAIN:
        return {"type": PLAIN[hint]}
    if hint is list or origin is list:
        return {"type": "array", **({"items": schema_of(arguments[0], inside)} if arguments else {})}
    if hint is dict or origin is dict:
        return {"type": "object"}
    if dataclasses.is_dataclass(hint) or is_typeddict(hint):
        if hint in inside:
            return {"type": "object"}
        return {"type": "object", "properties": _properties(hint, (*inside, hint))}
    return {}


def _properties(structure: Any, inside: tuple[Any, ...]) -> dict[str, Any]:
    hints = get_type_hints(structure, include_extras=True)
    if is_typeddict(structure):
        needed = structure.__required_keys__
    else:
        fields = dataclasses.fields(structure)
        missing = dataclasses.MISSING
        needed = {one.name for one in fields if one.default is missing and one.default_factory is missing}
    return {
        name: {**schema_of(hint, inside), **({"required": True} if name in needed else {})}
        for name, hint in hints.items()
    }


def convert(function: Callable[..., Any], given: dict[str, Any], context: type) -> dict[str, Any]:
    """The arguments of a function, from the parameters that the host gives, apart from the context."""
    hints = get_type_hints(function)
    known = inspect.signature(function).parameters
    arguments = {}
    for name, value in given.items():
        if name not in known:
            raise InputError(f"there is no parameter {name}")
        # Null stands for a parameter that was left out.
        if value is not None or known[name].default is inspect.Parameter.empty:
            arguments[name] = _value(hints.get(name, Any), value, name)
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in arguments and hints.get(name) is not context:
            raise InputError(f"{name} is missing")
    return arguments


def _value(hint: Any, value: Any, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        rest = [one for one in arguments if one is not type(None)]
        if value is None and len(rest) < len(arguments):
            return None
        return _value(rest[0], value, name) if len(rest) == 1 else value
    if hint is float and type(value) is int:
        return float(value)
    if hint in PLAIN and type(value) is not hint:
        raise InputError(f"{name} must be of the type {PLAIN[hint]}")
    if origin is Literal and value not in arguments:
        raise InputError(f"{name} must be one of {', '.join(map(str, arguments))}")
    if hint is list or origin is list:
        if not isinstance(value, list):
            raise InputError(f"{name} must be a list")
        return [_value(arguments[0], item, name) for item in value] if arguments else value
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise InputError(f"{name} must be an object")
        hints = get_type_hints(hint)
        try:
            return hint(**{key: _value(hints.get(key, Any), item, f"{name}.{key}") for key, item in value.items()})
        except TypeError as error:
            raise InputError(f"{name}: {error}") from None
    return value


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return value
