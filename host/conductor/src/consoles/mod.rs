//! Consoles that are streams: who may open one, who looks at one, and when that is over.
//!
//! The driver says what a console is (`get-console`); the stream itself is between the caller and the node's own BMC, in a session
//! that only this conductor knows. A console is opened with a token out of the address that `GET …/states/console` tells. Only
//! hashes of tokens are kept, only in memory: after a restart, the address is asked for again.
//!
//! Whoever looks does so only while the node's row says that it may be: the [session] reads it when somebody here changed the node,
//! and every few seconds, as somebody elsewhere may have.

mod begin;
mod over;
mod session;
mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ironbark_bmc::ipmi;
use ironbark_drivers::Implementation;
use ironbark_model::{Error, ErrorKind, InterfaceKind, Node, Result, Secret};
use ironbark_rpc::Stream;
use ironbark_sandbox::ConsoleTarget;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::call::{Ports, implementation_name};
use crate::context::Context;
use crate::requests::{Asked, find};
use session::Session;
use tokens::Tokens;

/// How long somebody who has just left may still be in the way: their console is given back to the BMC first.
const LEAVING: Duration = Duration::from_secs(2);

/// What a client is told of a console.
pub(crate) enum Shown {
    /// Where the machine serves it itself.
    Address(Value),
    /// It is a stream, which this conductor serves.
    Stream,
}

/// What this conductor remembers of consoles, by node.
#[derive(Default)]
pub(crate) struct Consoles {
    nodes: Mutex<HashMap<String, Entry>>,
    /// Some seat became free.
    freed: Notify,
    sessions: TaskTracker,
}

#[derive(Default)]
struct Entry {
    tokens: Tokens,
    /// Tells whoever looks to read the node again.
    viewer: Option<Arc<Notify>>,
}

/// The one place in front of a node's console. Given back when this is dropped.
struct Seat {
    ctx: Arc<Context>,
    node: String,
    look: Arc<Notify>,
}

/// The way to a node's console.
struct Line {
    implementation: Implementation,
    target: ipmi::Target,
}

/// What a client is told of this console; an error if it is a stream that can't be served.
pub(crate) fn shown(ctx: &Context, node: &Node, target: ConsoleTarget) -> Result<Shown> {
    match target {
        ConsoleTarget::Url(url) => Ok(Shown::Address(json!({"type": "url", "url": url}))),
        ConsoleTarget::IpmiSol => Line::of(ctx, node).map(|_| Shown::Stream),
        ConsoleTarget::Ssh(_) => Err(Error::unsupported(
            "The node's console is a stream over SSH, and this release serves only those over IPMI.",
        )),
    }
}

/// Opens the console of a node for whoever has a token, and serves it from then on.
pub(crate) async fn open(
    ctx: &Arc<Context>,
    asked: Asked,
    node: &str,
    token: &Secret,
    stream: Stream,
) -> Result<()> {
    let user = ctx.consoles.admit(node, token).ok_or_else(|| {
        Error::new(
            ErrorKind::Forbidden,
            "The console's token is wrong or no longer valid: ask for the console's address again.",
        )
    })?;
    let asked = Asked { user, ..asked };
    let seat = Seat::take(ctx, node).await?;
    let node = find(ctx, node).await?;
    let line = allowed(ctx, &asked, &node).await?;
    let (console, who) = begin::begin(ctx, &asked, &node, &line).await?;
    let span = tracing::info_span!("console", node = %node.uuid, request_id = %asked.request_id);
    let session = Session::new(seat, line.target, who, console, stream);
    ctx.consoles.sessions.spawn(session.run().instrument(span));
    Ok(())
}

/// The way to the console, if the node and its driver say that it may be opened here and now.
async fn allowed(ctx: &Arc<Context>, asked: &Asked, node: &Node) -> Result<Line> {
    if !node.console_enabled {
        return Err(Error::conflict(format!(
            "The console of node {} is off: switch it on first.",
            node.uuid
        )));
    }
    if !ctx.ring.owns_node(node) {
        return Err(Error::new(
            ErrorKind::NoConductor,
            "Another conductor has taken the node over; try again in some seconds.",
        ));
    }
    let ports = Ports::default();
    let call = asked.call(ctx, node, &ports, None);
    call.validate(InterfaceKind::Console).await?;
    match shown(ctx, node, call.get_console().await?.value)? {
        Shown::Stream => Line::of(ctx, node),
        Shown::Address(_) => Err(Error::conflict(
            "The machine serves its console itself: ask for the console's address again.",
        )),
    }
}

