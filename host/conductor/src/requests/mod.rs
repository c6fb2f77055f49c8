//! What the API asks for: one file per group of requests.
//!
//! A request that changes a node holds it. What goes on after the answer has its state, and the journal of what is to follow,
//! committed before the answer.

mod allocations;
mod belongings;
#[cfg(test)]
mod chassis_tests;
mod drivers;
mod hardware;
mod hardware_change;
mod heartbeat;
mod maintenance;
mod management;
mod node_create;
mod node_destroy;
mod node_interfaces;
mod node_update;
mod patching;
mod port_rules;
mod portgroup_rules;
mod portgroups;
mod ports;
mod power;
mod provision;
mod provision_abort;
mod provision_deploy;
mod ramdisk;
mod traits;
mod validate;
mod vendor;
mod vifs;
mod volumes;

use std::sync::Arc;

use ironbark_model::ident::Ident;
use ironbark_model::{Error, ErrorKind, Event, Node, Result, Timestamp};
use ironbark_rpc::{Envelope, Opening, Reply, Request, Stream};
use ironbark_sandbox::Lock;
use tracing::Instrument;

use crate::audit::Action;
use crate::call::{NodeCall, Patience, Ports};
use crate::consoles;
use crate::context::Context;
use crate::operations::states;
use crate::packages::{self, Actor};
use crate::reserve::{Held, giving_back};

/// What every request has.
pub(crate) struct Asked {
    /// `req-…`
    pub(crate) request_id: String,
    /// A user of the API, if it knows its users.
    pub(crate) user: Option<String>,
    /// After this nobody waits for the answer any more.
    pub(crate) deadline: Timestamp,
}

impl Asked {
    /// A call of the node's drivers for the caller, who waits.
    pub(crate) fn call<'a>(
        &'a self,
        ctx: &'a Arc<Context>,
        node: &'a Node,
        ports: &'a Ports,
        held: Option<&'a Held>,
    ) -> NodeCall<'a> {
        NodeCall {
            ctx,
            node,
            ports,
            request_id: &self.request_id,
            lock: if held.is_some() {
                Lock::Exclusive
            } else {
                Lock::Shared
            },
            reservation: held.and_then(|held| held.reservation().ok()),
            pending: &[],
            seen: None,
            deadline: Some(self.deadline),
            patience: Patience::Client,
        }
    }
}

/// Carries out one request.
pub async fn handle(ctx: &Arc<Context>, envelope: Envelope) -> Result<Reply> {
    serve(ctx, envelope, |asked, request| async move {
        recorded(ctx, &asked, request).await
    })
    .await
}

/// Opens a stream, which goes on after this has returned well.
pub async fn open(ctx: &Arc<Context>, envelope: Envelope<Opening>, stream: Stream) -> Result<()> {
    serve(ctx, envelope, |asked, opening| async move {
        match opening {
            Opening::Console { node, token } => {
                consoles::open(ctx, asked, &node, &token.into_secret(), stream).await
            }
        }
    })
    .await
}

