"""Checks a configuration against `spec/config.schema.json`, in sentences for its operator.

A sentence names the key and the rule, never the value.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

import jsonschema_rs

from ilo.strict_yaml import shown_key
from spec import load_config_schema

_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
}


@cache
def config_schema() -> Mapping[str, Any]:
    """Return the schema of `general_config.yaml`; LoggingConfig in it is the other's."""
    return load_config_schema()


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``schema`` with what its `$ref` adds; what stands beside that wins."""
    if (ref := schema.get("$ref")) is None:
        return schema
    return {**config_schema()["$defs"][ref.removeprefix("#/$defs/")], **schema}


def general_problems(config: object) -> list[str]:
    """Return what is wrong with a `general_config.yaml`, ``key: rule`` each."""
    return _problems(config, config_schema())


def logging_problems(config: object) -> list[str]:
    """Return what is wrong with a `logging_config.yaml`, ``key: rule`` each."""
    return _problems(config, {**config_schema(), **config_schema()["$defs"]["LoggingConfig"]})


def _problems(config: object, schema: Mapping[str, Any]) -> list[str]:
    problems: dict[str, None] = {}
    for error in jsonschema_rs.validator_for(dict(schema)).iter_errors(config):
        rules, keyword = _place(schema, error.schema_path)
        where = list(error.instance_path)
        if keyword == "additionalProperties":
            known = sorted(rules.get("properties", {}))
            for key in getattr(error.kind, "unexpected", ()):
                problems[_line([*where, key], _unknown(key, known))] = None
        elif keyword == "required":
            missing = [key for key in rules["required"] if not _has(config, where, key)]
            for key in missing:
                problems[_line([*where, key], "is missing")] = None
        else:
            problems[_line(where, _rule(keyword, rules))] = None
    return list(problems)


def _place(schema: Mapping[str, Any], path: Sequence[str | int]) -> tuple[Mapping[str, Any], str]:
    rules: Any = schema
    for step in path[:-1]:
        rules = rules[step]
    return rules, str(path[-1])


def _has(config: Any, where: Iterable[str | int], key: str) -> bool:
    for step in where:
        config = config[step]
    return key in config


def _line(where: Sequence[str | int], rule: str) -> str:
    if not where:
        return rule
    return f"{'.'.join(shown_key(str(step)) for step in where)}: {rule}"


def _unknown(key: str, known: Sequence[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(key.lower(), by_lower, n=1, cutoff=0.75)
    return f"unknown key; did you mean {by_lower[close[0]]}?" if close else "unknown key"


def _rule(keyword: str, rules: Mapping[str, Any]) -> str:
    bound = rules[keyword]
    match keyword:
        case "type":
            types = [bound] if isinstance(bound, str) else bound
            return "must be " + " or ".join(_TYPES[name] for name in types)
        case "enum":
            return "must be one of " + ", ".join(bound)
        case "const":
            return f"must be {json.dumps(bound)}"
        case "minimum":
            return f"must be at least {bound}"
        case "maximum":
            return f"must be at most {bound}"
        case "minLength" | "pattern":
            return str(rules.get("x-rule", "must not be empty"))
        case "maxLength":
            return f"must have at most {bound} characters"
        case "minItems":
            return f"must have at least {bound} entries"
        case "maxItems":
            return f"must have at most {bound} entries"
        case "uniqueItems":
            return "must not name the same thing twice"
        case _:
            return f"breaks the rule {keyword!r} of the schema"
