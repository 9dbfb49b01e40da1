//! How the program ends, as scripts see it.

use std::process::ExitCode;

use kitchen_types::event::RunStatus;

/// How the program ends. The numbers are part of the command line, and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Ok = 0,
    /// A run failed, or a command could not do what it was asked.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// A check found problems.
    Problems = 3,
    /// A run waits for a person (`EX_TEMPFAIL`: try again later).
    Waiting = 75,
    /// Ctrl-C (128 and the number of the signal).
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// How a run that stands so ends the program; `None` is a run that never said how it ended.
    pub(crate) fn of_run(status: Option<RunStatus>, interrupted: bool) -> Self {
        match status {
            Some(RunStatus::Completed) => Self::Ok,
            Some(RunStatus::Stopped) if interrupted => Self::Interrupted,
            Some(RunStatus::Stopped) => Self::Ok,
            Some(RunStatus::Waiting) => Self::Waiting,
            Some(RunStatus::Failed) | None => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_number() {
        let table = [
            (Some(RunStatus::Completed), false, 0),
            (Some(RunStatus::Completed), true, 0),
            (Some(RunStatus::Stopped), false, 0),
            (Some(RunStatus::Stopped), true, 130),
            (Some(RunStatus::Waiting), false, 75),
            (Some(RunStatus::Failed), false, 1),
            (Some(RunStatus::Failed), true, 1),
            (None, false, 1),
        ];
        for (status, interrupted, expected) in table {
            let exit = Exit::of_run(status, interrupted);
            assert_eq!(exit as u8, expected, "{status:?}, {interrupted}");
        }
        assert_eq!(Exit::Usage as u8, 2);
        assert_eq!(Exit::Problems as u8, 3);
    }
}
