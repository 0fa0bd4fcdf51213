"""Constants that a network makes of smaller ones, made here: for engines that would at each run.

The workshop keeps kernels of spectra and the like as a few numbers and the operators that make them
of these. OpenVINO and ONNX Runtime calculate that once, when they load a file. TensorRT (for RTX
1.7) looks numbers up in a table in every run, and graphs are rewritten by what is a constant.
"""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edge.errors import BundleError

KEPT = {"DequantizeLinear"}  # engines take weights in integers with the scale beside them


def folded(file: Path) -> bytes:
    """The network of an ONNX file without operators on constants alone, as an ONNX file.

    Raises:
        BundleError: the file is no network.
    """
    try:
        model = onnx.load(file)
    except (OSError, DecodeError) as error:
        raise BundleError(f"{file}: no network that can be read: {error}") from error
    fold(model)
    found: bytes = model.SerializeToString()
    return found


def fold(model: ModelProto) -> None:
    """Every tensor that follows from constants becomes one, in place; weights in integers stay."""
    graph = model.graph
    known = {one.name for one in graph.initializer}
    making, left = list[NodeProto](), list[NodeProto]()
    for node in graph.node:
        given = [name for name in node.input if name]
        if node.op_type not in KEPT and given and known.issuperset(given):
            making.append(node)
            known.update(node.output)
        else:
            left.append(node)
    if not making:
        return
    read = {name for node in left for name in node.input}
    wanted = [name for node in making for name in node.output if name in read]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in wanted]
    maker = helper.make_graph(making, "constants", [], outputs, list(graph.initializer))
    versions = list(model.opset_import)
    values = ReferenceEvaluator(helper.make_model(maker, opset_imports=versions)).run(None, {})
    kept = [one for one in graph.initializer if one.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(left)
    graph.initializer.extend(kept)
    graph.initializer.extend(map(numpy_helper.from_array, values, wanted))
