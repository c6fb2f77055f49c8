//! What a test holds of a BMC: looking, changing, waiting.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    Command, CommandRecord, Credentials, Faults, Snapshot, Stats, bmc::Bmc, satellites::Controller,
};

/// One BMC of a rack. Clones are of the same BMC.
#[derive(Clone)]
pub struct BmcHandle {
    bmc: Arc<Bmc>,
}

impl std::fmt::Debug for BmcHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("BmcHandle")
            .field(&self.address())
            .finish()
    }
}

impl BmcHandle {
    pub(crate) fn new(bmc: Arc<Bmc>) -> Self {
        Self { bmc }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.bmc.address
    }

    /// Name and password of its first user.
    pub fn credentials(&self) -> Credentials {
        let user = self.bmc.config.users.first();
        Credentials {
            username: user.map(|user| user.name.clone()).unwrap_or_default(),
            password: user.map(|user| user.password.clone()).unwrap_or_default(),
        }
    }

    /// Whether the machine has power, whatever the BMC reports.
    pub fn power(&self) -> bool {
        self.bmc.with(|state| state.machine.power())
    }

    /// Switches the machine as somebody at its button would, at once; a change under way is dropped.
    pub fn set_power(&self, power: bool) {
        self.bmc.with(|state| state.machine.set_power(power));
    }

    /// Whether the machine of a controller behind it has power: the channels and addresses on the way to it. None if there is none.
    pub fn satellite_power(&self, way: &[(u8, u8)]) -> Option<bool> {
        self.bmc.with(|state| {
            Controller::find(&state.satellites, way).map(|found| found.machine.power())
        })
    }

    /// Lets the machine write on its console.
    pub fn console_write(&self, bytes: &[u8]) {
        self.bmc.with(|state| state.console.write(bytes));
    }

    /// How many characters the machine wrote on its console that nobody has taken yet.
    pub fn console_waiting(&self) -> usize {
        self.bmc.with(|state| state.console.waiting())
    }

    /// What was typed on the console so far.
    pub fn console_typed(&self) -> Vec<u8> {
        self.bmc.with(|state| state.console.typed())
    }

    /// How many breaks were sent to the console.
    pub fn console_breaks(&self) -> u64 {
        self.bmc.with(|state| state.console.breaks())
    }

    /// The faults as they are now, with what is left of counted ones.
    pub fn faults(&self) -> Faults {
        self.bmc.with(|state| state.faults.clone())
    }

    /// Replaces all faults.
    pub fn set_faults(&self, faults: Faults) {
        self.bmc.with(|state| state.faults = faults);
    }

    /// Restarts the BMC, not the machine: sessions are lost, and it is away for so long.
    pub fn reboot(&self, away: Duration) {
        self.bmc.with(|state| state.reboot(away));
    }

    /// The last 256 commands, oldest first.
    pub fn commands(&self) -> Vec<CommandRecord> {
        self.bmc.with(|state| state.observed.log())
    }

    /// How often a command was seen, hung and refused ones included.
    pub fn count(&self, command: Command) -> u64 {
        self.bmc.with(|state| {
            state
                .observed
                .stats
                .commands
                .get(&command)
                .copied()
                .unwrap_or(0)
        })
    }

    /// The cipher suites of the last 256 sessions that were opened, oldest first.
    pub fn suites_of_sessions(&self) -> Vec<u8> {
        self.bmc.with(|state| state.observed.suites())
    }

    /// A boot option as it was last set (IPMI 2.0 table 28-14).
    pub fn boot_option(&self, parameter: u8) -> Option<Vec<u8>> {
        self.bmc
            .with(|state| state.machine.boot_option(parameter).map(<[u8]>::to_vec))
    }

    /// Counters since it was made.
    pub fn stats(&self) -> Stats {
        self.bmc.with(|state| state.observed.stats.clone())
    }

    /// How it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.watch().borrow().clone()
    }

    /// How it is, as it changes.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.bmc.watch()
    }

    /// Waits until `condition` holds, and says how it was then. Put your own deadline around it.
    pub async fn wait_until(&self, mut condition: impl FnMut(&Snapshot) -> bool) -> Snapshot {
        let mut watch = self.watch();
        let found = watch.wait_for(|snapshot| condition(snapshot)).await;
        // The sender lives as long as the handle, so there always is a value.
        match found {
            Ok(snapshot) => snapshot.clone(),
            Err(_) => self.snapshot(),
        }
    }
}
