//! Searches through made-up landscapes, which are as rugged as those of real kernels: parameters interact, many do not
//! matter, each configuration has luck of its own, and times scatter.
#![expect(clippy::print_stdout, reason = "the figures are quoted")]

use super::*;
use crate::measure::stats::noise::{Noise, Shape};

/// The true times of a tiled product: places for workgroup, rows and columns of a thread, depth, and four switches.
fn product(luck: u64) -> (Vec<Candidate>, Vec<f64>) {
    const GROUPS: [[f64; 2]; 7] =
        [[64.0, 1.0], [8.0, 8.0], [16.0, 8.0], [8.0, 16.0], [16.0, 16.0], [32.0, 8.0], [32.0, 16.0]];
    let (mut places, mut times, mut chance) = (Vec::new(), Vec::new(), Noise(luck));
    let lengths = [GROUPS.len(), 3, 3, 3, 3, 2, 2, 2];
    for number in 0..lengths.iter().product::<usize>() {
        let mut rest = number;
        let on: Vec<usize> = lengths.iter().map(|length| (rest % length, rest /= length).0).collect();
        let [x, y] = GROUPS[on[0]];
        let (rows, columns, depth) = ([4.0, 8.0, 16.0][on[1]], [4.0, 8.0, 16.0][on[2]], [8.0, 16.0, 32.0][on[3]]);
        let shared = (y * rows + x * columns) * depth * 4.0;
        if rows * columns > 128.0 || shared > 49152.0 {
            continue;
        }
        let registers = rows * columns + 2.0 * (rows + columns) + 20.0;
        let threads = (65536.0 / (registers * x * y)).floor().min((131_072.0 / shared).floor()).max(0.6) * x * y;
        let hidden = (threads / 512.0).min(1.0).powf(0.4);
        // Bytes from far away and from near for each product.
        let (far, near) = (1.0 / (x * columns) + 1.0 / (y * rows), 1.0 / rows + 1.0 / columns);
        let conflicts = if on[4] == 0 && columns > 8.0 && on[6] == 0 { 1.25 } else { 1.0 };
        let prefetch = if on[5] == 1 { if registers > 120.0 { 1.15 } else { 0.94 } } else { 1.0 };
        let swizzle = if on[7] == 1 { 0.98 } else { 1.0 };
        let lanes = [1.0, 0.97, 1.02][on[4]];
        let time = (1.0 + 1.6 * near * conflicts + 40.0 * far * swizzle + 2.0 / depth) / hidden * prefetch * lanes;
        times.push(time * (1.0 + 0.02 * chance.draw(Shape::Normal)));
        let at = on.iter().zip(&lengths).skip(1).map(|(place, length)| *place as f64 / (length - 1) as f64);
        places.push(Candidate { at: [x.log2() / 3.0, y.log2() / 3.0].into_iter().chain(at).collect(), on });
    }
    (places, times)
}

/// A direct form with three parameters and ten workgroups, most of it far from the best, some of it broken.
fn direct(luck: u64) -> (Vec<Candidate>, Vec<f64>) {
    let (mut places, mut times, mut chance) = (Vec::new(), Vec::new(), Noise(luck));
    let lengths = [10, 6, 3, 3];
    for number in 0..lengths.iter().product::<usize>() {
        let mut rest = number;
        let on: Vec<usize> = lengths.iter().map(|length| (rest % length, rest /= length).0).collect();
        let [group, rows, panels, unroll] = [on[0] as f64, on[1] as f64, on[2] as f64, on[3] as f64];
        let time = 1.0 + 0.3 * (rows - 3.0 - panels).abs() + 0.1 * (group - 2.0 * panels).abs() + 0.05 * unroll * rows;
        times.push(time * (1.0 + 0.02 * chance.draw(Shape::Normal)));
        let at = on.iter().zip(&lengths).map(|(place, length)| *place as f64 / (length - 1) as f64);
        places.push(Candidate { at: at.collect(), on });
    }
    (places, times)
}

/// The tiled forms of a product of one size as a manifest may restrict them to: about 130.
fn restricted(luck: u64) -> (Vec<Candidate>, Vec<f64>) {
    let (places, times) = product(luck);
    let is_in = |on: &[usize]| (1..5).contains(&on[0]) && on[3] < 2 && on[4] < 2 && on[5..] == [1, 0, 0];
    places.into_iter().zip(times).filter(|(place, _)| is_in(&place.on)).unzip()
}

/// Searches; gives by how much the found one is slower than the best one, and the evaluations.
fn found(places: Vec<Candidate>, times: &[f64], limit: usize, seed: u64) -> (f64, usize) {
    let mut noise = Noise(seed + 1);
    let mut search = Search::new(places, limit, seed);
    while let Some((_, batch)) = search.batch() {
        assert!(!batch.is_empty() && batch.len() <= BATCH);
        let told: Vec<_> = batch
            .iter()
            .map(|place| (*place, Some(times[*place] * (1.0 + 0.01 * noise.draw(Shape::Normal)))))
            .collect();
        search.tell(&told);
    }
    // The finals tell the best ones apart to 0.3 %.
    let finals =
        search.best(4).into_iter().map(|place| (times[place] * (1.0 + 0.003 * noise.draw(Shape::Normal)), place));
    let (_, winner) = finals.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    let best = times.iter().copied().min_by(f64::total_cmp).unwrap();
    (times[winner] / best - 1.0, search.evaluations())
}

