//! A conductor with a database and the real test drivers, in this process; and ways to kill it.
//!
//! The drivers come from `IRONBARK_TEST_DRIVERS` and `IRONBARK_TEST_FIXTURES`, from where `cargo xtask drivers` puts them, or from
//! what was last compiled for WebAssembly.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironbark_bmc::{ipmi, redfish, ssh};
use ironbark_conductor::{Conductor, Config, Parts};
use ironbark_db::testing::TestDatabase;
use ironbark_db::{Database, Page};
use ironbark_drivers::{Drivers, DriversConfig};
use ironbark_model::history::HistoryEntry;
use ironbark_model::ident::Ident;
use ironbark_model::{Error, Node, PowerTarget, ProvisionState, Result, Timestamp, Verb};
use ironbark_rpc::{Envelope, Handler, ProvisionArgs, Reply, Request, VERSION};
use ironbark_sandbox::{Engine, EngineConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// Longest that a test waits for something to come about.
const PATIENCE: Duration = Duration::from_secs(90);

/// One conductor with its database.
pub struct World {
    pub conductor: Arc<Conductor>,
    pub db: Database,
    config: Config,
    drivers: DriversConfig,
    engine: Engine,
    packages: Arc<TempDir>,
    _database: Option<TestDatabase>,
}

impl World {
    /// A conductor on a new SQLite database, with `fake` and `test` packages.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`World::start`], with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with_both(change, |_| {}).await
    }

    /// As [`World::start`], with other settings of drivers.
    pub async fn start_with_drivers(change: impl FnOnce(&mut DriversConfig)) -> Self {
        Self::start_with_both(|_| {}, change).await
    }

    async fn start_with_both(
        change: impl FnOnce(&mut Config),
        change_drivers: impl FnOnce(&mut DriversConfig),
    ) -> Self {
        let database = ironbark_db::testing::sqlite().await;
        let packages = Arc::new(tempfile::tempdir().unwrap());
        for name in ["fake", "test"] {
            std::fs::write(packages.path().join(format!("{name}.wasm")), package(name)).unwrap();
        }
        let mut config = Config {
            host: "conductor-1".to_owned(),
            bundled_folder: Some(packages.path().to_owned()),
            node_locked_retry_interval: Duration::from_millis(20),
            sync_power_state_interval: Duration::ZERO,
            ..Config::default()
        };
        change(&mut config);
        let mut drivers = DriversConfig::default();
        change_drivers(&mut drivers);
        let engine = EngineConfig {
            // Each test has an engine; only the first one compiles.
            cache_folder: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled")),
            ..EngineConfig::default()
        };
        let engine = Engine::new(engine, Handle::current()).unwrap();
        let db = database.database.clone();
        let conductor = conductor(&db, &config, &drivers, &engine).await;
        Self {
            conductor,
            db,
            config,
            drivers,
            engine,
            packages,
            _database: Some(database),
        }
    }

    /// Stops everything that this process does, at once, and leaves the database as it is.
    pub fn kill(&self) {
        let ctx = self.conductor.context();
        ctx.standing.superseded();
        ctx.shutdown.cancel();
        ctx.workers.cancel();
    }

    /// Changes settings; they hold from the next start.
    pub fn change_config(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// Another conductor on the same database.
    pub async fn another(&self, host: &str) -> Arc<Conductor> {
        let config = Config {
            host: host.to_owned(),
            ..self.config.clone()
        };
        conductor(&self.db, &config, &self.drivers, &self.engine).await
    }

    /// Installs a package and activates it, with all that it asks for.
    pub async fn install(&self, bytes: Vec<u8>) {
        self.put(bytes, true).await;
    }

    /// Only installs it.
    pub async fn stage(&self, bytes: Vec<u8>) {
        self.put(bytes, false).await;
    }

    async fn put(&self, bytes: Vec<u8>, activate: bool) {
        let digest = ironbark_drivers::digest_of(&bytes);
        self.db.blob_put(&digest, &bytes).await.unwrap();
        let installation = ironbark_rpc::Installation {
            digest,
            grants: Some(vec!["*".to_owned()]),
            activate,
            by: "ada".to_owned(),
            ..ironbark_rpc::Installation::default()
        };
        self.ask(Request::InstallPackage { installation })
            .await
            .unwrap();
    }

    /// Starts the conductor again, under the same host name.
    pub async fn restart(&mut self) {
        self.conductor = conductor(&self.db, &self.config, &self.drivers, &self.engine).await;
    }

    pub async fn kill_and_restart(&mut self) {
        self.kill();
        self.restart().await;
    }

    pub async fn ask(&self, request: Request) -> Result<Reply> {
        self.ask_until(Timestamp::now().plus(Duration::from_secs(60)), request)
            .await
    }

    /// Asks as a client that waits until then.
    pub async fn ask_until(&self, deadline: Timestamp, request: Request) -> Result<Reply> {
        self.ask_by(None, deadline, request).await
    }

    /// Asks as a user of this name.
    pub async fn ask_as(&self, user: &str, request: Request) -> Result<Reply> {
        let deadline = Timestamp::now().plus(Duration::from_secs(60));
        self.ask_by(Some(user), deadline, request).await
    }

    async fn ask_by(
        &self,
        user: Option<&str>,
        deadline: Timestamp,
        request: Request,
    ) -> Result<Reply> {
        let envelope = Envelope {
            version: VERSION,
            request_id: "req-test".to_owned(),
            user: user.map(str::to_owned),
            deadline,
            request,
        };
        self.conductor.handle(envelope).await
    }

    /// Creates a node of `test-hardware` with these `driver_info` and other fields.
    pub async fn test_node(&self, driver_info: Value, fields: Value) -> Node {
        self.create("test-hardware", driver_info, fields).await
    }

    /// Creates a node of `fake-hardware`.
    pub async fn fake_node(&self) -> Node {
        self.create("fake-hardware", json!({}), json!({})).await
    }

    pub async fn create(&self, driver: &str, driver_info: Value, fields: Value) -> Node {
        let mut document = json!({"driver": driver, "driver_info": driver_info});
        for (key, value) in fields.as_object().unwrap() {
            document[key] = value.clone();
        }
        let node: Node = serde_json::from_value(document).unwrap();
        match self
            .ask(Request::CreateNode {
                node: Box::new(node),
            })
            .await
            .unwrap()
        {
            Reply::Node(node) => *node,
            other => panic!("not a node: {other:?}"),
        }
    }

    pub async fn patch(&self, uuid: &str, patch: Value) -> Result<Node> {
        let patch = ironbark_model::patch::parse(&patch).unwrap();
        let reply = self
            .ask(Request::UpdateNode {
                node: uuid.to_owned(),
                patch,
                reset_interfaces: false,
            })
            .await?;
        match reply {
            Reply::Node(node) => Ok(*node),
            other => panic!("not a node: {other:?}"),
        }
    }

    pub async fn provision(&self, uuid: &str, verb: Verb, args: Value) -> Result<()> {
        let args: ProvisionArgs = serde_json::from_value(args).unwrap();
        self.ask(Request::Provision {
            node: uuid.to_owned(),
            verb,
            args,
        })
        .await
        .map(drop)
    }

    pub async fn power(&self, uuid: &str, target: PowerTarget) -> Result<()> {
        self.ask(Request::ChangePowerState {
            node: uuid.to_owned(),
            target,
            timeout: None,
        })
        .await
        .map(drop)
    }

    pub async fn node(&self, uuid: &str) -> Node {
        self.db
            .node_get(&Ident::Uuid(uuid.to_owned()))
            .await
            .unwrap()
            .expect("the node is there")
    }

    /// Waits until the node is as wanted.
    pub async fn until(&self, uuid: &str, what: &str, wanted: impl Fn(&Node) -> bool) -> Node {
        let began = Instant::now();
        loop {
            let node = self.node(uuid).await;
            if wanted(&node) {
                return node;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "waited for {what}, found {} ({:?}), power {:?}, reserved by {:?}, last error {:?}, operation {:?}",
                node.provision_state,
                node.target_provision_state,
                node.power_state,
                node.reservation,
                node.last_error,
                self.db.operation_of(uuid).await.unwrap(),
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the node is in `state` and nobody works on it.
    pub async fn settled(&self, uuid: &str, state: ProvisionState) -> Node {
        let node = self
            .until(uuid, state.as_str(), |node| {
                node.provision_state == state && node.reservation.is_none()
            })
            .await;
        if !state.is_waiting() {
            assert_eq!(self.db.operation_of(uuid).await.unwrap(), None, "{state}");
        }
        node
    }

    /// Waits until no change of power is under way.
    pub async fn power_settled(&self, uuid: &str) -> Node {
        self.until(uuid, "power to settle", |node| {
            node.target_power_state.is_none() && node.reservation.is_none()
        })
        .await
    }

    /// Manageable, from enroll.
    pub async fn manage(&self, uuid: &str) -> Node {
        self.provision(uuid, Verb::Manage, json!({})).await.unwrap();
        self.settled(uuid, ProvisionState::Manageable).await
    }

    /// Available, from enroll.
    pub async fn provide(&self, uuid: &str) -> Node {
        self.manage(uuid).await;
        self.provision(uuid, Verb::Provide, json!({}))
            .await
            .unwrap();
        self.settled(uuid, ProvisionState::Available).await
    }

    /// Waits until the journal is as wanted.
    pub async fn journal_until(
        &self,
        uuid: &str,
        what: &str,
        wanted: impl Fn(&ironbark_model::Operation) -> bool,
    ) -> ironbark_model::Operation {
        let began = Instant::now();
        loop {
            let operation = self.db.operation_of(uuid).await.unwrap();
            if let Some(operation) = operation.as_ref().filter(|operation| wanted(operation)) {
                return operation.clone();
            }
            assert!(
                began.elapsed() < PATIENCE,
                "waited for {what}, found {operation:?} and {:?}",
                self.node(uuid).await.last_error
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn history(&self, uuid: &str) -> Vec<HistoryEntry> {
        self.db.history_list(uuid, &Page::first(100)).await.unwrap()
    }

    /// Changes a node that a killed conductor still holds, and leaves it held.
    pub async fn change_held(&self, uuid: &str, change: impl FnOnce(&mut Node)) {
        let node = self.node(uuid).await;
        let host = node.reservation.expect("held");
        let taken = self
            .db
            .node_reservation_take_over(uuid, &host, node.fence, &host)
            .await
            .unwrap();
        let mut tx = self.db.reserved(&taken.expect("held")).await.unwrap();
        let mut node = tx.node().await.unwrap();
        change(&mut node);
        tx.save_node(&node).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What the `test` driver noted about the node.
    pub async fn notes(&self, uuid: &str) -> std::collections::BTreeMap<String, Value> {
        let notes = self.db.notes_of(uuid, "test").await.unwrap();
        notes
            .into_iter()
            .map(|(key, text)| (key, serde_json::from_str(&text).unwrap()))
            .collect()
    }
}

/// What went wrong, for comparisons.
pub fn kind<T>(result: Result<T>) -> Option<ironbark_model::ErrorKind> {
    result.err().map(|error: Error| error.kind())
}

async fn conductor(
    db: &Database,
    config: &Config,
    drivers: &DriversConfig,
    engine: &Engine,
) -> Arc<Conductor> {
    let parts = Parts {
        db: db.clone(),
        drivers: Drivers::new(engine.clone(), drivers.clone()),
        ipmi: ipmi::Client::new(ipmi::ClientConfig::default()),
        redfish: redfish::Client::new(redfish::ClientConfig::default()),
        ssh: ssh::Client::new(ssh::ClientConfig::default()),
        config: config.clone(),
    };
    Conductor::start(parts).await.unwrap()
}

/// The package `test` with other metadata, in the bytes of another version.
pub fn test_package(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    other_package("test", change)
}

/// A package with other metadata, in the bytes of another version.
pub fn other_package(name: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let bytes = package(name);
    let contents = ironbark_package::Contents::read(&bytes).unwrap();
    let mut metadata: Value = serde_json::from_slice(&contents.metadata).unwrap();
    change(&mut metadata);
    ironbark_package::embed(&bytes, metadata.to_string().as_bytes()).unwrap()
}

/// A package that ships, or `test`.
pub fn package(name: &str) -> Vec<u8> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let (variable, folder, compiled) = match name {
        "fake" => (
            "IRONBARK_TEST_DRIVERS",
            "drivers",
            "ironbark_plugin_fake.wasm",
        ),
        "ipmi" => (
            "IRONBARK_TEST_DRIVERS",
            "drivers",
            "ironbark_plugin_ipmi.wasm",
        ),
        _ => (
            "IRONBARK_TEST_FIXTURES",
            "fixtures",
            "ironbark_fixture_test.wasm",
        ),
    };
    let packed = std::env::var_os(variable)
        .map_or_else(|| target.join(folder), PathBuf::from)
        .join(format!("{name}.wasm"));
    if let Ok(bytes) = std::fs::read(&packed) {
        return bytes;
    }
    let compiled = target.join("wasm32-wasip2/plugin").join(compiled);
    let bytes = std::fs::read(&compiled).unwrap_or_else(|error| {
        panic!(
            "neither {} nor {} can be read ({error}): build them with `cargo xtask drivers`",
            packed.display(),
            compiled.display()
        )
    });
    ironbark_package::lift(&bytes).expect("the driver has metadata")
}
