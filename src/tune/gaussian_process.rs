//! A guess of how long configurations take from those that were tried: Gaussian processes (C. E. Rasmussen and
//! C. K. I. Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, algorithm 2.1), many of them.
//!
//! Their covariance falls off exponentially along each dimension, since configurations are steps and not smooth. How much
//! each dimension matters is not known from a dozen values, so it is drawn at random many times, and each draw counts by
//! how likely it makes what was seen (R. M. Neal, "Monte Carlo Implementation of Gaussian Process Models", 1997; J. Snoek,
//! H. Larochelle and R. P. Adams, "Practical Bayesian Optimization of Machine Learning Algorithms", NIPS 2012): the
//! likeliest one alone believes what chance suggests. Used by `search`.

use rand::RngExt;
use rand::rngs::StdRng;
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

/// Between these lies how fast the covariance falls along a dimension.
const RATES: [f64; 2] = [0.02, 4.0];
/// Between these lies which part of the variance is noise.
const NOISES: [f64; 2] = [1e-4, 3e-2];
/// Draws of rates and noise.
const DRAWS: usize = 128;
/// The likeliest draws, which are kept.
const KEPT: usize = 24;

/// What is known of a function after some of its values were seen.
#[derive(Debug, Clone)]
pub(super) struct GaussianProcess {
    seen: Vec<Vec<f64>>,
    /// Each with its weight; the weights' sum is 1.
    draws: Vec<(f64, NormalSample)>,
    mean: f64,
    deviation: f64,
}

/// One process, of standardised values.
#[derive(Debug, Clone)]
struct NormalSample {
    rates: Vec<f64>,
    noise: f64,
    variance: f64,
    /// Lower triangle of the covariance's root.
    root: Vec<Vec<f64>>,
    /// The covariance's inverse times the values.
    weights: Vec<f64>,
}

impl GaussianProcess {
    /// From places, all of the same dimensions, and the values seen there; `None` below two.
    pub(super) fn of(seen: Vec<Vec<f64>>, values: &[f64], random: &mut StdRng) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let deviation = variance.sqrt().max(1e-9);
        let values: Vec<f64> = values.iter().map(|value| (value - mean) / deviation).collect();
        let dimensions = seen.first()?.len();
        let draws = (0..DRAWS).filter_map(|_| NormalSample::random(dimensions, random).fitted(&seen, &values));
        let mut draws: Vec<(f64, NormalSample)> = draws.collect();
        draws.sort_by(|a, b| b.0.total_cmp(&a.0));
        draws.truncate(KEPT);
        let most = draws.first()?.0;
        for (likely, _) in &mut draws {
            *likely = (*likely - most).exp();
        }
        let sum: f64 = draws.iter().map(|(weight, _)| weight).sum();
        for (weight, _) in &mut draws {
            *weight /= sum;
        }
        Some(Self { seen, draws, mean, deviation })
    }

    /// The expected value at a place.
    pub(super) fn expected(&self, place: &[f64]) -> f64 {
        let sum: f64 =
            self.draws.iter().map(|(weight, draw)| weight * draw.expected(&draw.along(&self.seen, place))).sum();
        self.mean + self.deviation * sum
    }

    /// The most promising `count` of some places, by their positions: each where the value may be expected to lie the most
    /// below `best`, Mockus's expected improvement (D. R. Jones, M. Schonlau and W. J. Welch, "Efficient Global Optimization
    /// of Expensive Black-Box Functions", 1998). After each choice it is as if what is expected there had been seen: there is
    /// no doubt there any more, and less around.
    pub(super) fn promising(&self, places: &[&[f64]], best: f64, count: usize) -> Vec<usize> {
        let best = (best - self.mean) / self.deviation;
        let view =
            |draw: &NormalSample| -> Vec<View> { places.iter().map(|place| draw.view(&self.seen, place)).collect() };
        let mut views: Vec<(f64, &NormalSample, Vec<View>)> =
            self.draws.iter().map(|(weight, draw)| (*weight, draw, view(draw))).collect();
        let mut left: Vec<usize> = (0..places.len()).collect();
        let mut chosen = Vec::new();
        while chosen.len() < count {
            let expected_improvement = |place: &usize| -> f64 {
                views.iter().map(|(weight, draw, views)| weight * draw.improvement(&views[*place], best)).sum()
            };
            let hopes: Vec<f64> = left.iter().map(expected_improvement).collect();
            let Some(most) = (0..left.len()).max_by(|a, b| hopes[*a].total_cmp(&hopes[*b])) else { break };
            let place = left.swap_remove(most);
            chosen.push(place);
            for (_, draw, views) in &mut views {
                draw.condition_on_mean(places, place, &left, views);
            }
        }
        chosen
    }
}

