//! What a run costs: the products of matrix products, convolutions, recurrent layers and attention, counted from the trace
//! that onnxruntime writes of a run, which has the shapes that each node met.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

/// An entry of the trace (Chrome's trace event format).
#[derive(Deserialize)]
struct Event {
    cat: String,
    name: String,
    #[serde(default)]
    args: Args,
}

/// What a node's event holds; entries of other kinds have none of it.
#[derive(Deserialize, Default)]
struct Args {
    #[serde(default)]
    op_name: String,
    #[serde(default)]
    input_type_shape: Vec<Map<String, Value>>,
    #[serde(default)]
    output_type_shape: Vec<Map<String, Value>>,
}

/// Matrix products of `[…, m, k]` with anything.
const PRODUCTS: [&str; 5] = ["MatMul", "MatMulInteger", "MatMulNBits", "MatMulBnb4", "QLinearMatMul"];
const ATTENTION: [&str; 2] = ["MultiHeadAttention", "GroupQueryAttention"];
/// Parts of the names of other operators that hold products, whose shapes do not tell how many.
const HIDDEN: [&str; 8] = ["Attention", "Conv", "DFT", "Gemm", "MatMul", "MoE", "STFT", "Search"];

/// Floating-point operations of the one run that is traced in `folder`; `None` where they are not known.
pub(super) fn of_trace(folder: &Path, equations: &BTreeMap<String, String>) -> Option<u64> {
    let trace = std::fs::read_dir(folder).ok()?.next()?.ok()?;
    count(&std::fs::read_to_string(trace.path()).ok()?, equations)
}

fn count(trace: &str, equations: &BTreeMap<String, String>) -> Option<u64> {
    let events: Vec<Event> = serde_json::from_str(trace).ok()?;
    let nodes = events.iter().filter_map(|event| Some((event.name.strip_suffix("_kernel_time")?, event)));
    let nodes = nodes.filter(|(_, event)| event.cat == "Node");
    nodes
        .map(|(name, event)| products(name, &event.args, equations))
        .try_fold(0, |sum: u64, products| sum.checked_add(products?.checked_mul(2)?))
}

/// Products that one node summed.
fn products(name: &str, args: &Args, equations: &BTreeMap<String, String>) -> Option<u64> {
    let input = |at: usize| shape(args.input_type_shape.get(at)?);
    let output = |at: usize| shape(args.output_type_shape.get(at)?);
    match args.op_name.as_str() {
        op if PRODUCTS.contains(&op) => len(&output(0)?)?.checked_mul(*input(0)?.last()?),
        // Whichever way the first operand lies, it has m·k elements.
        "Gemm" => len(&input(0)?)?.checked_mul(*output(0)?.last()?),
        "Einsum" => contracted(equations.get(name)?, &[input(0)?, input(1)?]),
        "Conv" | "ConvInteger" => taps(&output(0)?, &input(1)?),
        "QLinearConv" => taps(&output(0)?, &input(3)?),
        // Each element of the input meets the taps of its channel, which is the kernel's first axis.
        "ConvTranspose" => taps(&input(0)?, &input(1)?),
        "LSTM" | "GRU" | "RNN" => {
            let steps = len(&input(0)?)?.checked_div(*input(0)?.last()?)?;
            steps.checked_mul(len(&input(1)?)?.checked_add(len(&input(2)?)?)?)
        }
        op if ATTENTION.contains(&op) => attended(&input(0)?, &output(0)?, &output(1).or_else(|| input(1))?),
        op if HIDDEN.iter().any(|part| op.contains(part)) => None,
        _ => Some(0),
    }
}

/// Of `{"float": [2, 3]}`.
fn shape(tensor: &Map<String, Value>) -> Option<Vec<u64>> {
    tensor.values().next()?.as_array()?.iter().map(Value::as_u64).collect()
}

fn len(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |len, extent| len.checked_mul(*extent))
}

/// Of a convolution: each element of `many` meets the kernel's elements that are of its channel.
fn taps(many: &[u64], kernel: &[u64]) -> Option<u64> {
    len(many)?.checked_mul(len(kernel)?.checked_div(*kernel.first()?)?)
}

