//! Which conductor to ask: the rings of those that are online, read from the database and remembered for a moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use ironbark_db::Database;
use ironbark_model::{Conductor, Error, ErrorKind, Node, Result, Timestamp};
use ironbark_ring::{Member, Rings};
use tokio::sync::Mutex;

/// The conductors that were online at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) rings: Rings,
    /// Sorted by host name.
    pub(crate) online: Vec<Conductor>,
    taken: Instant,
}

/// What to say when nobody drives a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NobodyIs {
    /// 404: for most that can be asked of a node.
    NotFound,
    /// 400: for creating, updating and deleting nodes.
    Invalid,
}

/// Finds conductors. One of these is shared by all requests.
pub(crate) struct Routing {
    db: Database,
    max_age: Duration,
    current: ArcSwapOption<Snapshot>,
    reading: Mutex<()>,
}

impl Routing {
    pub(crate) fn new(db: Database, max_age: Duration) -> Self {
        Self {
            db,
            max_age,
            current: ArcSwapOption::empty(),
            reading: Mutex::new(()),
        }
    }

    /// The rings as they were a moment ago.
    pub(crate) async fn recent(&self) -> Result<Arc<Snapshot>> {
        if let Some(snapshot) = self.recent_enough() {
            return Ok(snapshot);
        }
        // One reads, the others wait for it.
        let _reading = self.reading.lock().await;
        if let Some(snapshot) = self.recent_enough() {
            return Ok(snapshot);
        }
        self.read().await
    }

    /// The rings as they are now.
    pub(crate) async fn fresh(&self) -> Result<Arc<Snapshot>> {
        let _reading = self.reading.lock().await;
        self.read().await
    }

    /// What was remembered is no longer true.
    pub(crate) fn forget(&self) {
        self.current.store(None);
    }

    /// The conductor that owns a node.
    pub(crate) async fn owner(&self, node: &Node, nobody: NobodyIs) -> Result<String> {
        let known = self.recent().await?;
        if let Some(host) = known.owner(node) {
            return Ok(host.to_owned());
        }
        // It may have come just now.
        let now = self.fresh().await?;
        if let Some(host) = now.owner(node) {
            return Ok(host.to_owned());
        }
        Err(now.nobody(
            nobody,
            format!(
                "No valid host was found. Reason: No conductor service registered which supports driver {} for conductor group \"{}\".",
                node.driver, node.conductor_group
            ),
        ))
    }

    /// Some conductor, another one for another `key`: for what belongs to no node.
    pub(crate) async fn any(&self, key: &str) -> Result<String> {
        let mut snapshot = self.recent().await?;
        if snapshot.online.is_empty() {
            snapshot = self.fresh().await?;
        }
        let sum: usize = key.bytes().map(usize::from).sum();
        let conductor = sum
            .checked_rem(snapshot.online.len())
            .and_then(|number| snapshot.online.get(number));
        match conductor {
            Some(conductor) => Ok(conductor.hostname.clone()),
            None => Err(snapshot.nobody(NobodyIs::NotFound, String::new())),
        }
    }

    /// Some conductor that drives this hardware type; 404 if there is none.
    pub(crate) async fn any_of_driver(&self, driver: &str) -> Result<String> {
        let known = self.recent().await?;
        if let Some(host) = known.rings.hosts_of_driver(driver).first() {
            return Ok((*host).to_owned());
        }
        let now = self.fresh().await?;
        now.rings
            .hosts_of_driver(driver)
            .first()
            .map(|host| (*host).to_owned())
            .ok_or_else(|| driver_not_found(driver))
    }

    fn recent_enough(&self) -> Option<Arc<Snapshot>> {
        self.current
            .load_full()
            .filter(|snapshot| snapshot.taken.elapsed() < self.max_age)
    }

    async fn read(&self) -> Result<Arc<Snapshot>> {
        let taken = Instant::now();
        let now = Timestamp::now();
        let mut online: Vec<Conductor> = self
            .db
            .conductors_all()
            .await?
            .into_iter()
            .filter(|conductor| conductor.is_alive_at(now))
            .collect();
        online.sort_by(|a, b| a.hostname.cmp(&b.hostname));
        let members: Vec<Member> = online
            .iter()
            .map(|conductor| Member {
                host: conductor.hostname.clone(),
                group: conductor.conductor_group.clone(),
                drivers: conductor.drivers.clone(),
            })
            .collect();
        let snapshot = Arc::new(Snapshot {
            rings: Rings::new(&members),
            online,
            taken,
        });
        self.current.store(Some(snapshot.clone()));
        Ok(snapshot)
    }
}

impl Snapshot {
    /// The conductor that owns a node.
    pub(crate) fn owner(&self, node: &Node) -> Option<&str> {
        self.rings
            .owner(&node.conductor_group, &node.driver, &node.uuid)
    }

    fn nobody(&self, nobody: NobodyIs, message: String) -> Error {
        if self.online.is_empty() {
            return Error::new(
                ErrorKind::NoConductor,
                "No conductor is online; start one, or wait until it has registered.",
            );
        }
        match nobody {
            NobodyIs::NotFound => Error::not_found(message),
            NobodyIs::Invalid => Error::invalid(message),
        }
    }
}

/// No conductor that is online drives this hardware type.
pub(crate) fn driver_not_found(driver: &str) -> Error {
    Error::not_found(format!(
        "Could not find the following driver(s) or hardware type(s): {driver}."
    ))
}
