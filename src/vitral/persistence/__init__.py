"""Files that survive: atomic writing, tensors in safetensors with a checked header, models.

A model file holds named tensors and, as metadata, the spec, the data contract and the metrics. Nothing
is ever unpickled. Specification: docs/model_file.md.
"""

from __future__ import annotations

from vitral.persistence.atomic import write_atomically, write_json
from vitral.persistence.header import HEADER_LIMIT, TENSOR_LIMIT
from vitral.persistence.models import ModelFile, add_metrics, load_model, save_model
from vitral.persistence.tensors import FORMAT_VERSION, load_tensors, save_tensors

__all__ = [
    "FORMAT_VERSION",
    "HEADER_LIMIT",
    "TENSOR_LIMIT",
    "ModelFile",
    "add_metrics",
    "load_model",
    "load_tensors",
    "save_model",
    "save_tensors",
    "write_atomically",
    "write_json",
]
