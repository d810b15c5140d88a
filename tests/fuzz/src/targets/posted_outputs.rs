//! The outputs of another inference that a page posts by themselves, in pieces, after the recorded run that they are held
//! against. The first byte chooses a model, the second says where the first piece ends; then come the recorded tensors, as many
//! as there are, and the outputs.

use gpujobs::graph::Graph;
use gpujobs::harness::check::OutputChecker;
use gpujobs::harness::executor::Checked;
use gpujobs::serve::Subject;

use super::super::models::GRAPHS;

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(input: &[u8]) {
    let Some((&[choice, cut], tensors)) = input.split_first_chunk::<2>() else { return };
    let (graph, payload) = &GRAPHS[usize::from(choice) % GRAPHS.len()];
    let Some((recorded, outputs)) = tensors.split_at_checked(bytes_of(graph, graph.results())) else { return };
    let whole = bytes_of(graph, graph.outputs.iter().copied());
    let mut checker = OutputChecker::of_stages(graph.clone(), payload.clone(), false);

    // Nothing was recorded that they could be held against.
    let outputs_at = |checker: &mut OutputChecker, from, piece: &[u8]| checker.check(Subject::Outputs, from, piece);
    match outputs_at(&mut checker, 0, outputs) {
        Ok(Checked::Record) => assert!(outputs.len() <= whole),
        // Nobody is to record anything for such.
        Err(_) => return assert!(outputs.len() > whole),
        Ok(other) => panic!("{other:?} of outputs without a recorded run"),
    }
    // One that was judged wanting is not kept as right: what differs from it is looked at by itself.
    let verified = record(&mut checker, recorded);
    assert!(outputs_at(&mut checker, 4, outputs).is_err(), "a piece from elsewhere was taken");
    let first = usize::from(cut).min(outputs.len());
    let mut last = outputs_at(&mut checker, 0, &outputs[..first]);
    if first < whole {
        assert_eq!(last.is_err(), first > whole);
        last = outputs_at(&mut checker, first as u64, &outputs[first..]);
    }
    match (last, outputs.len().cmp(&whole)) {
        (Ok(Checked::More), order) => assert!(order.is_lt(), "outputs that came whole were not judged"),
        // A recorded run that was judged wanting is nothing to hold outputs against, as soon as the first of them come.
        (Ok(Checked::Record), order) => assert!(!verified || order.is_eq() || first == whole),
        (Ok(Checked::Repeated(_)), order) => assert!(order.is_eq() || first == whole),
        (Err(_), order) => assert!(order.is_gt() || first > 0, "outputs that follow each other were refused"),
        (Ok(other), _) => panic!("{other:?} of outputs alone"),
    }
    // The recorded run's own outputs are as right as it was.
    let own = own_outputs(graph, recorded);
    match outputs_at(&mut checker, 0, &own) {
        Ok(Checked::Repeated(Err(failure))) => {
            assert!(!verified, "a verified run's own outputs are wrong: {failure:?}")
        }
        Ok(Checked::Repeated(Ok(_)) | Checked::Record) => {}
        other => panic!("{other:?} of the recorded run's own outputs"),
    }
}

/// Posts a run that is kept, and says whether it was verified.
fn record(checker: &mut OutputChecker, recorded: &[u8]) -> bool {
    match checker.check(Subject::Computed, 0, recorded) {
        Ok(Checked::Done(check)) => check.verdict.verified == Some(true),
        other => panic!("{other:?} of a run that came whole"),
    }
}

/// The outputs among the recorded tensors.
fn own_outputs(graph: &Graph, recorded: &[u8]) -> Vec<u8> {
    let mut from = 0;
    let places: Vec<_> = graph
        .results()
        .map(|id| {
            let begin = from;
            from += bytes_of(graph, [id]);
            (id, begin..from)
        })
        .collect();
    let place = |id| places.iter().find(|(of, _)| of == id).map(|(_, range)| range.clone());
    graph.outputs.iter().flat_map(|id| recorded[place(id).expect("an output is computed")].to_vec()).collect()
}

fn bytes_of(graph: &Graph, ids: impl IntoIterator<Item = usize>) -> usize {
    let bytes: u64 = ids.into_iter().map(|id| graph.tensors[id].bytes()).sum();
    usize::try_from(bytes).expect("small models")
}
