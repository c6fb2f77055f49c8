//! Looking at a node's open operation when its time has come.

use std::sync::Arc;
use std::time::Duration;

use ironbark_model::{ErrorKind, Event, Operation, Result, Timestamp};

use super::alarm::TRY_AGAIN;
use super::{Run, Trouble, drive, failing};
use crate::call::Ports;
use crate::context::Context;
use crate::recovery;
use crate::reserve::Held;

/// How long a waiting operation of a node in maintenance is left alone.
const IN_MAINTENANCE: Duration = Duration::from_secs(30);

/// Does what is due, within the worker that calls this: goes on after a wait, fails what waited too long, or sees to work of our
/// own that was stopped. Safe to call at any time.
pub(super) async fn look_at(ctx: &Arc<Context>, node_uuid: &str) {
    if let Err(error) = attend(ctx, node_uuid).await {
        match error.kind() {
            ErrorKind::NotFound => {}
            ErrorKind::NodeLocked => ctx.alarm.set_after(TRY_AGAIN, node_uuid),
            _ => {
                tracing::warn!(
                    node = node_uuid,
                    error = &error as &dyn std::error::Error,
                    "a waiting operation could not be looked at"
                );
                ctx.alarm.set_after(super::STRANDED, node_uuid);
            }
        }
    }
}

async fn attend(ctx: &Arc<Context>, node_uuid: &str) -> Result<()> {
    // Before anything is stored: a step that was resumed, but whose driver then can't be called, counts as interrupted.
    ctx.standing.check()?;
    if let Some(reservation) = ctx.alarm.take_stranded(node_uuid) {
        if !ctx.standing.may_act() {
            ctx.alarm.strand(reservation);
            return Ok(());
        }
        let held = Held::take_over(ctx, node_uuid, &reservation.host, reservation.fence).await;
        return match held {
            Ok(Some(held)) => recovery::see_to(held).await,
            Ok(None) => Ok(()),
            Err(error) => {
                ctx.alarm.strand(reservation);
                Err(error)
            }
        };
    }
    // Looked at before the node is taken: most alarms of a busy conductor are for nodes that moved on already.
    match ctx.db.operation_of(node_uuid).await? {
        Some(operation) if operation.wait.is_some() => {}
        _ => return Ok(()),
    }
    let (held, node) = Held::try_acquire_and_read(ctx, node_uuid).await?;
    let operation = ctx.db.operation_of(node_uuid).await?;
    let Some(mut operation) = operation else {
        return held.release().await;
    };
    let now = Timestamp::now();
    let Some(due_at) = due_at(&operation) else {
        return held.release().await;
    };
    let mine = ctx.ring.owns_node(&node);
    if !mine || node.maintenance || due_at > now {
        held.release().await?;
        if mine {
            let again = if node.maintenance {
                now.plus(IN_MAINTENANCE)
            } else {
                due_at
            };
            ctx.alarm.set(again, node_uuid);
        }
        return Ok(());
    }
    let late = operation
        .wait
        .take()
        .is_some_and(|wait| wait.deadline <= now);
    let held_back = node.provision_state.next(Event::Resume).is_none();
    if held_back && !late {
        return held.release().await;
    }
    if late {
        let reason = match operation.current_step() {
            Some(planned) => format!(
                "The {} step {} was not over by its deadline.",
                operation.kind,
                planned.step.full_name()
            ),
            None => format!(
                "The operation {} was not over by its deadline.",
                operation.kind
            ),
        };
        failing::mark(&mut operation, &reason);
    }
    let mut run = Run::of(held, node, operation, Ports::default());
    let stored = match if late {
        Ok(())
    } else {
        run.raise(Event::Resume)
    } {
        Ok(()) => run.commit().await,
        Err(trouble) => Err(trouble),
    };
    match stored {
        Ok(()) => {
            drive(run).await;
            Ok(())
        }
        Err(Trouble::Lost) => Ok(()),
        Err(Trouble::Failed(error) | Trouble::Stranded(error)) => {
            super::strand(&run);
            Err(error)
        }
    }
}

/// When a waiting operation is to be looked at; `None` if it doesn't wait.
pub(crate) fn due_at(operation: &Operation) -> Option<Timestamp> {
    let wait = operation.wait.as_ref()?;
    Some(wait.poll_at.unwrap_or(wait.deadline).min(wait.deadline))
}
