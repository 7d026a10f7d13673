//! How a command ends: a code for scripts, a sentence and a next step for people.
use std::fmt;
use std::process::ExitCode;

use crate::client::{Trouble, Unfit};

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// It could not be done: 1.
    Failed(String),
    /// It was asked for in a way that has no one meaning: 2.
    Usage(String),
    /// There is no such tree or actor: 3.
    NoSuch(String),
}

impl Failure {
    /// The code it ends with.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NoSuch(_) => 3,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::Usage(text) | Self::NoSuch(text) => f.write_str(text),
        }
    }
}
impl std::error::Error for Failure {}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unreachable(_) => Self::NoSuch(trouble.to_string()),
            _ => Self::Failed(trouble.to_string()),
        }
    }
}

impl From<Unfit> for Failure {
    fn from(unfit: Unfit) -> Self {
        Self::Failed(unfit.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!("the terminal or a file gave way: {error}"))
    }
}