/// How many of the seeds came within 2 %, in percent, and the mean share of the space that was tried, in percent.
fn succeeded(landscape: fn(u64) -> (Vec<Candidate>, Vec<f64>), share: f64, most: usize, seeds: u64) -> (f64, f64) {
    let (mut well, mut tried, mut worst) = (0, 0.0, 0.0_f64);
    for seed in 0..seeds {
        let (places, times) = landscape(seed * 7 + 3);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let limit = ((places.len() as f64 * share) as usize).min(most);
        let (slower, evaluations) = found(places, &times, limit, seed);
        well += u32::from(slower <= 0.02);
        worst = worst.max(slower);
        tried += evaluations as f64 / times.len() as f64;
        assert!(evaluations <= limit);
    }
    let (well, tried) = (100.0 * f64::from(well) / seeds as f64, 100.0 * tried / seeds as f64);
    println!("{well:.0} % within 2 % (the worst at {:.1} %), {tried:.1} % of the space tried", 100.0 * worst);
    (well, tried)
}

#[test]
fn the_best_of_a_product_is_found_with_a_seventh_of_its_space() {
    let (well, tried) = succeeded(product, 0.15, usize::MAX, 4);
    assert!(well >= 90.0 && tried <= 15.0, "{well} {tried}");
}

#[test]
fn nineteen_evaluations_are_enough_for_a_space_of_a_hundred_and_thirty() {
    let (well, tried) = succeeded(restricted, 0.15, usize::MAX, 12);
    assert!(well >= 90.0 && tried <= 15.0, "{well} {tried}");
}

#[test]
fn sixty_evaluations_go_far_in_a_large_space() {
    let (well, tried) = succeeded(product, 1.0, 60, 12);
    assert!(well >= 90.0 && tried <= 5.0, "{well} {tried}");
}

#[test]
fn the_best_of_a_small_space_is_found_with_a_seventh_of_it() {
    let (well, _) = succeeded(direct, 0.15, usize::MAX, 12);
    assert!(well >= 90.0, "{well}");
}

#[test]
fn what_can_not_run_is_never_best_and_never_tried_again() {
    let (places, times) = direct(1);
    let mut search = Search::new(places, 400, 0);
    let mut seen = std::collections::HashSet::new();
    while let Some((_, batch)) = search.batch() {
        assert!(batch.iter().all(|place| seen.insert(*place)), "a place is tried once");
        let told: Vec<_> = batch.iter().map(|place| (*place, (place % 3 != 0).then(|| times[*place]))).collect();
        search.tell(&told);
    }
    assert!(seen.contains(&0), "what runs without a search is tried");
    assert!(search.best(usize::MAX).iter().all(|place| place % 3 != 0));
    assert_eq!(search.evaluations(), seen.len());
}

#[test]
fn where_nothing_runs_the_search_gives_up_and_has_no_best() {
    let (places, _) = direct(1);
    let mut search = Search::new(places, 40, 0);
    while let Some((_, batch)) = search.batch() {
        search.tell(&batch.iter().map(|place| (*place, None)).collect::<Vec<_>>());
    }
    assert!(search.best(4).is_empty());
    assert!((12..=40).contains(&search.evaluations()), "{}", search.evaluations());
}

#[test]
fn the_same_seed_tries_the_same_places_and_an_exhaustive_search_all() {
    let run = |mut search: Search| {
        let (_, times) = direct(1);
        let mut order = Vec::new();
        while let Some((_, batch)) = search.batch() {
            search.tell(&batch.iter().map(|place| (*place, Some(times[*place]))).collect::<Vec<_>>());
            order.extend(batch);
        }
        order
    };
    let of = |seed| run(Search::new(direct(1).0, 50, seed));
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    assert_eq!(run(Search::exhaustive(direct(1).0)), (0..540).collect::<Vec<_>>());
}

#[test]
fn a_replay_measures_nothing_anew_and_says_how_near_it_came() {
    use crate::tune::replay::{ReplaySummary, replays};

    let (places, times) = restricted(5);
    let mut all = Search::exhaustive(places.clone());
    while let Some((_, batch)) = all.batch() {
        all.tell(&batch.iter().map(|place| (*place, (*place != 7).then(|| times[*place]))).collect::<Vec<_>>());
    }
    let found = replays(&places, &all, 19, 3);
    assert_eq!(found.iter().map(|replay| replay.seed).collect::<Vec<_>>(), (3..23).collect::<Vec<_>>());
    for replay in &found {
        assert!(replay.evaluations <= 19 && replay.found != 7 && replay.slower() >= 0.0);
        assert!((replay.found_ms - times[replay.found]).abs() < 1e-12);
    }
    let shortly = ReplaySummary::of(&found).unwrap();
    assert!(shortly.within_2_percent >= 18 && shortly.median_percent <= shortly.worst_percent, "{shortly:?}");
    // With all evaluations, the best is what it finds; where nothing ran, it finds nothing.
    assert!(replays(&places, &all, places.len(), 0).iter().all(|replay| replay.slower() < 1e-12));
    assert!(replays(&places, &Search::exhaustive(places.clone()), 19, 0).is_empty());
    assert!(ReplaySummary::of(&[]).is_none());
}
