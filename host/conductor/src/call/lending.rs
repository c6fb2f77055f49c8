//! What a call is lent: the capabilities that its package was granted, bound to its node.

use std::sync::Arc;

use ironbark_drivers::{Implementation, Package};
use ironbark_sandbox::{
    AgentAccess, BootMediaAccess, Capabilities, IpmiAccess, RedfishAccess, SshAccess, StateAccess,
    Write,
};

use super::NodeCall;
use crate::capabilities::{
    BmcOverIpmi, BmcOverRedfish, HypervisorOverSsh, NodeNotes, NotAvailable, Unserved,
};

impl NodeCall<'_> {
    /// The capabilities of `package`, whose implementation this is. `unserved` learns what kept us from serving them.
    pub(super) fn lend(
        &self,
        implementation: &Implementation,
        package: &Package,
        unserved: &Unserved,
    ) -> Capabilities {
        let uses = |capability| implementation.uses(capability);
        Capabilities {
            ipmi: uses("ipmi").then(|| self.ipmi(package, unserved)),
            redfish: uses("redfish").then(|| self.redfish(package, unserved)),
            ssh: uses("ssh").then(|| self.ssh(package, unserved)),
            agent: uses("agent").then(|| self.agent()),
            boot_media: uses("boot-media").then(|| self.boot_media()),
            state: uses("state").then(|| self.notes(package.name(), unserved)),
        }
    }

    fn ipmi(&self, package: &Package, unserved: &Unserved) -> Arc<dyn IpmiAccess> {
        Arc::new(BmcOverIpmi::new(
            self.ctx.ipmi.clone(),
            self.ctx.standing.clone(),
            &package.connection_info(&self.node.driver_info),
            unserved.clone(),
        ))
    }

    fn redfish(&self, package: &Package, unserved: &Unserved) -> Arc<dyn RedfishAccess> {
        Arc::new(BmcOverRedfish::new(
            self.ctx.redfish.clone(),
            self.ctx.standing.clone(),
            &package.connection_info(&self.node.driver_info),
            unserved.clone(),
        ))
    }

    fn ssh(&self, package: &Package, unserved: &Unserved) -> Arc<dyn SshAccess> {
        Arc::new(HypervisorOverSsh::new(
            self.ctx.ssh.clone(),
            self.ctx.standing.clone(),
            &package.connection_info(&self.node.driver_info),
            unserved.clone(),
        ))
    }

    fn agent(&self) -> Arc<dyn AgentAccess> {
        Arc::new(NotAvailable("agent"))
    }

    fn boot_media(&self) -> Arc<dyn BootMediaAccess> {
        Arc::new(NotAvailable("boot-media"))
    }

    fn pending_of(&self, package: &str) -> Vec<Write> {
        self.pending
            .iter()
            .filter(|notes| notes.package == package)
            .flat_map(|notes| notes.writes.iter().cloned())
            .collect()
    }

    fn notes(&self, package: &str, unserved: &Unserved) -> Arc<dyn StateAccess> {
        Arc::new(NodeNotes::new(
            self.ctx.db.clone(),
            &self.node.uuid,
            package,
            self.pending_of(package),
            self.seen.cloned(),
            self.reservation.cloned(),
            unserved.clone(),
        ))
    }
}
