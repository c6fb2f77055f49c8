//! Calling a node's drivers: the only place that knows how a call is put together.
//!
//! A call gets a masked snapshot of its node, the capabilities of its package, and a deadline. It is dropped when this conductor
//! may not act any more. What it wrote is handed back, to be stored together with what it was called for.

mod driver_level;
mod hardware;
mod lending;
mod methods;
mod notes_seen;
mod polling;
mod room;
mod vendor;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ironbark_db::Reservation;
use ironbark_drivers::{Implementation, Package, snapshot};
use ironbark_model::operation::PlannedStep;
use ironbark_model::step::StepKind;
use ironbark_model::{Error, ErrorKind, InterfaceKind, Node, Port, Result, Timestamp};
use ironbark_sandbox::{CallContext, CallError, Completed, FaultKind, Lock, Outcome, Write};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::audit::{CallAudit, Purpose, Who};
use crate::capabilities::Unserved;
use crate::connections;
use crate::context::Context;
use crate::packages;
use crate::reserve::Held;
use room::Room;

pub(crate) use notes_seen::{NotesSeen, apply};

pub(crate) use driver_level::{
    driver_properties, driver_raid_properties, driver_vendor_call, driver_vendor_method,
    driver_vendor_methods, driver_vendor_validate,
};
pub(crate) use polling::run_task_without_node;
pub(crate) use room::{Patience, is_ours};
pub(crate) use vendor::{MethodInfo, vendor_methods};

/// A node's ports, read when the first call needs them.
#[derive(Default)]
pub(crate) struct Ports(OnceCell<Vec<Port>>);

impl Ports {
    async fn of(&self, ctx: &Context, node: &Node) -> Result<&[Port]> {
        let ports = self
            .0
            .get_or_try_init(|| ctx.db.ports_of_node(&node.uuid))
            .await?;
        Ok(ports)
    }
}

/// What a package wrote during a call and wants to be stored.
#[derive(Debug)]
pub(crate) struct Notes {
    /// The package's name.
    pub(crate) package: String,
    /// Keys with their new values.
    pub(crate) writes: Vec<Write>,
}

/// What came of trying to make a call.
enum Once<T> {
    Done(Completed<T>),
    /// The driver was not entered, because of us.
    NotBegun(Error),
    /// The driver was not entered, because this version is not in use any more.
    Replaced(Implementation),
}

/// What a call returned, and what it wrote.
#[derive(Debug)]
pub(crate) struct Called<T> {
    pub(crate) value: T,
    /// Nothing for most calls.
    pub(crate) notes: Option<Notes>,
}

/// Stores what a call wrote, and gives the node back.
pub(crate) async fn store_and_release(held: Held, notes: Option<Notes>) -> Result<()> {
    let Some(notes) = notes else {
        return held.release().await;
    };
    let mut tx = held.begin().await?;
    tx.notes_write(&notes.package, &notes.writes).await?;
    held.commit_and_release(tx).await
}

/// Name of the implementation that a node has: what the instance asks for, else the node's own.
pub(crate) fn implementation_name(node: &Node, kind: InterfaceKind) -> Option<&str> {
    let asked = node.instance_info.get(kind.field());
    asked
        .and_then(Value::as_str)
        .or_else(|| node.interface(kind))
}

/// A way to the drivers of one node.
#[derive(Clone, Copy)]
pub(crate) struct NodeCall<'a> {
    pub(crate) ctx: &'a Arc<Context>,
    pub(crate) node: &'a Node,
    pub(crate) ports: &'a Ports,
    pub(crate) request_id: &'a str,
    pub(crate) lock: Lock,
    /// How the node is held, if it is: lets steps make checkpoints.
    pub(crate) reservation: Option<&'a Reservation>,
    /// What earlier calls of the same work wrote and isn't stored yet: this one sees it.
    pub(crate) pending: &'a [Notes],
    /// What is stored of it and was read by earlier calls, if the node is held all the time.
    pub(crate) seen: Option<&'a NotesSeen>,
    /// Until when somebody waits for the answer; `None` for work of our own.
    pub(crate) deadline: Option<Timestamp>,
    /// How long it is tried if it can't begin.
    pub(crate) patience: Patience,
}