/// What a draw makes of a place.
#[derive(Debug, Clone)]
struct View {
    expected: f64,
    /// The root's inverse times the covariances with what was seen.
    solved: Vec<f64>,
    /// The sum of its squares: the part of the variance that is known.
    known: f64,
}

impl NormalSample {
    fn random(dimensions: usize, random: &mut StdRng) -> Self {
        let mut between = |[low, high]: [f64; 2]| random.random_range(low.ln()..high.ln()).exp();
        let rates = (0..dimensions).map(|_| between(RATES)).collect();
        Self { rates, noise: between(NOISES), variance: 1.0, root: Vec::new(), weights: Vec::new() }
    }

    /// With root and weights, and the logarithm of how likely the values are under the likeliest variance; `None` where
    /// rounding leaves the covariance without a root.
    fn fitted(mut self, seen: &[Vec<f64>], values: &[f64]) -> Option<(f64, Self)> {
        for (count, place) in seen.iter().enumerate() {
            let row = self.row(&seen[..count], place)?;
            self.root.push(row);
        }
        let half = forward(&self.root, values);
        self.weights = backward(&self.root, &half);
        let fit: f64 = half.iter().map(|value| value * value).sum();
        let count = values.len() as f64;
        // As if one more value had been seen that is as it should be: few that agree are no certainty.
        self.variance = (fit + 1.0) / (count + 1.0);
        let size: f64 = self.root.iter().filter_map(|row| row.last()).map(|last| last.ln()).sum();
        Some((-0.5 * count * self.variance.ln() - size, self))
    }

    /// The next row of the root, for a place after those that were seen.
    fn row(&self, seen: &[Vec<f64>], place: &[f64]) -> Option<Vec<f64>> {
        let mut row = forward(&self.root, &self.along(seen, place));
        let rest = 1.0 + self.noise - row.iter().map(|value| value * value).sum::<f64>();
        row.push((rest > 1e-12).then(|| rest.sqrt())?);
        Some(row)
    }

    /// The covariances of a place with those that were seen.
    fn along(&self, seen: &[Vec<f64>], place: &[f64]) -> Vec<f64> {
        seen.iter().map(|other| self.covariance(other, place)).collect()
    }

    fn covariance(&self, one: &[f64], other: &[f64]) -> f64 {
        let far: f64 = one.iter().zip(other).zip(&self.rates).map(|((a, b), rate)| rate * (a - b).abs()).sum();
        (-far).exp()
    }

    fn expected(&self, covariances: &[f64]) -> f64 {
        covariances.iter().zip(&self.weights).map(|(covariance, weight)| covariance * weight).sum()
    }

    fn view(&self, seen: &[Vec<f64>], place: &[f64]) -> View {
        let covariances = self.along(seen, place);
        let solved = forward(&self.root, &covariances);
        let known = solved.iter().map(|value| value * value).sum();
        View { expected: self.expected(&covariances), solved, known }
    }

    fn improvement(&self, view: &View, best: f64) -> f64 {
        let (below, doubt) = (best - view.expected, (self.variance * (1.0 - view.known).max(0.0)).sqrt());
        if doubt < 1e-9 {
            return below.max(0.0);
        }
        let standard = Normal::standard();
        below * standard.cdf(below / doubt) + doubt * standard.pdf(below / doubt)
    }

