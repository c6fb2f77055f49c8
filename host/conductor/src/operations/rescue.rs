//! Rescue and back: the machine boots a rescue ramdisk, and later its instance again.

use ironbark_model::{Event, InterfaceKind, Node};
use ironbark_sandbox::Outcome;

use super::step_run::{wait_in_worker, waiting, within_first_deadline};
use super::{Phase, Run};

/// Key of `instance_info` under which the rescue password is, from the request until the rescue ends. It is masked in answers.
pub(crate) const PASSWORD: &str = "rescue_password";

/// What can be known to be missing before a rescue, or its end, begins.
pub(crate) const NEEDED: &[InterfaceKind] = &[
    InterfaceKind::Power,
    InterfaceKind::Network,
    InterfaceKind::Rescue,
];

/// The one phase of a rescue. After a wait the driver is called again with its cursor.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let cursor = run.op.cursor.clone();
    run.pin(InterfaceKind::Rescue).await?;
    let digest = run.op.package_digest.clone();
    let called = run.call().rescue(cursor, digest.as_deref()).await?;
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
    run.pin(InterfaceKind::Rescue).await?;
    loop {
        let cursor = run.op.cursor.clone();
        let digest = run.op.package_digest.clone();
        let called = run.call().unrescue(cursor, digest.as_deref()).await?;
        match run.keep(called) {
            Outcome::Done => break,
            Outcome::Wait(wait) => wait_in_worker(run, wait, "boot the instance").await?,
        }
    }
    forget_password(&mut run.node);
    run.raise(Event::Done)?;
    run.finish().await
}

/// The rescue is over, or will not be.
pub(crate) fn forget_password(node: &mut Node) {
    node.instance_info.remove(PASSWORD);
}
