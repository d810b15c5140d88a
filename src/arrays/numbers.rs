//! Numbers of an input or of what is expected, before the type of a tensor is known.
//!
//! Read from files by `arrays`, and from models' manifests.

/// Numbers, each exactly as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// With a fraction.
    Floats(Vec<f64>),
    /// Without.
    Whole(Vec<i64>),
}

impl Numbers {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Whole(values) => values.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each as the nearest f64.
    pub fn floats(&self) -> impl Iterator<Item = f64> + Clone {
        let (floats, whole): (&[f64], &[i64]) = match self {
            Self::Floats(values) => (values, &[]),
            Self::Whole(values) => (&[], values),
        };
        floats.iter().copied().chain(whole.iter().map(|value| *value as f64))
    }

    /// So many of them, again from the first after the last.
    #[must_use]
    pub fn repeated(self, length: usize) -> Self {
        match self {
            Self::Floats(values) => Self::Floats(values.into_iter().cycle().take(length).collect()),
            Self::Whole(values) => Self::Whole(values.into_iter().cycle().take(length).collect()),
        }
    }
}
