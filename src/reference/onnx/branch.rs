//! Taking the branch of an `If` whose condition is known: tract wants both branches to have outputs of the same shape,
//! which those of a merged decoder (with a cache, without one) do not have.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto};

/// Puts the taken branch's nodes in place of each `If` of the graph itself whose condition is one of `known`.
pub(super) fn take(graph: &mut GraphProto, known: &HashMap<String, bool>) {
    // Branches may hold branches by the same condition: their nodes stand where they can be taken next.
    while let Some(at) = graph.node.iter().position(|node| condition(node, known).is_some()) {
        let node = graph.node.remove(at);
        let branch = if condition(&node, known) == Some(true) { "then_branch" } else { "else_branch" };
        let body = node.attribute.into_iter().find(|attribute| attribute.name == branch);
        let mut body = body.and_then(|attribute| attribute.g).unwrap_or_default();
        // Two branches may use a name for different values; an `If`'s first output is its own.
        let prefix = node.output.first().map_or("", String::as_str);
        let initialized = body.initializer.iter().map(|tensor| &tensor.name);
        let computed = body.node.iter().flat_map(|node| &node.output);
        let own = initialized.chain(computed).filter(|name| !name.is_empty());
        let names: HashMap<String, String> = own.map(|name| (name.clone(), format!("{prefix}/{name}"))).collect();
        rename(&mut body, &names);
        let outputs = body.output.into_iter().zip(node.output).map(|(inner, outer)| NodeProto {
            op_type: "Identity".to_owned(),
            input: vec![inner.name],
            output: vec![outer],
            ..NodeProto::default()
        });
        let nodes: Vec<NodeProto> = body.node.into_iter().chain(outputs).collect();
        graph.node.splice(at..at, nodes);
        graph.initializer.append(&mut body.initializer);
    }
}

fn condition(node: &NodeProto, known: &HashMap<String, bool>) -> Option<bool> {
    let known = || known.get(node.input.first()?).copied();
    (node.op_type == "If" && node.domain.is_empty()).then(known).flatten()
}

/// Renames values wherever a graph, or a body in it, defines or uses them.
fn rename(graph: &mut GraphProto, names: &HashMap<String, String>) {
    let change = |name: &mut String| {
        if let Some(new) = names.get(name) {
            name.clone_from(new);
        }
    };
    graph.initializer.iter_mut().for_each(|tensor| change(&mut tensor.name));
    graph.output.iter_mut().for_each(|port| change(&mut port.name));
    for node in &mut graph.node {
        node.input.iter_mut().chain(&mut node.output).for_each(change);
        // Names of nodes need only differ.
        node.name.clear();
        for attribute in &mut node.attribute {
            attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(|body| rename(body, names));
        }
    }
}
