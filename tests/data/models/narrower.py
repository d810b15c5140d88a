"""The same network with narrower weights, as transformers.js' own conversion makes it: dynamic 8-bit integers (`q8`) and blocks
of 4-bit integers (`q4`). 16-bit floats need none of this: a `Graph` is built in them."""

import logging
import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

from graph import save_model

BLOCK = 16  # the tiny models' products have 32 rows and more


def q8(source, goal):
    """Each product's weights as unsigned bytes, its input quantised as it comes."""
    logging.disable(logging.WARNING)  # it asks for a preprocessing that these graphs don't need
    with tempfile.TemporaryDirectory() as folder:
        between = Path(folder) / "model.onnx"
        quantize_dynamic(source, between, op_types_to_quantize=["MatMul"], weight_type=QuantType.QUInt8)
        save_model(onnx.load(between), goal, check=False)


def q4(source, goal):
    """`MatMulNBits`, a contributed operator: one scale for each block of weights."""
    config = DefaultWeightOnlyQuantConfig(block_size=BLOCK, is_symmetric=True)
    quantizer = MatMulNBitsQuantizer(onnx.load(source), algo_config=config)
    quantizer.process()
    save_model(quantizer.model.model, goal, check=False)
