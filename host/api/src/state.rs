//! What all requests share.

use std::sync::Arc;

use ironbark_db::Database;
use ironbark_rpc::Client;
use tokio::sync::Semaphore;

use crate::ApiConfig;
use crate::auth::PasswordCheck;
use crate::health::Health;
use crate::limits::MEMORY_UNIT;
use crate::routing::Routing;

/// What all requests share. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
}

struct Inner {
    db: Database,
    rpc: Client,
    config: ApiConfig,
    routing: Routing,
    in_flight: Arc<Semaphore>,
    body_memory: Arc<Semaphore>,
    ramdisks: Arc<Semaphore>,
    ramdisk_memory: Arc<Semaphore>,
    consoles: Arc<Semaphore>,
    passwords: PasswordCheck,
    health: Health,
}

impl ApiState {
    /// What the API reads, whom it asks, and its settings.
    pub fn new(db: Database, rpc: Client, config: ApiConfig) -> Self {
        let routing = Routing::new(db.clone(), config.limits.ring_max_age);
        let room = |bytes: usize| {
            Arc::new(Semaphore::new(
                (bytes / MEMORY_UNIT).min(Semaphore::MAX_PERMITS),
            ))
        };
        Self {
            inner: Arc::new(Inner {
                routing,
                in_flight: Arc::new(Semaphore::new(config.limits.in_flight)),
                body_memory: room(config.limits.body_memory),
                ramdisks: Arc::new(Semaphore::new(config.limits.ramdisks)),
                ramdisk_memory: room(config.limits.ramdisk_memory),
                consoles: Arc::new(Semaphore::new(config.limits.consoles)),
                passwords: PasswordCheck::new(config.limits.password_queue),
                health: Health::default(),
                db,
                rpc,
                config,
            }),
        }
    }

    pub(crate) fn db(&self) -> &Database {
        &self.inner.db
    }

    pub(crate) fn rpc(&self) -> &Client {
        &self.inner.rpc
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.inner.config
    }

    pub(crate) fn routing(&self) -> &Routing {
        &self.inner.routing
    }

    pub(crate) fn in_flight(&self) -> &Arc<Semaphore> {
        &self.inner.in_flight
    }

    pub(crate) fn body_memory(&self) -> &Arc<Semaphore> {
        &self.inner.body_memory
    }

    /// Room for requests of ramdisks, which nobody vouches for.
    pub(crate) fn ramdisks(&self) -> &Arc<Semaphore> {
        &self.inner.ramdisks
    }

    pub(crate) fn ramdisk_memory(&self) -> &Arc<Semaphore> {
        &self.inner.ramdisk_memory
    }

    /// Room for consoles.
    pub(crate) fn consoles(&self) -> &Arc<Semaphore> {
        &self.inner.consoles
    }

    pub(crate) fn health(&self) -> &Health {
        &self.inner.health
    }

    pub(crate) fn passwords(&self) -> &PasswordCheck {
        &self.inner.passwords
    }
}