impl NodeCall<'_> {
    /// The implementation that the node has for `kind`: what the instance asks for, else the node's own.
    pub(crate) fn implementation(&self, kind: InterfaceKind) -> Result<Implementation> {
        let name = self.name_of(kind)?;
        self.ctx.drivers.implementation_for(self.node, kind, name)
    }

    /// Its name.
    fn name_of(&self, kind: InterfaceKind) -> Result<&str> {
        implementation_name(self.node, kind).ok_or_else(|| {
            Error::missing(format!(
                "Node {} has no {}: set one with a PATCH.",
                self.node.uuid,
                kind.field()
            ))
        })
    }

    /// As [`NodeCall::package_of`], for the implementation that the node has.
    pub(crate) fn package_in_use(&self, kind: InterfaceKind) -> Result<Option<String>> {
        self.package_of(kind, self.name_of(kind)?)
    }

    /// The node's implementation, of the package version that an operation began with if it is pinned.
    async fn begun_with(
        &self,
        kind: InterfaceKind,
        digest: Option<&str>,
    ) -> Result<Implementation> {
        match digest {
            Some(digest) => self.pinned(digest, kind, self.name_of(kind)?).await,
            None => self.implementation(kind),
        }
    }

    /// Whether the node has what its interface needs. `no-*` interfaces never have.
    pub(crate) async fn validate(&self, kind: InterfaceKind) -> Result<()> {
        let implementation = self.implementation(kind)?;
        connections::check(self.ctx, &implementation, &self.node.driver_info)?;
        let info = Arc::new(self.node.driver_info.clone());
        self.run(implementation, |implementation, context| {
            let info = Arc::clone(&info);
            async move { implementation.validate(context, &info).await }
        })
        .await
        .map(drop)
    }

    /// Whether the node's implementation has a way to a machine, or to the agent on it.
    pub(crate) fn reaches_machine(&self, kind: InterfaceKind) -> Result<bool> {
        let implementation = self.implementation(kind)?;
        Ok(["ipmi", "redfish", "ssh", "agent"]
            .iter()
            .any(|capability| implementation.uses(capability)))
    }

    /// Whether the node's power implementation restarts machines in one go.
    pub(crate) fn native_reboot(&self) -> Result<bool> {
        Ok(self.implementation(InterfaceKind::Power)?.native_reboot())
    }

    /// The steps of `kind` that the node's implementations bring.
    pub(crate) fn steps(&self, kind: StepKind) -> Result<Vec<PlannedStep>> {
        Ok(self.ctx.drivers.steps(self.node, kind))
    }

    /// Digest of the package that brings an implementation now, for a step that is about to begin; `None` for the host's
    /// own. Nothing begins with a package in quarantine.
    pub(crate) fn package_of(&self, kind: InterfaceKind, name: &str) -> Result<Option<String>> {
        let mut implementation = self.ctx.drivers.implementation_for(self.node, kind, name)?;
        while let Err(error) = implementation.admit() {
            match self.instead_of(&implementation) {
                Some(other) => implementation = other,
                None => return Err(error.into()),
            }
        }
        Ok(implementation.digest().map(str::to_owned))
    }

    /// Runs a step, or a part of it, with the package that it began with.
    pub(crate) async fn execute_step(
        &self,
        kind: StepKind,
        planned: &PlannedStep,
        digest: Option<&str>,
        cursor: Option<Value>,
    ) -> Result<Called<Outcome>> {
        let (interface, name) = (planned.step.interface, planned.implementation.as_str());
        let drivers = &self.ctx.drivers;
        let implementation = match digest {
            Some(digest) => self.pinned(digest, interface, name).await?,
            None => drivers.implementation_for(self.node, interface, name)?,
        };
        self.run(implementation, |implementation, context| {
            let step = planned.step.step.clone();
            let args = planned.step.args.clone();
            let cursor = cursor.clone();
            async move {
                implementation
                    .execute_step(context, kind, &step, args, cursor)
                    .await
            }
        })
        .await
    }

    /// The implementation of the package version that a step began with.
    ///
    /// A swap may have let go of the version between the moment when it was chosen and the moment when the journal said so. Now
    /// that it does, the version is loaded again, and stays.
    async fn pinned(
        &self,
        digest: &str,
        kind: InterfaceKind,
        name: &str,
    ) -> Result<Implementation> {
        let drivers = &self.ctx.drivers;
        if let Some(found) = drivers.implementation_pinned(digest, kind, name) {
            return Ok(found);
        }
        packages::load_pinned(self.ctx).await?;
        drivers
            .implementation_pinned(digest, kind, name)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::BadGateway,
                    format!("the package that the step began with ({digest}) isn't loaded on this conductor"),
                )
            })
    }

    /// What the node uses now, if it isn't this any more: it was quarantined between the moment when it was chosen and the call,
    /// and another version is in use. Nothing instead of what a step began with.
    fn instead_of(&self, implementation: &Implementation) -> Option<Implementation> {
        if implementation.is_pinned() {
            return None;
        }
        let (kind, name) = (implementation.kind(), implementation.name());
        let now = self.ctx.drivers.implementation_for(self.node, kind, name);
        now.ok()
            .filter(|now| now.digest() != implementation.digest())
    }

    /// Makes one call of `implementation`.
    async fn run<T, Work, Calling>(
        &self,
        mut implementation: Implementation,
        work: Work,
    ) -> Result<Called<T>>
    where
        Work: Fn(Implementation, CallContext) -> Calling,
        Calling: Future<Output = Result<Completed<T>, CallError>>,
    {
        let mut room = Room::new(self.patience);
        let completed = loop {
            match self.once(&implementation, &work).await? {
                Once::Done(completed) => break completed,
                Once::NotBegun(error) => room.wait(error).await?,
                Once::Replaced(other) => implementation = other,
            }
        };
        let notes = match implementation.package_name() {
            Some(package) if !completed.writes.is_empty() => Some(Notes {
                package: package.to_owned(),
                writes: completed.writes,
            }),
            _ => None,
        };
        Ok(Called {
            value: completed.value,
            notes,
        })
    }

    /// Makes one call.
    async fn once<T, Work, Calling>(
        &self,
        implementation: &Implementation,
        work: &Work,
    ) -> Result<Once<T>>
    where
        Work: Fn(Implementation, CallContext) -> Calling,
        Calling: Future<Output = Result<Completed<T>, CallError>>,
    {
        let unserved = Unserved::default();
        let context = match self.context(implementation, Purpose::Work, &unserved).await {
            Err(error) if is_ours(&error) => return Ok(Once::NotBegun(error)),
            other => other?,
        };
        let calling = || work(implementation.clone(), context.clone());
        match attempt(self.ctx, calling).await? {
            Ok(completed) => Ok(Once::Done(completed)),
            Err(CallError::Overloaded) => Ok(Once::NotBegun(CallError::Overloaded.into())),
            Err(CallError::Fault(fault)) if matches!(fault.kind, FaultKind::Quarantined(_)) => {
                match self.instead_of(implementation) {
                    Some(other) => Ok(Once::Replaced(other)),
                    None => Err(CallError::Fault(fault).into()),
                }
            }
            Err(error) => Err(blame(error, &unserved)),
        }
    }

    async fn context(
        &self,
        implementation: &Implementation,
        purpose: Purpose,
        unserved: &Unserved,
    ) -> Result<CallContext> {
        let mut context = CallContext::without_node(self.request_id);
        context.deadline = time_for(self.ctx, implementation, self.deadline)?;
        let Some(package) = implementation.package() else {
            return Ok(context);
        };
        let ports = self.ports.of(self.ctx, self.node).await?;
        let seen = snapshot(
            self.node,
            ports,
            package.secret_keys(),
            package.bound_keys(),
        );
        context.node = Some(seen.json);
        context.secrets = seen.secrets;
        context.secret_refs = seen.secret_refs;
        context.node_label = self.node.uuid.as_str().into();
        context.lock = self.lock;
        context.audit = audit(
            self.ctx,
            package,
            Some(&self.node.uuid),
            self.request_id,
            purpose,
        );
        context.capabilities = self.lend(implementation, package, unserved);
        Ok(context)
    }
}

