//! Calling a node's drivers: the only place that knows how a call is put together.
//!
//! A call gets a masked snapshot of its node, the capabilities of its package, and a deadline. It is dropped when this conductor
//! may not act any more. What it wrote is handed back, to be stored together with what it was called for.

mod driver_level;
mod methods;
mod polling;
mod vendor;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ironbark_bmc::ipmi::Target;
use ironbark_db::Reservation;
use ironbark_drivers::{Implementation, snapshot};
use ironbark_model::operation::PlannedStep;
use ironbark_model::step::StepKind;
use ironbark_model::{Error, ErrorKind, InterfaceKind, Node, Port, Result};
use ironbark_sandbox::{
    CallContext, CallError, Capabilities, Completed, IpmiAccess, Lock, Outcome, StateAccess, Write,
};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::capabilities::{BmcOverIpmi, NodeNotes};
use crate::context::Context;
use crate::reserve::Held;

pub(crate) use driver_level::{
    driver_properties, driver_vendor_call, driver_vendor_method, driver_vendor_methods,
    driver_vendor_validate,
};
pub(crate) use polling::run_task_without_node;
pub(crate) use vendor::{MethodInfo, vendor_methods};

/// How often a call of an operation is tried that finds no room to run, and the first pause; each is twice as long.
const ROOM_ATTEMPTS: u32 = 8;
const ROOM_PAUSE: Duration = Duration::from_millis(100);

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
    /// How long somebody waits for the answer; `None` for work of our own.
    pub(crate) deadline: Option<Duration>,
    /// Waits for room to run, where a client would be told to come again.
    pub(crate) patient: bool,
}

impl NodeCall<'_> {
    /// The implementation that the node has for `kind`: what the instance asks for, else the node's own.
    pub(crate) fn implementation(&self, kind: InterfaceKind) -> Result<Implementation> {
        let name = self
            .node
            .instance_info
            .get(kind.field())
            .and_then(Value::as_str)
            .or_else(|| self.node.interface(kind))
            .ok_or_else(|| {
                Error::missing(format!(
                    "Node {} has no {}: set one with a PATCH.",
                    self.node.uuid,
                    kind.field()
                ))
            })?;
        self.ctx.drivers.implementation_for(self.node, kind, name)
    }

    /// Whether the node has what its interface needs. `no-*` interfaces never have.
    pub(crate) async fn validate(&self, kind: InterfaceKind) -> Result<()> {
        let implementation = self.implementation(kind)?;
        let talks_to_bmc = matches!(kind, InterfaceKind::Power | InterfaceKind::Management);
        if talks_to_bmc && implementation.uses("ipmi") {
            Target::from_driver_info(&self.node.driver_info)
                .map_err(|error| Error::invalid(error.to_string()))?;
        }
        let info = Arc::new(self.node.driver_info.clone());
        self.run(implementation, |implementation, context| {
            let info = Arc::clone(&info);
            async move { implementation.validate(context, &info).await }
        })
        .await
        .map(drop)
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
        let implementation = self.ctx.drivers.implementation_for(self.node, kind, name)?;
        implementation.admit()?;
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
            Some(digest) => drivers
                .implementation_pinned(digest, interface, name)
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::BadGateway,
                        format!("the package that the step began with ({digest}) isn't loaded on this conductor"),
                    )
                })?,
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

    /// Makes one call of `implementation`.
    async fn run<T, Work, Calling>(
        &self,
        implementation: Implementation,
        work: Work,
    ) -> Result<Called<T>>
    where
        Work: Fn(Implementation, CallContext) -> Calling,
        Calling: Future<Output = Result<Completed<T>, CallError>>,
    {
        let context = self.context(&implementation).await?;
        let completed = run_bounded(self.ctx, self.patient, || {
            work(implementation.clone(), context.clone())
        })
        .await?;
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

    async fn context(&self, implementation: &Implementation) -> Result<CallContext> {
        let limit = self.ctx.config.driver_call_timeout;
        let mut context = CallContext::without_node(self.request_id);
        context.deadline = self.deadline.map_or(limit, |left| left.min(limit));
        let Some(package) = implementation.package() else {
            return Ok(context);
        };
        let ports = self.ports.of(self.ctx, self.node).await?;
        let seen = snapshot(self.node, ports, package.secret_keys());
        context.node = Some(seen.json);
        context.secrets = seen.secrets;
        context.node_label = self.node.uuid.as_str().into();
        context.lock = self.lock;
        context.capabilities = Capabilities {
            ipmi: implementation.uses("ipmi").then(|| self.ipmi()),
            state: implementation
                .uses("state")
                .then(|| self.notes(package.name())),
        };
        Ok(context)
    }

    fn ipmi(&self) -> Arc<dyn IpmiAccess> {
        Arc::new(BmcOverIpmi::new(
            self.ctx.ipmi.clone(),
            self.ctx.standing.clone(),
            &self.node.driver_info,
            &self.node.uuid,
            self.request_id,
        ))
    }

    fn notes(&self, package: &str) -> Arc<dyn StateAccess> {
        Arc::new(NodeNotes::new(
            self.ctx.db.clone(),
            &self.node.uuid,
            package,
            self.reservation.cloned(),
        ))
    }
}

/// Makes a call as long as this conductor may act, again for a while if there is no room for it and `patient`.
async fn run_bounded<T, Calling>(
    ctx: &Context,
    patient: bool,
    work: impl Fn() -> Calling,
) -> Result<Completed<T>>
where
    Calling: Future<Output = Result<Completed<T>, CallError>>,
{
    let mut pause = ROOM_PAUSE;
    let mut tried = 1;
    loop {
        match attempt(ctx, &work).await? {
            Err(CallError::Overloaded) if patient && tried < ROOM_ATTEMPTS => {
                tried += 1;
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
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
