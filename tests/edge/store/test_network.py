"""The look at an ONNX file sees what the onnx package sees, and survives any bytes."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge.store import network, operators
from edge.store.network import Refused
from edge.store.wire import Malformed, Message, fields

from .bundles import MOTOR
from .bundles import network as made

WHOLE = (MOTOR / "camera.onnx").read_bytes()


@pytest.mark.parametrize("path", sorted(MOTOR.glob("*.onnx")), ids=lambda path: path.stem)
def test_what_is_read_is_what_the_onnx_package_reads(path: Path) -> None:
    model = onnx.load(path)
    seen = network.look(memoryview(path.read_bytes()))
    assert seen.opset == model.opset_import[0].version
    assert seen.operators == dict(sorted(Counter(n.op_type for n in model.graph.node).items()))
    assert seen.parameters == sum(
        numpy_helper.to_array(one).size
        for one in [
            *model.graph.initializer,
            *(a.t for n in model.graph.node for a in n.attribute if a.HasField("t")),
        ]
    )
    assert seen.inputs == tuple(one.name for one in model.graph.input)
    assert seen.outputs == tuple(one.name for one in model.graph.output)


def test_a_network_may_leave_its_batch_open() -> None:
    """The shipped networks with a first axis that has a name instead of a length."""
    for path in sorted(MOTOR.glob("*.onnx")):
        fixed = network.look(memoryview(path.read_bytes()))
        model = onnx.load(path)
        for declared in (*model.graph.input, *model.graph.output):
            declared.type.tensor_type.shape.dim[0].dim_param = "batch"
        assert network.look(memoryview(model.SerializeToString())) == fixed


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        (onnx.ModelProto, {"graph": 7, "opset_import": 8, "training_info": 20, "functions": 25}),
        (onnx.GraphProto, {"node": 1, "initializer": 5, "input": 11, "output": 12,
                           "value_info": 13, "sparse_initializer": 15}),
        (onnx.NodeProto, {"name": 3, "op_type": 4, "attribute": 5, "domain": 7}),
        (onnx.AttributeProto, {"t": 5, "g": 6, "tensors": 10, "graphs": 11, "ref_attr_name": 21,
                               "sparse_tensor": 22, "sparse_tensors": 23}),
        (onnx.TensorProto, {"dims": 1, "data_type": 2, "segment": 3, "float_data": 4,
                            "int32_data": 5, "int64_data": 7, "name": 8, "raw_data": 9,
                            "double_data": 10, "uint64_data": 11, "external_data": 13,
                            "data_location": 14}),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)  # fmt: skip
def test_field_numbers_are_those_of_the_onnx_package(
    message: type[onnx.ModelProto], numbers: dict[str, int]
) -> None:
    fields_by_name = message.DESCRIPTOR.fields_by_name
    assert {name: fields_by_name[name].number for name in numbers} == numbers


def test_every_allowed_operator_is_standard_and_none_has_a_graph_inside() -> None:
    for name in operators.ALLOWED:
        schema = onnx.defs.get_schema(name, operators.OPSETS.stop - 1)
        assert not any("GRAPH" in str(one.type) for one in schema.attributes.values()), name
    drawn = {"RandomNormal", "RandomUniform", "Multinomial", "Bernoulli", "If", "Loop", "Scan"}
    assert not drawn & operators.ALLOWED


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_be_refused(data: bytes) -> None:
    with pytest.raises((Refused, Malformed)):
        network.look(memoryview(data))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_file_is_refused_or_looked_through(at: int, patch: bytes) -> None:
    data = WHOLE[:at] + patch + WHOLE[at + len(patch) :]
    try:
        seen = network.look(memoryview(data))
    except (Refused, Malformed):
        return
    assert set(seen.operators) <= operators.ALLOWED


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_short_is_refused(at: int) -> None:
    with pytest.raises((Refused, Malformed)):
        network.look(memoryview(WHOLE[:at]))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_numbers_are_read_as_protobuf_writes_them(values: list[int]) -> None:
    tensor = TensorProto(dims=values, int64_data=values)
    found = Message(memoryview(tensor.SerializeToString()))
    assert found.numbers(1) == [value % 2**64 for value in values]
    assert found.count(7, None) == len(values)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i1", "u1", "i4", "i8", "u8", "?"])
@pytest.mark.parametrize("is_raw", [True, False])
def test_elements_are_counted_raw_or_typed(dtype: str, is_raw: bool) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    tensor = numpy_helper.from_array(array, "w")
    if not is_raw:
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor = helper.make_tensor("w", kind, [2, 3], array.flatten().tolist())
    assert network.look(memoryview(made(stored=(tensor,)))).parameters == 6


@pytest.mark.parametrize(
    "raw",
    [b"\x08", b"\x0a\x05ab", b"\x0b", b"\x00\x01", b"\x80" * 11, b"\x0d\x00"],
    ids=["no value", "too short", "a group", "field 0", "endless", "half a number"],
)
def test_what_is_no_message_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        list(fields(memoryview(raw)))


def test_a_field_that_two_readers_could_read_differently_is_malformed() -> None:
    """Of an operator named twice, one reader takes the first name and another the last."""
    node = b"\x22\x04Relu\x22\x04Loop"
    data = b"\x3a" + bytes([len(node) + 2]) + b"\x0a" + bytes([len(node)]) + node
    opset = b"\x42\x02\x10\x12"
    with pytest.raises(Malformed, match="stands 2 times"):
        network.look(memoryview(data + opset))
