"""What is written is what the standard library reads."""

import tomllib

import pytest

from models.toml import dumps


def test_nested_tables_and_rows_come_back() -> None:
    table = {
        "name": 'a "motor"\n§',
        "rates": [1.5, 2.0],
        "words": ["ok", "it's"],
        "flag": True,
        "origin": {"metrics": {"escape rate": 0.001, "n": 3}},
        "rows": [{"a": 1, "inner": {"b": 2}, "deep": [{"c": 1e-7}]}, {"a": 2}],
        "last": 1,
    }
    assert tomllib.loads(dumps(table)) == table


def test_a_value_toml_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="no place in TOML"):
        dumps({"nothing": None})
