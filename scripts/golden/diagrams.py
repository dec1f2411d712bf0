"""Goldens of keras.utils.model_to_dot: boxes with their texts, edges and clusters, for several kinds of models."""

import re

from common import Golden, keras
from keras import layers

golden = Golden("diagrams")


def text(label):
    """The rows of a box: lists of cells."""
    cells = [re.findall(r"<td.*?</td>", row) for row in re.findall(r"<tr>.*?</tr>", label)]
    return [[re.sub(r"<[^>]*>", "", cell) for cell in row] for row in cells]


def parts(graph, path, nodes, edges):
    for node in graph.get_nodes():
        if node.get_name() in ("node", "graph", "edge"):
            continue
        nodes[node.get_name()] = {"cluster": path, "rows": text(node.get("label"))}
    for edge in graph.get_edges():
        edges.append((edge.get_source(), edge.get_destination()))
    for child in graph.get_subgraphs():
        parts(child, path + [child.get("label").strip('"')], nodes, edges)


def case(name, model, **options):
    nodes, edges = {}, []
    parts(keras.utils.model_to_dot(model, **options), [], nodes, edges)
    names = {key: node["rows"][0][0].split(" (")[0] for key, node in nodes.items()}
    golden.case(
        name,
        model=name.split(",")[0],
        options={re.sub(r"_([a-z])", lambda m: m[1].upper(), key): value for key, value in options.items()},
        nodes=sorted(nodes.values(), key=lambda node: node["rows"]),
        edges=sorted([names[a], names[b]] for a, b in edges),
    )


def stack():
    return keras.Sequential(
        [
            keras.Input((8,), name="first"),
            layers.Dense(6, activation="relu", name="hidden"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(3, activation="softmax", name="last", trainable=False),
        ],
        name="stack",
    )


def graph():
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    shared = layers.Dense(4, name="shared")
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="inner_a"), layers.Dense(2, name="inner_b")], name="inner"
    )
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    both = keras.Model([a, b], [layers.Add(name="add")([a, b]), layers.ReLU(name="relu")(a)], name="both")
    u, v = both([inner(shared(left)), inner(shared(right))])
    joined = layers.Concatenate(name="joined")([u, v])
    return keras.Model(
        [left, right], [layers.Dense(1, name="one")(u), layers.Dense(1, name="two")(joined)], name="graph"
    )


def nested():
    middle = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, name="deep_a"), layers.Dense(4, name="deep_b")], name="middle"
    )
    x = keras.Input((4,), name="x")
    residual = keras.Model(x, layers.Add(name="plus")([x, layers.Dense(4, name="branch")(x)]), name="residual")
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, name="start"), middle, residual, layers.Dense(2, name="end")], name="nested"
    )


class Own(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.dense = layers.Dense(2, name="own_dense")

    def call(self, x):
        return self.dense(x)


own = Own()
own.build((None, 3))

case("stack", stack())
case("stack, everything", stack(), show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True)
case("graph", graph())
case("graph, expanded", graph(), expand_nested=True, show_shapes=True)
case("nested", nested())
case("nested, expanded", nested(), expand_nested=True)
case("own", own)
golden.save()
