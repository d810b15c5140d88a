//! A tone says what a reader should think of a text. This is the one place where reports give it a colour; the stream that
//! it goes to takes the colour out again where there is no terminal, or where `NO_COLOR` is set.

use owo_colors::{OwoColorize, Style};

/// What a reader should think of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// It names what stands below it.
    Heading,
    /// Nothing beats it.
    Best,
    /// It is as it should be.
    Good,
    /// It is worse than it might be, or wrong.
    Bad,
    /// It is not certain.
    Doubtful,
}

impl Tone {
    /// The text in the tone's colour.
    pub(super) fn paint(self, text: &str) -> String {
        let style = match self {
            Self::Plain => return text.to_owned(),
            Self::Heading => Style::new().bold(),
            Self::Best => Style::new().bold().green(),
            Self::Good => Style::new().green(),
            Self::Bad => Style::new().red(),
            Self::Doubtful => Style::new().yellow(),
        };
        text.style(style).to_string()
    }
}
