//! The languages of workflows, and the runners that stand for them.

/// A language in which workflows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// That of Orquesta.
    Orquesta,
    /// That of action chains.
    Chain,
}

impl Language {
    /// The language of the workflows that the runner of this name conducts. `None` for any other runner.
    pub fn of_runner(runner: &str) -> Option<Self> {
        [Self::Orquesta, Self::Chain].into_iter().find(|language| language.runner() == runner)
    }

    /// The name of its runner.
    pub const fn runner(self) -> &'static str {
        match self {
            Self::Orquesta => "orquesta",
            Self::Chain => "action-chain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_stands_for_its_language() {
        for (runner, language) in [
            ("orquesta", Some(Language::Orquesta)),
            ("action-chain", Some(Language::Chain)),
            ("mistral-v2", None),
            ("", None),
        ] {
            assert_eq!(Language::of_runner(runner), language, "{runner}");
            assert!(language.is_none_or(|language| language.runner() == runner), "{runner}");
        }
    }
}
