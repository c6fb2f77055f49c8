//! What all actors of a client have in common.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::Semaphore;

use super::{ClientConfig, Target, opening::Profile, transport::Transport};
use crate::{gate::Gates, sync::lock};

pub(super) struct Shared {
    pub(super) config: ClientConfig,
    pub(super) transport: Arc<Transport>,
    pub(super) gates: Arc<Gates>,
    /// Room for consoles.
    pub(super) consoles: Arc<Semaphore>,
    profiles: Mutex<HashMap<Target, Profile>>,
}

impl Shared {
    pub(super) fn new(config: ClientConfig, transport: Transport) -> Self {
        Self {
            consoles: Arc::new(Semaphore::new(config.max_consoles)),
            config,
            transport: Arc::new(transport),
            gates: Arc::new(Gates::new(1)),
            profiles: Mutex::default(),
        }
    }

    /// What is known about a BMC from earlier sessions.
    pub(super) fn profile(&self, target: &Target) -> Profile {
        lock(&self.profiles)
            .get(target)
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn remember(&self, target: &Target, profile: Profile) {
        let mut profiles = lock(&self.profiles);
        if let Some(known) = profiles.get_mut(target) {
            *known = profile;
            return;
        }
        // Only a memory aid: when too many targets came and went, start over.
        if profiles.len() >= 2 * self.config.max_bmcs {
            profiles.clear();
        }
        profiles.insert(target.clone(), profile);
    }

    pub(super) fn forget(&self, target: &Target) {
        lock(&self.profiles)
            .retain(|known, _| known.host != target.host || known.port != target.port);
    }
}