/// Has it done, unless this conductor stops, and logs what an operator should see.
async fn serve<R, T, Work>(
    ctx: &Context,
    envelope: Envelope<R>,
    work: impl FnOnce(Asked, R) -> Work,
) -> Result<T>
where
    Work: Future<Output = Result<T>>,
{
    let asked = Asked {
        request_id: envelope.request_id,
        user: envelope.user,
        deadline: envelope.deadline,
    };
    if ctx.shutdown.is_cancelled() {
        return Err(Error::new(
            ErrorKind::NoConductor,
            format!(
                "Conductor {} is stopping; try again in some seconds.",
                ctx.host()
            ),
        ));
    }
    if let Some(user) = &asked.user {
        ctx.audit.askers.remember(&asked.request_id, user);
    }
    let span = tracing::info_span!(
        "request",
        request_id = %asked.request_id,
        node = tracing::field::Empty
    );
    let work = async {
        // Boxed: what a request does is deep, and threads of a debug build have little stack.
        let outcome = Box::pin(work(asked, envelope.request)).await;
        if let Err(error) = &outcome
            && matches!(
                error.kind(),
                ErrorKind::Internal | ErrorKind::BadGateway | ErrorKind::GatewayTimeout
            )
        {
            // With its causes, which the client isn't told.
            tracing::warn!(
                error = error as &(dyn std::error::Error + 'static),
                "a request failed"
            );
        }
        outcome
    };
    work.instrument(span).await
}

/// Carries out a request; what it does to packages is recorded before and after.
async fn recorded(ctx: &Arc<Context>, asked: &Asked, request: Request) -> Result<Reply> {
    let begun = match Action::of(&request) {
        None => None,
        Some(action) => {
            let action = Action {
                actor: asked.user.clone(),
                request_id: Some(asked.request_id.clone()),
                ..action
            };
            Some(ctx.audit.begin_action(action).await?)
        }
    };
    let outcome = giving_back(Box::pin(dispatch(ctx, asked, request))).await;
    if let Some(begun) = begun {
        begun.end_with_reply(&outcome);
    }
    outcome
}

async fn dispatch(ctx: &Arc<Context>, asked: &Asked, request: Request) -> Result<Reply> {
    match request {
        Request::CreateNode { node } => node_create::create(ctx, *node).await,
        Request::UpdateNode {
            node,
            patch,
            reset_interfaces,
        } => node_update::update(ctx, &node, &patch, reset_interfaces).await,
        Request::DestroyNode { node } => node_destroy::destroy(ctx, &node).await,
        Request::SetMaintenance {
            node,
            maintenance,
            reason,
        } => maintenance::set(ctx, &node, maintenance, reason).await,
        Request::ChangePowerState {
            node,
            target,
            timeout,
        } => power::change(ctx, asked, &node, target, timeout).await,
        Request::Provision { node, verb, args } => {
            provision::begin(ctx, asked, &node, verb, args).await
        }
        Request::Validate { node } => validate::validate(ctx, asked, &node).await,
        Request::GetBootDevice { node } => management::get_boot_device(ctx, asked, &node).await,
        Request::SetBootDevice {
            node,
            device,
            persistent,
        } => management::set_boot_device(ctx, asked, &node, &device, persistent).await,
        Request::SupportedBootDevices { node } => {
            management::supported_boot_devices(ctx, asked, &node).await
        }
        Request::InjectNmi { node } => management::inject_nmi(ctx, asked, &node).await,
        Request::VendorPassthru { node, call } => vendor::call(ctx, asked, &node, call).await,
        Request::VendorMethods { node } => vendor::methods(ctx, &node).await,
        Request::Hardware { node, request } => hardware::handle(ctx, asked, &node, request).await,
        Request::Ramdisk { node, request } => ramdisk::handle(ctx, asked, &node, request).await,
        Request::DriverRaidProperties { driver } => {
            hardware::driver_raid_properties(ctx, asked, &driver).await
        }
        Request::SetTraits { node, change } => traits::set(ctx, &node, change).await,
        Request::CreatePort { port } => ports::create(ctx, *port).await,
        Request::UpdatePort { port, node, patch } => ports::update(ctx, &port, &node, &patch).await,
        Request::DestroyPort { port, node } => ports::destroy(ctx, &port, &node).await,
        Request::ChangeBelonging { change } => belongings::change(ctx, change).await,
        Request::ChangeAllocation { change } => allocations::change(ctx, change).await,
        Request::DriverProperties { driver } => drivers::properties(ctx, &driver),
        Request::DriverVendorMethods { driver } => drivers::vendor_methods(ctx, &driver),
        Request::DriverVendorPassthru { driver, call } => {
            drivers::vendor_call(ctx, asked, &driver, call).await
        }
        Request::InstallPackage { installation } => {
            let actor = Actor::user(&installation.by, &asked.request_id);
            packages::upload(ctx, installation, &actor)
                .await
                .map(Reply::Json)
        }
        Request::ChangePackage { name, change, by } => {
            let actor = Actor::user(by, &asked.request_id);
            packages::change(ctx, &name, change, &actor)
                .await
                .map(Reply::Json)
        }
        Request::RemovePackage { name, version, by } => {
            let actor = Actor::user(by, &asked.request_id);
            packages::remove(ctx, &name, version.as_deref(), &actor)
                .await
                .map(|()| Reply::Done)
        }
        Request::FollowPackages => packages::follow_now(ctx).await.map(|()| Reply::Done),
        Request::ReportPackages { package } => {
            packages::report(ctx, package.as_deref()).map(Reply::Json)
        }
        Request::TrustPublisher { publisher, by } => {
            let actor = Actor::user(by, &asked.request_id);
            let publisher = packages::trust(ctx, publisher, &actor).await?;
            serde_json::to_value(publisher)
                .map(Reply::Json)
                .map_err(|error| {
                    Error::internal("The publisher can't be written as JSON.").caused_by(error)
                })
        }
        Request::RemovePublisher {
            name,
            quarantine,
            by,
        } => {
            let actor = Actor::user(by, &asked.request_id);
            packages::distrust(ctx, &name, quarantine, &actor)
                .await
                .map(Reply::Json)
        }
    }
}

/// The node that `ident` names.
pub(crate) async fn find(ctx: &Context, ident: &str) -> Result<Node> {
    let node = ctx
        .db
        .node_get(&Ident::parse(ident)?)
        .await?
        .ok_or_else(|| Error::node_not_found(ident))?;
    tracing::Span::current().record("node", node.uuid.as_str());
    Ok(node)
}

/// Holds the node that `ident` names, trying again for a while if somebody else does, and reads it.
pub(crate) async fn hold(ctx: &Arc<Context>, ident: &str) -> Result<(Held, Node)> {
    let (held, node) = Held::acquire_and_read(ctx, &uuid_of(ctx, ident).await?).await?;
    tracing::Span::current().record("node", node.uuid.as_str());
    Ok((held, node))
}

/// As [`hold`], for a verb: if the node is held by somebody, and the verb makes no sense in its state, waiting doesn't help.
pub(crate) async fn hold_for(
    ctx: &Arc<Context>,
    ident: &str,
    event: Event,
) -> Result<(Held, Node)> {
    let uuid = uuid_of(ctx, ident).await?;
    tracing::Span::current().record("node", uuid.as_str());
    match Held::try_acquire_and_read(ctx, &uuid).await {
        Err(locked) if locked.kind() == ErrorKind::NodeLocked => {
            let node = find(ctx, &uuid).await?;
            if node.provision_state.next(event).is_none() {
                return Err(if node.reservation.is_some() {
                    locked
                } else {
                    states::not_allowed(&node, event)
                });
            }
            Held::acquire_and_read(ctx, &uuid).await
        }
        other => other,
    }
}

async fn uuid_of(ctx: &Context, ident: &str) -> Result<String> {
    match Ident::parse(ident)? {
        Ident::Uuid(uuid) => Ok(uuid),
        name @ Ident::Name(_) => ctx
            .db
            .node_get(&name)
            .await?
            .map(|node| node.uuid)
            .ok_or_else(|| Error::node_not_found(ident)),
    }
}
