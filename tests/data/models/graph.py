"""A builder of ONNX graphs: operators by name, weights by name, and the layers that transformers share."""

import copy
import zlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8

NUMPY_TYPES = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}


def seeded(name, shape):
    """A weight that depends on its name and shape alone: the hash of `reference::fill`, uniform, scaled by role.

    No generator of numpy's is used, so that another numpy writes the same bytes.
    """
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        x = np.uint32(zlib.crc32(name.encode())) ^ (np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9))
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    unit = ((x >> np.uint32(8)).astype(np.float32) / np.float32(2**23) - np.float32(1)).reshape(shape)
    if name.endswith(".bias"):
        return unit * np.float32(0.05)
    if len(shape) == 1:  # the gain of a normalisation
        return np.float32(1) + unit * np.float32(0.1)
    if "embedding" in name or ".wte." in name or ".wpe." in name:
        return unit
    fan_in = int(np.prod(shape[1:]))
    return unit * np.float32((3 / fan_in) ** 0.5)


class Graph:
    """Nodes and initializers in the making. Every operator's method returns the name of its output.

    `weights` maps (name, shape) to an array; `float_type` is the type that the network computes in.
    """

    def __init__(self, weights=seeded, float_type=TensorProto.FLOAT):
        self.weights = weights
        self.float_type = float_type
        self.nodes = []
        self.initializers = []
        self.small_constants = {}
        self.scope = ""
        self.written = set()

    def branch(self, scope):
        """A subgraph of an `If`: with nodes of its own, and this graph's weights and constants."""
        inner = copy.copy(self)
        inner.nodes, inner.scope = [], f"{scope}_"
        return inner

    def choose(self, condition, outputs, then_branch, else_branch):
        """Nodes `outputs` of one of two branches that give as many, named as `then_branch.nodes` and the like name them."""
        graphs = {}
        for name, (inner, given) in (("then_branch", then_branch), ("else_branch", else_branch)):
            values = [helper.make_tensor_value_info(value, kind, shape) for value, (_, kind, shape) in zip(given, outputs)]
            graphs[name] = helper.make_graph(inner.nodes, name, [], values)
        self.nodes.append(helper.make_node("If", [condition], [name for name, *_ in outputs], name="/If", **graphs))

    def op(self, op_type, *inputs, out=None, outputs=1, **attributes):
        """Appends a node; `out` names its single output, `outputs` counts several."""
        index = len(self.nodes)
        own = f"{self.scope}{op_type}_{index}"
        names = [out] if out else [own + (f"_{i}" if i else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op_type, list(inputs), names, name=f"/{own}", **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array):
        """A constant; equal small ones are stored once."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.small_constants:
            self.small_constants[key] = self._initializer(f"constant_{len(self.small_constants)}", array)
        return self.small_constants[key]

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def index(self, value):
        """A 0-d index: `Gather` with it drops the axis."""
        return self.constant(np.array(value, np.int64))

    def floats(self, *values):
        return self.constant(np.array(values, NUMPY_TYPES[self.float_type]))

    def weight(self, name, shape, transpose=False):
        """The weight `name` of the given shape, as PyTorch stores it, or its transpose."""
        array = self.weights(name, tuple(shape))
        assert tuple(array.shape) == tuple(shape), (name, array.shape, shape)
        array = array.astype(NUMPY_TYPES[self.float_type], copy=False)
        return self._initializer(name + (".T" if transpose else ""), array.T if transpose else array)

    def _initializer(self, name, array):
        if name in self.written:  # both branches of an `If` have the same weights
            return name
        self.written.add(name)
        # np.ascontiguousarray would make 0-d indices 1-d.
        self.initializers.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def linear(self, x, name, inputs, outputs, bias=True):
        y = self.op("MatMul", x, self.weight(f"{name}.weight", (outputs, inputs), transpose=True))
        return self.op("Add", y, self.weight(f"{name}.bias", (outputs,))) if bias else y

    def layer_norm(self, x, name, size, epsilon):
        gain, bias = self.weight(f"{name}.weight", (size,)), self.weight(f"{name}.bias", (size,))
        return self.op("LayerNormalization", x, gain, bias, axis=-1, epsilon=epsilon)

    def gelu(self, x):
        """The exact form, as PyTorch exports it below opset 20; runtimes fuse it."""
        erf = self.op("Erf", self.op("Div", x, self.floats(2**0.5)))
        return self.op("Mul", self.op("Mul", x, self.op("Add", erf, self.floats(1))), self.floats(0.5))

    def gelu_tanh(self, x):
        """GPT-2's `gelu_new`."""
        cube = self.op("Mul", self.op("Mul", x, x), x)
        inner = self.op("Add", x, self.op("Mul", cube, self.floats(0.044715)))
        tanh = self.op("Tanh", self.op("Mul", inner, self.floats((2 / np.pi) ** 0.5)))
        return self.op("Mul", self.op("Mul", x, self.floats(0.5)), self.op("Add", tanh, self.floats(1)))

    def quick_gelu(self, x):
        """CLIP's."""
        return self.op("Mul", x, self.op("Sigmoid", self.op("Mul", x, self.floats(1.702))))

    def split_heads(self, x, heads, head_size):
        """[batch, length, heads * head_size] to [batch, heads, length, head_size]."""
        return self.op("Transpose", self.op("Reshape", x, self.ints(0, 0, heads, head_size)), perm=[0, 2, 1, 3])

    def attend(self, query, key, value, size, heads, mask=None):
        """Attention over split heads; `mask` is added to the scores. Returns [batch, length, size]."""
        scores = self.op("MatMul", query, self.op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = self.op("Mul", scores, self.floats((size // heads) ** -0.5))
        if mask:
            scores = self.op("Add", scores, mask)
        y = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        return self.op("Reshape", self.op("Transpose", y, perm=[0, 2, 1, 3]), self.ints(0, 0, size))

    def self_attention(self, x, names, size, heads, mask=None):
        """`names` are the projections of query, key, value and output."""
        *projections, output = names
        split = [self.split_heads(self.linear(x, name, size, size), heads, size // heads) for name in projections]
        return self.linear(self.attend(*split, size, heads, mask), output, size, size)

    def lowest(self):
        """What is added to the score of a masked position."""
        return float(np.finfo(NUMPY_TYPES[self.float_type]).min)

    def padding_mask(self, attention_mask):
        """[batch, length] of ones and zeros to what is added to the scores: [batch, 1, 1, length]."""
        mask = self.op("Cast", self.op("Unsqueeze", attention_mask, self.ints(1, 2)), to=self.float_type)
        return self.op("Mul", self.op("Sub", self.floats(1), mask), self.floats(self.lowest()))

    def given(self, name):
        """An input of floats, which are float32 whatever the network computes in."""
        return name if self.float_type == TensorProto.FLOAT else self.op("Cast", name, to=self.float_type)

    def output(self, x, name):
        """Names an output; float32 whatever the network computes in."""
        if self.float_type == TensorProto.FLOAT:
            self.op("Identity", x, out=name)
        else:
            self.op("Cast", x, out=name, to=TensorProto.FLOAT)

    def save(self, path, inputs, outputs):
        """Checks and writes the model. Inputs and outputs: (name, element type, shape)."""
        graph = helper.make_graph(
            self.nodes,
            "main_graph",
            [helper.make_tensor_value_info(*value) for value in inputs],
            [helper.make_tensor_value_info(*value) for value in outputs],
            self.initializers,
        )
        save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), path)


def save_model(model, path, check=True):
    """Writes `model`, byte for byte the same each time."""
    model.ir_version = IR_VERSION
    model.producer_name = "gpujobs"
    model.producer_version = ""
    if check:
        onnx.checker.check_model(model, full_check=model.ByteSize() < 2**28)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
