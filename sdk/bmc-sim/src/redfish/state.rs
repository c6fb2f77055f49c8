//! Everything that a service knows, behind one lock.

use std::{collections::BTreeMap, time::Instant};

use serde_json::Value;

use super::{
    Faults, ServiceConfig, Snapshot, SystemSnapshot,
    bios::{self, Attributes},
    chassis,
    observed::Observed,
    sessions::Sessions,
};
use crate::machine::Machine;

pub(super) struct State {
    pub(super) config: ServiceConfig,
    pub(super) systems: Vec<System>,
    /// The indicator of the enclosure, if there is one.
    pub(super) enclosure: Option<String>,
    pub(super) sessions: Sessions,
    pub(super) faults: Faults,
    pub(super) observed: Observed,
}

/// One system: a machine, and what Redfish says of it.
pub(super) struct System {
    pub(super) id: String,
    pub(super) number: usize,
    pub(super) is_blade: bool,
    pub(super) machine: Machine,
    pub(super) boot: Boot,
    pub(super) indicator: String,
    /// Secure boot as it is set, and as it was at the last start.
    pub(super) secure_boot: bool,
    pub(super) secure_boot_now: bool,
    pub(super) bios: Attributes,
    pub(super) pending_bios: Attributes,
    /// URL of the image in its virtual CD drive.
    pub(super) media: Option<String>,
    /// Grows with each change; the ETag of the system's resources.
    pub(super) version: u64,
    booted_from: Option<String>,
    boots_seen: u64,
}

/// What a system boots from (the `Boot` property of a ComputerSystem).
#[derive(Debug, Clone)]
pub(super) struct Boot {
    pub(super) target: String,
    pub(super) enabled: String,
    pub(super) mode: String,
    pub(super) others: BTreeMap<String, Value>,
}

impl State {
    pub(super) fn new(config: ServiceConfig) -> Self {
        let systems = (1..=config.systems)
            .map(|number| System::new(number, &config))
            .collect();
        Self {
            sessions: Sessions::new(config.session_slots, config.session_timeout),
            systems,
            enclosure: config.enclosure.then(|| "Off".to_owned()),
            config,
            faults: Faults::default(),
            observed: Observed::default(),
        }
    }

    pub(super) fn system(&mut self, id: &str) -> Option<&mut System> {
        self.systems.iter_mut().find(|system| system.id == id)
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.systems
            .iter()
            .map(|system| system.id.clone())
            .collect()
    }

    pub(super) fn chassis(&self) -> Vec<String> {
        let enclosure = self.enclosure.iter().map(|_| chassis::ENCLOSURE.to_owned());
        self.ids().into_iter().chain(enclosure).collect()
    }

    /// Does what is due; says when the next change is.
    pub(super) fn settle(&mut self, now: Instant) -> Option<Instant> {
        let due = self
            .systems
            .iter_mut()
            .filter_map(|system| system.settle(now));
        due.min()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            systems: self.systems.iter().map(System::snapshot).collect(),
            open_sessions: self.sessions.open(),
            sessions_opened: self.sessions.opened,
            sessions_closed: self.sessions.closed,
            requests: self.observed.requests,
            connections: self.observed.connections,
            under_way: self.observed.under_way,
            most_under_way: self.observed.most_under_way,
        }
    }
}

impl System {
    fn new(number: usize, config: &ServiceConfig) -> Self {
        Self {
            id: number.to_string(),
            number,
            is_blade: config.enclosure,
            machine: Machine::new(config.power),
            boot: Boot {
                target: "None".to_owned(),
                enabled: "Disabled".to_owned(),
                mode: "UEFI".to_owned(),
                others: BTreeMap::new(),
            },
            indicator: "Off".to_owned(),
            secure_boot: false,
            secure_boot_now: false,
            bios: bios::defaults(),
            pending_bios: Attributes::new(),
            media: None,
            version: 1,
            booted_from: None,
            boots_seen: 0,
        }
    }

    /// Does what is due, with what a start does to settings; says when the next change is.
    pub(super) fn settle(&mut self, now: Instant) -> Option<Instant> {
        let due = self.machine.settle(now);
        while self.boots_seen < self.machine.boots {
            self.boots_seen += 1;
            self.started();
        }
        due
    }

    fn started(&mut self) {
        self.version += 1;
        self.secure_boot_now = self.secure_boot;
        let pending = std::mem::take(&mut self.pending_bios);
        self.bios.extend(pending);
        self.booted_from = None;
        if self.boot.enabled != "Disabled" {
            self.booted_from = Some(self.boot.target.clone());
        }
        if self.boot.enabled == "Once" {
            self.boot.enabled = "Disabled".to_owned();
            self.boot.target = "None".to_owned();
        }
    }

    fn snapshot(&self) -> SystemSnapshot {
        SystemSnapshot {
            power: self.machine.power(),
            booted_from: self.booted_from.clone(),
            boot_mode: self.boot.mode.clone(),
            boots: self.machine.boots,
            diagnostic_interrupts: self.machine.diagnostic_interrupts,
            indicator: self.indicator.clone(),
            media: self.media.clone(),
        }
    }
}
