"""Writes lib/models/operation-table.ts: how Keras names each function of `keras.ops` in the graph of a model.

For each function: module and class of its Operation, then its parameters in order. `*` marks what the class takes; the others are arguments of the
call, `!` those that the function passes on by name. What follows `=` is the default, as JSON.
"""

import ast
import inspect
import json
import textwrap
from pathlib import Path

from common import camel, keras

HEAD = """// Written by scripts/golden/operations.py from Keras' sources: don't edit.

/**
 * For each function of `ops`: module and class that Keras' configs name, and its parameters in order. `*` marks parameters of the class, `!` arguments
 * of the call that Keras passes by name; what follows `=` is the default.
 */
export const operationTable: Readonly<Record<string, string>> = {
"""


def calls_of(function):
    """Constructor and call, where the function's body says `Class(...).symbolic_call(...)` or `Class(...)(...)`."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr == "symbolic_call":
            if isinstance(node.func.value, ast.Call):
                return node.func.value, node
        elif isinstance(node.func, ast.Call) and isinstance(node.func.func, ast.Name):
            return node.func, node
    return None


def named(call, function):
    """Names of the parameters that a call fills, if each gets the argument of the same name; and those given by name."""
    parameters = [name for name in inspect.signature(function).parameters if name != "self"]
    filled = dict(zip(parameters, call.args, strict=False)) | {one.arg: one.value for one in call.keywords}
    same = all(isinstance(value, ast.Name) and value.id == name for name, value in filled.items())
    return (list(filled), [one.arg for one in call.keywords]) if same else None


def entry(function):
    calls = calls_of(function)
    if calls is None:
        return None
    constructor, call = calls
    operation = getattr(inspect.getmodule(function), ast.unparse(constructor.func).split(".")[-1])
    init, run = named(constructor, operation.__init__), named(call, operation.call)
    if init is None or run is None:
        return None
    words = [f"{operation.__module__}.{operation.__name__}"]
    for name, parameter in inspect.signature(function).parameters.items():
        mark = "*" if name in init[0] else "!" if name in run[1] else ""
        default = parameter.default
        if default is parameter.empty:
            words.append(mark + camel(name))
        else:
            value = default if isinstance(default, (int, float, str, bool, type(None))) else str(default)
            words.append(f"{mark}{camel(name)}={json.dumps(value)}")
    return " ".join(words)


lines = []
for name in sorted(dir(keras.ops)):
    function = getattr(keras.ops, name)
    if not name.startswith("_") and inspect.isfunction(function) and (text := entry(function)) is not None:
        line = f"  {camel(name)}: '{text}',\n"
        lines.append(line if len(line) <= 121 else f"  {camel(name)}:\n    '{text}',\n")
target = Path(__file__).resolve().parents[2] / "lib" / "models" / "operation-table.ts"
target.write_text(HEAD + "".join(lines) + "};\n")
print(f"{target.name}: {len(lines)} operations")