/// How long a call may take: what is configured for its package or for all, or less if somebody waits until `deadline`.
fn time_for(
    ctx: &Context,
    implementation: &Implementation,
    deadline: Option<Timestamp>,
) -> Result<Duration> {
    let limit = implementation
        .package()
        .and_then(|package| package.own_deadline())
        .unwrap_or(ctx.config.driver_call_timeout);
    let Some(deadline) = deadline else {
        return Ok(limit);
    };
    let left = Timestamp::now().age_at(deadline);
    if left.is_zero() {
        return Err(Error::new(
            ErrorKind::GatewayTimeout,
            "The time of this request was over before its driver could be called; nothing more was done.",
        ));
    }
    Ok(left.min(limit))
}

/// What a call that went wrong is told as: an error that the driver returned because we failed it is ours.
fn blame(error: CallError, unserved: &Unserved) -> Error {
    match (&error, unserved.error()) {
        (CallError::Driver(_), Some(ours)) => ours,
        _ => error.into(),
    }
}

/// Who records what a call of `package` does.
fn audit(
    ctx: &Context,
    package: &Package,
    node: Option<&str>,
    request_id: &str,
    purpose: Purpose,
) -> Arc<dyn ironbark_sandbox::Audit> {
    let who = Who {
        actor: ctx.audit.askers.of(request_id),
        package: package.name().to_owned(),
        digest: package.digest().to_owned(),
        node: node.map(str::to_owned),
        request_id: request_id.to_owned(),
        purpose,
    };
    Arc::new(CallAudit::new(ctx.audit.clone(), who))
}

