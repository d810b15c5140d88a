//! The tensors of a run of stages that a page posts in pieces. The first byte chooses a model, the next five say where the pieces
//! end, and the rest are the tensors.

use gpujobs::harness::executor::Check;
use gpujobs::harness::recording::Recording;

use super::super::models::GRAPHS;

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(input: &[u8]) {
    let Some((&[choice, ends @ ..], tensors)) = input.split_first_chunk::<6>() else { return };
    let (graph, payload) = &GRAPHS[usize::from(choice) % GRAPHS.len()];
    let begin = || Recording::begin(graph.clone(), payload.clone(), choice >= 128);
    let whole: u64 = graph.results().map(|id| graph.tensors[id].bytes()).sum();
    let mut ends: Vec<usize> = ends.iter().map(|end| usize::from(*end).min(tensors.len())).collect();
    ends.sort_unstable();
    ends.push(tensors.len());

    let (mut pieces, mut from, mut done) = (begin(), 0, false);
    for end in ends {
        assert!(pieces.take(from as u64 + 4, &tensors[from..end]).is_err(), "a piece from elsewhere was taken");
        done = pieces.take(from as u64, &tensors[from..end]).expect("a piece that follows the one before");
        from = end;
    }
    assert_eq!(done, tensors.len() as u64 >= whole);
    let mut at_once = begin();
    assert_eq!(at_once.take(0, tensors), Ok(done));
    let (pieces, at_once) = (pieces.end(), at_once.end());
    assert_eq!(said(&pieces), said(&at_once), "how tensors come in pieces changes what is found");
    if done {
        let kept = if choice >= 128 { graph.outputs.len() } else { 0 };
        assert_eq!(pieces.outputs.len(), kept);
    } else {
        assert_ne!(pieces.verdict.verified, Some(true), "tensors that never came were verified");
    }
}

/// What a check says; figures as text, since a NaN is none like itself.
fn said(check: &Check) -> String {
    format!("{:?} {} {} {:?}", check.verdict, check.output_digest, check.unverified, check.outputs)
}
