//! Rescue and back: the machine boots a rescue ramdisk, and later its instance again.

use std::time::Duration;

use ironbark_model::{Error, ErrorKind, Event, InterfaceKind, Node, Timestamp};
use ironbark_sandbox::Outcome;

use super::step_run::{waiting, within_first_deadline};
use super::{Phase, Run, Trouble};

/// Key of `instance_info` under which the rescue password is, from the request until the rescue ends. It is masked in answers.
pub(crate) const PASSWORD: &str = "rescue_password";

/// How long between two looks when the driver waits for something that it doesn't name a time for.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What can be known to be missing before a rescue, or its end, begins.
pub(crate) const NEEDED: &[InterfaceKind] = &[
    InterfaceKind::Power,
    InterfaceKind::Network,
    InterfaceKind::Rescue,
];

/// The one phase of a rescue. After a wait the driver is called again with its cursor.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let cursor = run.op.cursor.clone();
    let called = run.call().rescue(cursor).await?;
    match run.keep(called) {
        Outcome::Done => {
            run.raise(Event::Done)?;
            run.finish().await
        }
        Outcome::Wait(wait) => {
            let (wait, cursor) = waiting(wait);
            let wait = within_first_deadline(run, wait)?;
            run.op.cursor = Some(cursor);
            run.raise(Event::Wait)?;
            run.part(wait).await
        }
    }
}

/// The one phase of the way back. There is no state to wait in: the worker keeps the node while the driver waits.
pub(super) async fn back(run: &mut Run) -> Phase {
    loop {
        let cursor = run.op.cursor.clone();
        let called = run.call().unrescue(cursor).await?;
        // What it noted is stored together with its cursor.
        let Outcome::Wait(wait) = run.keep(called) else {
            break;
        };
        let (mut wait, cursor) = waiting(wait);
        // The first deadline holds, however often the driver waits again.
        if let Some(before) = &run.op.wait {
            wait.deadline = before.deadline.min(wait.deadline);
        }
        let now = Timestamp::now();
        if wait.deadline <= now {
            return Err(Trouble::Failed(Error::new(
                ErrorKind::GatewayTimeout,
                "the driver did not boot the instance before its own deadline",
            )));
        }
        let until = wait
            .poll_at
            .unwrap_or_else(|| now.plus(LOOK_AGAIN))
            .min(wait.deadline);
        run.op.cursor = Some(cursor);
        run.op.wait = Some(wait);
        run.commit().await?;
        tokio::time::sleep(now.age_at(until)).await;
    }
    forget_password(&mut run.node);
    run.raise(Event::Done)?;
    run.finish().await
}

/// The rescue is over, or will not be.
pub(crate) fn forget_password(node: &mut Node) {
    node.instance_info.remove(PASSWORD);
}
