//! Stages that a later one's file speaks for: the passes of an algorithm of which only the result is known.
//!
//! Expected values in a file are absolute: whatever led to the right ones was right. A reference in Rust is no such
//! witness for what comes before it, since it is given what its stage read.

use crate::graph::{Graph, Stage, ops};

/// Whether all that a stage writes is read, and is, by whatever way, part of what a file of expected values is compared
/// with.
pub(super) fn checked_later(graph: &Graph, stage: &Stage) -> bool {
    let mut covered = vec![false; graph.tensors.len()];
    let readers = readers(graph);
    for stage in graph.stages.iter().rev() {
        for (place, id) in stage.outputs.iter().enumerate() {
            let by_itself = place == 0 && stage.expect.is_some();
            let read = !readers[*id].is_empty() && !graph.outputs.contains(id);
            let by_readers = || readers[*id].iter().all(|reader| reader.outputs.iter().all(|id| covered[*id]));
            covered[*id] = by_itself || (read && by_readers());
        }
    }
    stage.outputs.iter().all(|id| covered[*id])
}

/// Whether all that the stages of a graph write is compared with something.
#[must_use]
pub fn verifiable(graph: &Graph) -> bool {
    let by_itself =
        |stage: &Stage| stage.outputs.len() == 1 && (stage.expect.is_some() || ops::named(&stage.op).is_some());
    graph.stages.iter().all(|stage| by_itself(stage) || checked_later(graph, stage))
}

/// The stages that read each tensor.
fn readers(graph: &Graph) -> Vec<Vec<&Stage>> {
    let mut readers: Vec<Vec<&Stage>> = vec![Vec::new(); graph.tensors.len()];
    for stage in &graph.stages {
        for id in stage.reads() {
            readers[id].push(stage);
        }
    }
    readers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::JobVars;
    use crate::manifest::Model;

    /// Of stages `name: in -> out`, where `out!` has a file, which are checked by themselves or later.
    fn checked(stages: &[&str]) -> Vec<bool> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("y.f32"), [0; 32]).unwrap();
        let entries = stages.iter().enumerate().map(|(number, stage)| {
            let (op, flow) = stage.split_once(": ").unwrap();
            let (reads, writes) = flow.split_once(" -> ").unwrap();
            let expect = if writes.contains('!') { "expect = { file = 'y.f32' }\n" } else { "" };
            let joined =
                |names: &str, each: &dyn Fn(&str) -> String| names.split(' ').map(each).collect::<Vec<_>>().join(", ");
            let reads = joined(reads, &|name| format!("'{name}'"));
            let out = joined(writes, &|name| format!("{} = [8]", name.trim_end_matches('!')));
            format!("[[stage]]\nname = 's{number}'\nop = '{op}'\nin = [{reads}]\nout = {{ {out} }}\n{expect}")
        });
        let entries: String = entries.collect();
        let text = format!("family = 'text'\n[[input]]\nname = 'x'\nshape = [8]\n{entries}");
        let model = Model::parse("m", &folder.path().join("m.toml"), &text).unwrap();
        let graph = Graph::of(&model, &JobVars::default()).unwrap();
        graph.stages.iter().map(|stage| checked_later(&graph, stage)).collect()
    }

    #[test]
    fn passes_are_checked_by_the_file_of_what_they_end_in() {
        assert_eq!(checked(&["own: x -> a", "own: a -> b", "own: b -> y!"]), [true; 3]);
        assert_eq!(checked(&["own: x -> a", "own: a -> y"]), [false; 2]);
        // A reference in Rust on the way lets the file speak for what it read; at the end it speaks for itself only.
        assert_eq!(checked(&["own: x -> a", "gelu: a -> b", "own: b -> y!"]), [true; 3]);
        assert_eq!(checked(&["own: x -> a", "gelu: a -> y"]), [false; 2]);
    }

    #[test]
    fn what_also_goes_elsewhere_is_not_checked() {
        // Nothing reads the second output; the second reader ends in no file; the file is in the middle.
        assert_eq!(checked(&["own: x -> a b", "own: a -> y!"]), [false, true]);
        assert_eq!(checked(&["own: x -> a", "own: a -> y!", "own: a -> z"]), [false, true, false]);
        assert_eq!(checked(&["own: x -> a", "own: a -> b!", "own: b -> y"]), [true, true, false]);
        assert_eq!(checked(&["own: x -> a b", "own: a -> c", "own: b c -> y!"]), [true; 3]);
    }
}
