//! Ctrl-C, SIGTERM and a closed terminal: the work stops at its next await, and what it brought up is taken down.
//! Once asked for, the handlers stay, so that a second Ctrl-C cannot cut the clean-up short.

use std::fmt;

use rustix::process::{Pid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Error;

/// The signals that end a run.
#[derive(Debug)]
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// The signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    Interrupt,
    Terminate,
    HangUp,
}

impl Interruption {
    /// Tells a program that did not hear it itself: Ctrl-C comes to all programs of a terminal.
    pub fn pass_on(self, program: Option<u32>) {
        let signal = match self {
            Self::Interrupt => return,
            Self::Terminate => rustix::process::Signal::TERM,
            Self::HangUp => rustix::process::Signal::HUP,
        };
        if let Some(pid) = program.and_then(|id| Pid::from_raw(id.cast_signed())) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, signal);
        }
    }

    /// What a shell gives for a program that a signal ended.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::HangUp => 129,
        }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
        })
    }
}

impl Interrupts {
    /// Starts to catch the signals; needs a tokio runtime.
    pub fn catch() -> Result<Self, Error> {
        let on = |kind| {
            signal(kind).map_err(|source| Error::Start { program: "signal handler".to_owned(), source })
        };
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    /// Waits for the first of them.
    pub async fn next(&mut self) -> Interruption {
        tokio::select! {
            _ = self.interrupt.recv() => Interruption::Interrupt,
            _ = self.terminate.recv() => Interruption::Terminate,
            _ = self.hang_up.recv() => Interruption::HangUp,
        }
    }
}
