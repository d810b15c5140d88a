//! What a layer may apply to its sums.

/// A function of one number; `activation` names it in a stage's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x.
    None,
    /// x · Φ(x), exactly (Hendrycks & Gimpel, *Gaussian Error Linear Units*, 2016).
    Gelu,
    /// x · sigmoid(1.702 x), the approximation of the same paper that CLIP uses.
    QuickGelu,
    /// The hyperbolic tangent.
    Tanh,
    /// max(x, 0).
    Relu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Gelu, Self::QuickGelu, Self::Tanh, Self::Relu];

    /// As written in manifests and known to `shaders/lib/activation.wgsl`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gelu => "gelu",
            Self::QuickGelu => "quick_gelu",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}
