//! How a command can fail, and the exit code that scripts see.

use std::process::ExitCode;

/// Why a command failed. The exit codes are part of the interface: documented in `--help` and the README.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was tried and did not work, or the server refused. Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The configuration is wrong. Exit code 3. (2 is wrong usage of the command line, by clap.)
    #[error("configuration: {0}")]
    Configuration(String),
    /// No server answers. Exit code 4.
    #[error("{0}")]
    Unreachable(String),
}

impl From<model::Error> for Failure {
    fn from(error: model::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Says on standard error what went wrong, if anything, and gives the process's exit code.
pub(crate) fn exit_code(outcome: Result<(), Failure>) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    eprintln!("cloudify: {failure}");
    ExitCode::from(match failure {
        Failure::Failed(_) => 1,
        Failure::Configuration(_) => 3,
        Failure::Unreachable(_) => 4,
    })
}