/// Makes a call as long as this conductor may act, again if there is no room for it and `patience` allows.
async fn run_bounded<T, Calling>(
    ctx: &Context,
    patience: Patience,
    work: impl Fn() -> Calling,
) -> Result<Completed<T>>
where
    Calling: Future<Output = Result<Completed<T>, CallError>>,
{
    let mut room = Room::new(patience);
    loop {
        match attempt(ctx, &work).await? {
            Err(CallError::Overloaded) => room.wait(CallError::Overloaded.into()).await?,
            other => return Ok(other?),
        }
    }
}

/// Makes a call; an error of our own if this conductor may not act, or may not any more before the answer is there.
async fn attempt<T, Calling>(
    ctx: &Context,
    work: impl Fn() -> Calling,
) -> Result<Result<Completed<T>, CallError>>
where
    Calling: Future<Output = Result<Completed<T>, CallError>>,
{
    ctx.standing.check()?;
    tokio::select! {
        biased;
        outcome = work() => Ok(outcome),
        () = ctx.standing.lapsed() => Err(Error::new(
            ErrorKind::NoConductor,
            "The driver call was dropped: this conductor could not renew its registration.",
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::testing::{config, context};

    struct NotesItsDrop(Arc<AtomicBool>);

    impl Drop for NotesItsDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn an_error_that_a_driver_returns_because_we_failed_it_is_ours() {
        let failed = || CallError::Driver(ironbark_sandbox::DriverError::Failed("no notes".into()));
        let unserved = Unserved::default();
        assert_eq!(blame(failed(), &unserved).kind(), ErrorKind::BadGateway);
        unserved.note(Error::internal("The database failed."));
        assert_eq!(blame(failed(), &unserved).kind(), ErrorKind::Internal);
    }

    #[tokio::test]
    async fn a_database_that_fails_while_a_call_is_put_together_strands_the_work() {
        let db = ironbark_db::testing::sqlite().await;
        let acme = crate::testing::package("acme", "1.0.0", "acme");
        let ctx = crate::testing::registered(&db, config("host-a"), &[acme]).await;
        let node = crate::testing::node(&db, "acme", "n").await;
        db.close().await;
        let ports = Ports::default();
        let call = NodeCall {
            ctx: &ctx,
            node: &node,
            ports: &ports,
            request_id: "req-1",
            lock: Lock::Exclusive,
            reservation: None,
            pending: &[],
            seen: None,
            deadline: None,
            patience: Patience::Client,
        };
        let error = call.power_state().await.unwrap_err();
        let trouble = crate::operations::Trouble::from(error);
        assert!(matches!(trouble, crate::operations::Trouble::Stranded(_)));
    }

    #[tokio::test]
    async fn a_driver_call_is_dropped_when_this_conductor_may_not_act_any_more() {
        let db = ironbark_db::testing::sqlite().await;
        let ctx = context(&db, config("host-a"));
        ctx.standing.renewed(tokio::time::Instant::now());
        let dropped = Arc::new(AtomicBool::new(false));
        let begun = tokio::sync::Notify::new();
        let call = attempt(&ctx, || async {
            let _note = NotesItsDrop(Arc::clone(&dropped));
            begun.notify_one();
            std::future::pending::<Result<Completed<()>, CallError>>().await
        });
        let (outcome, ()) = tokio::join!(call, async {
            begun.notified().await;
            ctx.standing.superseded();
        });
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NoConductor);
        assert!(dropped.load(Ordering::Relaxed));
    }
}
