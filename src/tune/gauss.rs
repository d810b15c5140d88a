//! A Gaussian process guesses how long configurations take from those that were tried (C. E. Rasmussen and
//! C. K. I. Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, algorithm 2.1).
//!
//! Its covariance falls off exponentially along each dimension, since configurations are steps and not smooth; how much
//! each dimension matters is chosen where what was seen is most likely. Used by `search`.

/// How fast the covariance may fall along a dimension.
const RATES: [f64; 4] = [0.02, 0.2, 0.8, 3.0];
/// What part of the variance may be noise.
const NOISES: [f64; 3] = [1e-4, 2e-3, 2e-2];
/// Rounds of choosing the rates.
const ROUNDS: usize = 2;
/// Values that are enough to choose them by.
const ENOUGH: usize = 48;

/// What is known of a function after some of its values were seen.
#[derive(Debug, Clone)]
pub(super) struct Gauss {
    seen: Vec<Vec<f64>>,
    rates: Vec<f64>,
    noise: f64,
    mean: f64,
    deviation: f64,
    /// Lower triangle of the covariance's root.
    root: Vec<Vec<f64>>,
    /// The covariance's inverse times the standardised values.
    weights: Vec<f64>,
}

impl Gauss {
    /// From places, all of the same dimensions, and the values seen there; `None` below two.
    pub(super) fn of(seen: Vec<Vec<f64>>, values: &[f64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let deviation = variance.sqrt().max(1e-9);
        let values: Vec<f64> = values.iter().map(|value| (value - mean) / deviation).collect();
        // The rates need not be exact, so some of the values are enough to choose them.
        let step = values.len().div_ceil(ENOUGH);
        let some = seen.iter().step_by(step).cloned().collect();
        let (rates, noise) = likeliest(some, &values.iter().copied().step_by(step).collect::<Vec<_>>())?;
        let all = Self { seen, rates, noise, mean, deviation, root: vec![], weights: vec![] };
        all.fitted(&values).map(|(fitted, _)| fitted)
    }

    /// With root and weights for its rates, and the logarithm of how likely the values are.
    fn fitted(mut self, values: &[f64]) -> Option<(Self, f64)> {
        self.root.clear();
        for place in 0..self.seen.len() {
            let row = self.row(&self.seen[place].clone(), place);
            self.root.push(row?);
        }
        let half = forward(&self.root, values);
        self.weights = backward(&self.root, &half);
        let fit: f64 = half.iter().map(|value| value * value).sum();
        let size: f64 = (0..self.root.len()).map(|place| self.root[place][place].ln()).sum();
        Some((self, -0.5 * fit - size))
    }

    /// The next row of the root, for a place after the first `count`; `None` where rounding makes that impossible.
    fn row(&self, place: &[f64], count: usize) -> Option<Vec<f64>> {
        let covariances: Vec<f64> = self.seen[..count].iter().map(|other| self.covariance(other, place)).collect();
        let mut row = forward(&self.root[..count], &covariances);
        let rest = 1.0 + self.noise - row.iter().map(|value| value * value).sum::<f64>();
        row.push((rest > 1e-12).then(|| rest.sqrt())?);
        Some(row)
    }

    fn covariance(&self, one: &[f64], other: &[f64]) -> f64 {
        let far: f64 = one.iter().zip(other).zip(&self.rates).map(|((a, b), rate)| rate * (a - b).abs()).sum();
        (-far).exp()
    }

    /// The expected value at a place.
    pub(super) fn expected(&self, place: &[f64]) -> f64 {
        let sum: f64 =
            self.seen.iter().zip(&self.weights).map(|(other, weight)| weight * self.covariance(other, place)).sum();
        self.mean + self.deviation * sum
    }

    /// By how much the value at a place may differ from the expected one, as a standard deviation.
    pub(super) fn doubt(&self, place: &[f64]) -> f64 {
        let covariances: Vec<f64> = self.seen.iter().map(|other| self.covariance(other, place)).collect();
        let known: f64 = forward(&self.root, &covariances).iter().map(|value| value * value).sum();
        self.deviation * (1.0 - known).max(0.0).sqrt()
    }

    /// As if the expected value had been seen at a place: there is no doubt there any more, and less around.
    pub(super) fn believe(&mut self, place: &[f64]) {
        if let Some(row) = self.row(place, self.seen.len()) {
            self.root.push(row);
            self.seen.push(place.to_vec());
            // What was expected changes no expectation.
            self.weights.push(0.0);
        }
    }
}

/// The rates and the noise that make standardised values likeliest, chosen one after the other.
fn likeliest(seen: Vec<Vec<f64>>, values: &[f64]) -> Option<(Vec<f64>, f64)> {
    let dimensions = seen.first()?.len();
    let (rates, noise) = (vec![0.5; dimensions], NOISES[1]);
    let start = Gauss { seen, rates, noise, mean: 0.0, deviation: 1.0, root: vec![], weights: vec![] };
    let (mut best, mut likelihood) = start.fitted(values)?;
    for _ in 0..ROUNDS {
        let rates = (0..dimensions).flat_map(|dimension| RATES.map(|rate| (Some(dimension), rate)));
        for (dimension, value) in rates.chain(NOISES.map(|noise| (None, noise))) {
            let mut other = best.clone();
            match dimension {
                Some(dimension) => other.rates[dimension] = value,
                None => other.noise = value,
            }
            if let Some((other, likely)) = other.fitted(values)
                && likely > likelihood
            {
                (best, likelihood) = (other, likely);
            }
        }
    }
    Some((best.rates, best.noise))
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
    use super::*;

    fn places() -> Vec<Vec<f64>> {
        (0..30_u8).map(|place| vec![f64::from(place % 6) / 5.0, f64::from(place / 6) / 4.0]).collect()
    }

    #[test]
    fn it_expects_what_it_saw_and_doubts_what_it_did_not() {
        let places = places();
        let values: Vec<f64> = places.iter().map(|place| 3.0 + (place[0] - 0.4).abs()).collect();
        let gauss = Gauss::of(places[..25].to_vec(), &values[..25]).unwrap();
        for (place, value) in places[..25].iter().zip(&values) {
            assert!((gauss.expected(place) - value).abs() < 0.02, "{place:?}");
        }
        // The second dimension does not matter, so what was never seen there is known as well.
        for (place, value) in places[25..].iter().zip(&values[25..]) {
            assert!((gauss.expected(place) - value).abs() < 0.05, "{place:?}");
        }
        assert!(gauss.rates[1] < gauss.rates[0], "{:?}", gauss.rates);
        assert!(gauss.doubt(&[9.0, 9.0]) > 10.0 * gauss.doubt(&places[3]));
    }

    #[test]
    fn a_belief_takes_doubt_away_and_changes_no_expectation() {
        let places = places();
        let values: Vec<f64> = places[..10].iter().map(|place| place[0] + place[1]).collect();
        let mut gauss = Gauss::of(places[..10].to_vec(), &values).unwrap();
        let (doubt, expected) = (gauss.doubt(&places[28]), gauss.expected(&places[20]));
        gauss.believe(&places[28]);
        assert!(gauss.doubt(&places[28]) < 0.5 * doubt);
        assert!((gauss.expected(&places[20]) - expected).abs() < 1e-12);
    }

    #[test]
    fn equal_values_and_single_ones_are_no_trouble() {
        assert!(Gauss::of(vec![vec![0.0]], &[1.0]).is_none());
        let flat = Gauss::of(vec![vec![0.0], vec![1.0], vec![1.0]], &[2.0; 3]).unwrap();
        assert!((flat.expected(&[0.5]) - 2.0).abs() < 1e-6);
    }
}