/// The product of all extents of an equation such as `bij,bjk->bik`; `None` for one with an ellipsis.
fn contracted(equation: &str, operands: &[Vec<u64>; 2]) -> Option<u64> {
    let terms: Vec<Vec<char>> = equation
        .split("->")
        .next()?
        .split(',')
        .map(|term| term.chars().filter(|c| !c.is_whitespace()).collect())
        .collect();
    let mut extents: BTreeMap<char, u64> = BTreeMap::new();
    for (term, operand) in terms.iter().zip(operands) {
        if terms.len() != operands.len() || term.len() != operand.len() || term.contains(&'.') {
            return None;
        }
        extents.extend(term.iter().copied().zip(operand.iter().copied()));
    }
    extents.into_values().try_fold(1_u64, u64::checked_mul)
}

/// Scores and their weighted sums: each element of the queries, and of the output, meets as many keys as there are. `keys` are
/// `[…, keys, width]`, where of three axes the heads' widths lie in the last.
fn attended(queries: &[u64], output: &[u64], keys: &[u64]) -> Option<u64> {
    // Packed with keys and values, or with more axes, the queries' part of the input is not told.
    if queries.len() != 3 || queries.last() != output.last() {
        return None;
    }
    let keys = keys.iter().rev().nth(1)?;
    len(queries)?.checked_add(len(output)?)?.checked_mul(*keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(op: &str, inputs: &[&[u64]], outputs: &[&[u64]]) -> Option<u64> {
        let shapes =
            |shapes: &[&[u64]]| -> Vec<Value> { shapes.iter().map(|it| serde_json::json!({ "float": it })).collect() };
        let node = serde_json::json!([
            { "cat": "Session", "name": "model_run", "args": {} },
            { "cat": "Node", "name": "n_kernel_time", "args": {
                "op_name": op, "input_type_shape": shapes(inputs), "output_type_shape": shapes(outputs), "node_index": "0"
            } }
        ]);
        let equations = BTreeMap::from([("n".to_owned(), "b i j, b j k -> b i k".to_owned())]);
        count(&node.to_string(), &equations)
    }

    #[test]
    fn each_operators_products_follow_from_its_shapes() {
        assert_eq!(of("MatMul", &[&[5, 2, 3], &[3, 4]], &[&[5, 2, 4]]), Some(2 * 5 * 2 * 4 * 3));
        assert_eq!(of("Gemm", &[&[3, 2], &[3, 4]], &[&[2, 4]]), Some(2 * 2 * 3 * 4));
        assert_eq!(of("Einsum", &[&[5, 2, 3], &[5, 3, 4]], &[&[5, 2, 4]]), Some(2 * 5 * 2 * 3 * 4));
        assert_eq!(of("Conv", &[&[1, 4, 8, 8], &[6, 2, 3, 3]], &[&[1, 6, 6, 6]]), Some(2 * 6 * 36 * 2 * 9));
        assert_eq!(of("ConvTranspose", &[&[1, 4, 8], &[4, 6, 3]], &[&[1, 6, 10]]), Some(2 * 4 * 8 * 6 * 3));
        assert_eq!(of("QLinearConv", &[&[1, 1, 8], &[], &[], &[2, 1, 3]], &[&[1, 2, 6]]), Some(2 * 2 * 6 * 3));
        assert_eq!(of("LSTM", &[&[7, 2, 3], &[1, 16, 3], &[1, 16, 4]], &[&[7, 1, 2, 4]]), Some(2 * 14 * (48 + 64)));
        assert_eq!(of("MultiHeadAttention", &[&[2, 5, 8], &[2, 6, 8]], &[&[2, 5, 8]]), Some(2 * 2 * 80 * 6));
        let cached: [&[u64]; 2] = [&[2, 1, 8], &[2, 2, 9, 4]];
        assert_eq!(of("GroupQueryAttention", &[&[2, 1, 8], &[2, 1, 4]], &cached), Some(2 * 2 * 16 * 9));
        assert_eq!(of("Softmax", &[&[5]], &[&[5]]), Some(0));
        for hidden in ["QMoE", "DFT", "DeformConv", "PackedAttention", "BeamSearch"] {
            assert_eq!(of(hidden, &[&[5]], &[&[5]]), None, "{hidden}");
        }
        assert_eq!(of("MatMul", &[], &[&[2]]), None);
        assert_eq!(of("MatMul", &[&[1 << 40, 1 << 40]], &[&[1 << 40, 1 << 40]]), None);
    }
}
