//! What everything in a conductor shares.

use ironbark_bmc::{ipmi, redfish, ssh};
use ironbark_db::Database;
use ironbark_drivers::Drivers;
use tokio_util::sync::CancellationToken;

use crate::Parts;
use crate::allocations::Searches;
use crate::audit::Audit;
use crate::config::Config;
use crate::consoles::Consoles;
use crate::holdings::Holdings;
use crate::operations::Alarm;
use crate::reconcile::{DriverTasks, Wakers};
use crate::ring_view::RingView;
use crate::standing::Standing;
use crate::workers::Workers;

/// The parts of one conductor. Shared as `Arc<Context>`; nothing in it belongs to a single node.
pub struct Context {
    /// All that is remembered.
    pub db: Database,
    /// The driver packages in use.
    pub drivers: Drivers,
    /// The way to BMCs over IPMI.
    pub ipmi: ipmi::Client,
    /// The way to BMCs over Redfish.
    pub redfish: redfish::Client,
    /// The way to hypervisors.
    pub ssh: ssh::Client,
    /// What drivers do to BMCs and operators to packages is recorded here.
    pub(crate) audit: Audit,
    /// What the operator set.
    pub config: Config,
    /// New at every start: tells this process from a former one under the same host name.
    pub incarnation: String,
    /// Which nodes are this conductor's.
    pub ring: RingView,
    /// Whether this conductor may still act on BMCs.
    pub standing: Standing,
    /// Which nodes this process holds.
    pub holdings: Holdings,
    /// Room for work under way.
    pub workers: Workers,
    /// When waiting operations are to be looked at again.
    pub alarm: Alarm,
    /// What is remembered about packages beside the active ones.
    pub(crate) packages: crate::packages::Packages,
    /// The packages' tasks by the clock.
    pub(crate) tasks: DriverTasks,
    /// Consoles that somebody may open or looks at.
    pub(crate) consoles: Consoles,
    /// Which allocations this process looks for nodes for.
    pub(crate) searches: Searches,
    /// Wakes reconcilers.
    pub wake: Wakers,
    /// Cancelled when the conductor stops: reconcilers end.
    pub shutdown: CancellationToken,
}

impl Context {
    /// Puts the parts together; nothing runs yet but what writes the audit. Must be called inside a runtime.
    pub fn new(parts: Parts) -> Self {
        let workers = Workers::new(parts.config.workers);
        Self {
            ring: RingView::new(&parts.config.host),
            standing: Standing::new(parts.config.fence_after),
            audit: Audit::new(parts.db.clone(), &parts.config.host),
            db: parts.db,
            drivers: parts.drivers,
            ipmi: parts.ipmi,
            redfish: parts.redfish,
            ssh: parts.ssh,
            incarnation: ironbark_model::ident::new_uuid(),
            workers,
            holdings: Holdings::default(),
            alarm: Alarm::default(),
            packages: crate::packages::Packages::new(&parts.config),
            tasks: DriverTasks::default(),
            consoles: Consoles::default(),
            searches: Searches::default(),
            wake: Wakers::default(),
            shutdown: CancellationToken::new(),
            config: parts.config,
        }
    }

    /// The host name that reservations of this conductor show.
    pub fn host(&self) -> &str {
        &self.config.host
    }
}
