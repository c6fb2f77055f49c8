//! The conductor: does the work on the nodes that the ring gives it.
//!
//! It answers requests of the API ([`ironbark_rpc::Handler`]), holds nodes while it changes them, calls their drivers, keeps a
//! journal of what it does so that anybody can carry on after it, and runs what has to be looked at by the clock.
//! It knows the database, drivers, BMC clients and the ring. It may not know the API, and nothing may know it but the binary.
//!
//! * [`requests`]: one file per group of requests.
//! * [`operations`]: work that goes on after the answer, phase by phase, each one journalled.
//! * [`recovery`]: what happens to such work after an interruption; a pure decision, and its execution.
//! * [`reconcile`]: what is woken or runs by the clock.
//! * `consoles`: consoles that are streams, and who looks at them.

#![forbid(unsafe_code)]

mod agent_token;
mod allocations;
mod audit;
mod call;
mod capabilities;
pub mod config;
mod connections;
mod consoles;
pub mod context;
pub mod failure;
pub mod holdings;
mod inspection_rules;
pub mod operations;
mod packages;
pub mod reconcile;
pub mod recovery;
mod registration;
pub mod requests;
pub mod reserve;
pub mod ring_view;
mod shutdown;
pub mod standing;
#[cfg(test)]
mod testing;
mod vifs;
pub mod workers;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ironbark_bmc::{ipmi, redfish, ssh};
use ironbark_db::Database;
use ironbark_drivers::Drivers;
use ironbark_model::Result;
use ironbark_rpc::{Envelope, Opening, Reply, Stream};

pub use config::{AutomatedCleaning, CleaningSteps, Config, SignaturePolicy};
pub use context::Context;
pub use shutdown::Stop;

/// What a conductor is made of.
pub struct Parts {
    /// All that is remembered.
    pub db: Database,
    /// The driver packages; the conductor installs bundled ones and those of its folder by itself.
    pub drivers: Drivers,
    /// The way to BMCs over IPMI.
    pub ipmi: ipmi::Client,
    /// The way to BMCs over Redfish.
    pub redfish: redfish::Client,
    /// The way to hypervisors.
    pub ssh: ssh::Client,
    /// What the operator set.
    pub config: Config,
}

/// A running conductor.
pub struct Conductor {
    ctx: Arc<Context>,
}

impl Conductor {
    /// Brings up packages, registers, sees to the work that a former process left, and starts what runs by the clock.
    pub async fn start(parts: Parts) -> Result<Arc<Self>> {
        let ctx = Arc::new(Context::new(parts));
        // Before this process records anything itself.
        ctx.audit.settle(&ctx.db).await?;
        packages::bring_up(&ctx).await?;
        registration::register(&ctx).await?;
        reconcile::spawn_heart(&ctx);
        recovery::recover_own(&ctx).await?;
        operations::spawn_alarm(&ctx);
        reconcile::spawn_all(&ctx);
        Ok(Arc::new(Self { ctx }))
    }

    /// Stops: no more requests are taken, work under way is waited for as long as `how` allows and then left resumable.
    pub async fn stop(&self, how: Stop) {
        shutdown::stop(&self.ctx, how).await;
    }

    /// Waits until the BMC commands under way have ended and the audit says how, for at most `within`.
    pub async fn flush_audit(&self, within: Duration) {
        self.ctx.audit.flush(within).await;
    }

    /// What everything in this conductor shares.
    pub fn context(&self) -> &Arc<Context> {
        &self.ctx
    }
}

#[async_trait]
impl ironbark_rpc::Handler for Conductor {
    async fn handle(&self, envelope: Envelope) -> Result<Reply> {
        requests::handle(&self.ctx, envelope).await
    }

    async fn open(&self, envelope: Envelope<Opening>, stream: Stream) -> Result<()> {
        requests::open(&self.ctx, envelope, stream).await
    }
}