impl Consoles {
    /// A new token, with which this user opens the node's console for so long.
    pub(crate) fn mint(&self, node: &str, user: Option<&str>, lifetime: Duration) -> Secret {
        let mut nodes = self.lock();
        nodes.retain(|_, entry| entry.is_needed());
        nodes
            .entry(node.to_owned())
            .or_default()
            .tokens
            .mint(user, lifetime)
    }

    /// Whoever looks at the node's console makes sure that they still may.
    pub(crate) fn look(&self, node: &str) {
        if let Some(viewer) = self
            .lock()
            .get(node)
            .and_then(|entry| entry.viewer.as_ref())
        {
            viewer.notify_one();
        }
    }

    /// No token opens the node's console any more, and whoever looks makes sure that they still may.
    pub(crate) fn revoke(&self, node: &str) {
        if let Some(entry) = self.lock().get_mut(node) {
            entry.tokens = Tokens::default();
        }
        self.look(node);
    }

    /// Waits until nobody looks at any console, if nobody comes.
    pub(crate) async fn idle(&self) {
        self.sessions.close();
        self.sessions.wait().await;
        self.sessions.reopen();
    }

    /// Who was given this token, if it is one.
    fn admit(&self, node: &str, token: &Secret) -> Option<Option<String>> {
        self.lock().get(node)?.tokens.admit(token)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_needed(&mut self) -> bool {
        self.viewer.is_some() || self.tokens.are_some_left()
    }
}

impl Seat {
    /// Sits down, if somebody sits there when they have left; a conflict if they don't leave in a moment.
    async fn take(ctx: &Arc<Context>, node: &str) -> Result<Self> {
        let taking = async {
            loop {
                let freed = ctx.consoles.freed.notified();
                tokio::pin!(freed);
                // Registered before it is tried: a seat that becomes free in between isn't missed.
                freed.as_mut().enable();
                if let Some(seat) = Self::try_take(ctx, node) {
                    return seat;
                }
                freed.await;
            }
        };
        tokio::time::timeout(LEAVING, taking).await.map_err(|_| {
            Error::conflict(format!(
                "Somebody has the console of node {node} open, and it takes one at a time: try again when they have left."
            ))
        })
    }

    fn try_take(ctx: &Arc<Context>, node: &str) -> Option<Self> {
        let mut nodes = ctx.consoles.lock();
        let viewer = &mut nodes.entry(node.to_owned()).or_default().viewer;
        if viewer.is_some() {
            return None;
        }
        let look = Arc::new(Notify::new());
        *viewer = Some(Arc::clone(&look));
        Some(Self {
            ctx: Arc::clone(ctx),
            node: node.to_owned(),
            look,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(entry) = self.ctx.consoles.lock().get_mut(&self.node) {
            entry.viewer = None;
        }
        self.ctx.consoles.freed.notify_waiters();
    }
}

impl Line {
    /// The BMC that the node's console implementation may reach, if a console can be opened there.
    fn of(ctx: &Context, node: &Node) -> Result<Self> {
        let kind = InterfaceKind::Console;
        let name = implementation_name(node, kind).unwrap_or_default();
        let implementation = ctx.drivers.implementation_for(node, kind, name)?;
        let package = implementation
            .package()
            .filter(|_| implementation.uses("ipmi"));
        let Some(package) = package else {
            return Err(Error::new(
                ErrorKind::Denied,
                format!(
                    "The console implementation '{name}' needs the capability ipmi, which its package wasn't granted."
                ),
            ));
        };
        let info = package.connection_info(&node.driver_info);
        let target = ipmi::Target::from_driver_info(&info)
            .and_then(|target| ctx.ipmi.check_console(&target).map(|()| target))
            .map_err(|error| Error::invalid(error.to_string()))?;
        Ok(Self {
            implementation,
            target,
        })
    }
}
