"""ONNX files: a tape written with the ``onnx`` package, which nothing else imports."""

from __future__ import annotations

from typing import Any

from vitral import __version__
from vitral.errors import MissingPackage
from vitral.export.parts import Recording
from vitral.export.tape import Node, Tape

OPSET, IR = 17, 8  # readable since 2022
OPEN = "rows"  # what the open axis is called


def _package() -> Any:
    try:
        import onnx
    except (ImportError, OSError) as error:
        raise MissingPackage(
            f"ONNX export needs the package onnx, which does not load ({error}): pip install 'vitral[onnx]'"
        ) from error
    return onnx


def onnx_bytes(name: str, recording: Recording, description: str) -> bytes:
    """The bytes of an .onnx file with this graph, checked by the package's own checker.

    The same recording and package give the same bytes: no time and no machine is in them.
    """
    onnx = _package()
    helper, tape = onnx.helper, recording.tape
    outputs = {output: traced.name for output, traced in recording.outputs.items()}
    nodes = [_node(helper, node) for node in _needed(tape, set(outputs.values()))]
    nodes += [helper.make_node("Identity", [inner], [output]) for output, inner in outputs.items()]
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        name,
        [_described(onnx, given, traced.shape[1:]) for given, traced in tape.inputs.items()],
        [_described(onnx, output, traced.shape[1:]) for output, traced in recording.outputs.items()],
        [onnx.numpy_helper.from_array(array, each) for each, array in tape.constants.items() if each in used],
        doc_string=description,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    model.producer_name, model.producer_version = "vitral", __version__
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _node(helper: Any, node: Node) -> Any:
    return helper.make_node(node.operator, list(node.inputs), [node.output], **node.attributes)


def _needed(tape: Tape, wanted: set[str]) -> list[Node]:
    """The steps that lead to what is wanted, in their order: a run makes terms that a part does not use."""
    kept = []
    for node in reversed(tape.nodes):
        if node.output in wanted:
            wanted |= set(node.inputs)
            kept.append(node)
    return kept[::-1]


def _described(onnx: Any, name: str, shape: tuple[int, ...]) -> Any:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [OPEN, *shape])
