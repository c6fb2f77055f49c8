//! What becomes of a call that couldn't begin because of us: no room in the sandbox, or our own database.
//!
//! The driver wasn't entered, so that trying again is safe whatever the call does.

use std::time::Duration;

use ironbark_model::{Error, ErrorKind, Result};
use tokio::time::Instant;

/// The first pause; each is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);

/// For how long a call of nobody's is tried.
const A_WHILE: Duration = Duration::from_secs(12);

/// For how long a call of an operation is tried. Not for ever only because nothing is: all that takes room in the sandbox has a
/// deadline that is far shorter, and a conductor without its database loses its standing, which ends the call as well.
const VERY_LONG: Duration = Duration::from_secs(1800);

/// How long to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Not at all: a client waits, and is told to come again.
    Client,
    /// Some seconds: what isn't done now is done the next time.
    Clock,
    /// Until it begins: an operation that gave up would fail its node for what is no fault of the node.
    Operation,
}

/// The tries of one call.
pub(super) struct Room {
    patience: Patience,
    began: Instant,
    pause: Duration,
}

impl Room {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            began: Instant::now(),
            pause: PAUSE,
        }
    }

    /// Waits before the next try; gives `error` back if there is to be none.
    pub(super) async fn wait(&mut self, error: Error) -> Result<()> {
        let pause = self.next_pause(error, self.began.elapsed())?;
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn next_pause(&mut self, error: Error, elapsed: Duration) -> Result<Duration> {
        let limit = match self.patience {
            Patience::Client => return Err(error),
            Patience::Clock => A_WHILE,
            Patience::Operation => VERY_LONG,
        };
        if !is_ours(&error) || elapsed + self.pause > limit {
            return Err(error);
        }
        let pause = self.pause;
        if pause == PAUSE_LONGEST {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a driver call of an operation can't begin; this is tried again"
            );
        }
        self.pause = (pause * 2).min(PAUSE_LONGEST);
        Ok(pause)
    }
}

/// Whether this is our own bound or our own database: never a failure of the node.
pub(crate) fn is_ours(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(patience: Patience, error: impl Fn() -> Error, most: u32) -> u32 {
        let mut room = Room::new(patience);
        let mut elapsed = Duration::ZERO;
        let mut tries = 1;
        while tries < most {
            let Ok(pause) = room.next_pause(error(), elapsed) else {
                break;
            };
            elapsed += pause;
            tries += 1;
        }
        tries
    }

    #[test]
    fn clients_come_again_the_clock_tries_a_while_and_operations_do_not_give_up() {
        let full = || Error::overloaded("full");
        assert_eq!(tries(Patience::Client, full, 50), 1);
        let clock = tries(Patience::Clock, full, 50);
        assert!((5..10).contains(&clock), "{clock}");
        assert_eq!(tries(Patience::Operation, full, 50), 50);
        let database = || Error::internal("The database failed.");
        assert_eq!(tries(Patience::Operation, database, 50), 50);
    }

    #[test]
    fn what_the_driver_said_is_never_tried_again() {
        for kind in [
            ErrorKind::BadGateway,
            ErrorKind::Busy,
            ErrorKind::GatewayTimeout,
            ErrorKind::NoConductor,
        ] {
            let said = || Error::new(kind, "no");
            assert_eq!(tries(Patience::Operation, said, 50), 1, "{kind:?}");
        }
    }
}
