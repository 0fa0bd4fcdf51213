"""What is written is read back by the standard library's own parser."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.trial import toml

scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
tables = st.recursive(
    st.dictionaries(st.text(max_size=8), scalars, max_size=3),
    lambda inner: st.dictionaries(
        st.text(max_size=8),
        st.one_of(
            scalars, st.lists(st.integers(0, 9), max_size=3), inner, st.lists(inner, min_size=1)
        ),
        max_size=4,
    ),
    max_leaves=12,
)


@given(tables)
def test_a_table_comes_back_as_it_was(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml.dump(table)) == table


def test_it_reads_like_a_file_that_a_person_wrote() -> None:
    line = {
        "site": "demo",
        "links": {"plc": {"kind": "opcua", "trusted_files": [Path("/a/plc.pem")]}},
        "stations": [{"id": "cell1", "bundles": {"*": "shipped:motor"}, "plc": None}],
    }
    assert toml.dump(line) == (
        'site = "demo"\n\n[links.plc]\nkind = "opcua"\ntrusted_files = ["/a/plc.pem"]\n\n'
        '[[stations]]\nid = "cell1"\n\n[stations.bundles]\n"*" = "shipped:motor"\n'
    )


def test_a_value_without_a_form_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        toml.dump({"a": 1j})