    /// What is left to doubt of other places once one of them is believed to be as expected: another row of the root.
    fn condition_on_mean(&self, places: &[&[f64]], believed: usize, others: &[usize], views: &mut [View]) {
        let taken = views[believed].clone();
        let rest = 1.0 + self.noise - taken.known;
        // Where rounding leaves nothing, the place was known already.
        if rest < 1e-12 {
            return;
        }
        for other in others {
            let view = &mut views[*other];
            let shared: f64 = taken.solved.iter().zip(&view.solved).map(|(a, b)| a * b).sum();
            let next = (self.covariance(places[believed], places[*other]) - shared) / rest.sqrt();
            view.known += next * next;
            view.solved.push(next);
        }
    }
}

/// Solves `root x = values`, the root a lower triangle.
fn forward(root: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
    let mut found: Vec<f64> = Vec::with_capacity(values.len());
    for (row, value) in root.iter().zip(values) {
        let known: f64 = row.iter().zip(&found).map(|(a, b)| a * b).sum();
        found.push((value - known) / row[found.len()]);
    }
    found
}

/// Solves `rootᵀ x = values`.
fn backward(root: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
    let mut found = values.to_vec();
    for place in (0..found.len()).rev() {
        let known: f64 = (place + 1..found.len()).map(|below| root[below][place] * found[below]).sum();
        found[place] = (found[place] - known) / root[place][place];
    }
    found
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn places() -> Vec<Vec<f64>> {
        (0..30_u8).map(|place| vec![f64::from(place % 6) / 5.0, f64::from(place / 6) / 4.0]).collect()
    }

    fn gauss(seen: &[Vec<f64>], values: &[f64]) -> Option<GaussianProcess> {
        GaussianProcess::of(seen.to_vec(), values, &mut StdRng::seed_from_u64(1))
    }

    #[test]
    fn it_expects_what_it_saw_and_hopes_where_it_did_not_look() {
        let places = places();
        let values: Vec<f64> = places.iter().map(|place| 3.0 + (place[0] - 0.4).abs()).collect();
        let gauss = gauss(&places[..25], &values[..25]).unwrap();
        for (place, value) in places[..25].iter().zip(&values) {
            assert!((gauss.expected(place) - value).abs() < 0.02, "{place:?}");
        }
        // The second dimension does not matter, so what was never seen there is known as well.
        for (place, value) in places[25..].iter().zip(&values[25..]) {
            assert!((gauss.expected(place) - value).abs() < 0.05, "{place:?}");
        }
        // It goes where nothing is known rather than where the value is known not to be below the best.
        let near: Vec<&[f64]> = vec![&places[2], &[9.0, 9.0], &places[4]];
        assert_eq!(gauss.promising(&near, 2.9, 1), [1]);
        // Where all is known, to the least first.
        let known: Vec<&[f64]> = vec![&places[0], &places[2], &places[1]];
        assert_eq!(gauss.promising(&known, 4.0, 9), [1, 2, 0]);
    }

    #[test]
    fn what_is_believed_of_a_place_takes_the_doubt_from_those_beside_it() {
        let places = places();
        let values: Vec<f64> = places[..10].iter().map(|place| place[0] + place[1]).collect();
        let gauss = gauss(&places[..10], &values).unwrap();
        // Two of these are the same place, and one is as unknown, elsewhere.
        let unknown: Vec<&[f64]> = vec![&[0.1, 3.0], &[0.1, 3.0], &[3.0, 0.1]];
        let chosen = gauss.promising(&unknown, 0.0, 3);
        assert_ne!(chosen[0], 2, "the one that is no less hopeful by itself: {chosen:?}");
        assert_eq!((chosen[1], chosen.len()), (2, 3), "{chosen:?}");
    }

    #[test]
    fn equal_values_and_single_ones_are_no_trouble() {
        assert!(gauss(&[vec![0.0]], &[1.0]).is_none());
        let flat = gauss(&[vec![0.0], vec![1.0], vec![1.0]], &[2.0; 3]).unwrap();
        assert!((flat.expected(&[0.5]) - 2.0).abs() < 1e-6);
        assert_eq!(flat.promising(&[&[0.5], &[0.1]], 2.0, 2).len(), 2);
    }
}
