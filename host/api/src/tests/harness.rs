//! A site to send requests to: a router, a database of its own, and a conductor that does as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode};
use ironbark_db::testing::{self, TestDatabase};
use ironbark_db::{Registration, ReservedTx};
use ironbark_model::conductor::HardwareInterface;
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::lifecycle::{PackageVersion, VersionState};
use ironbark_model::package::{DriverPackage, PackageSource};
use ironbark_model::{Error, InterfaceKind, Node, Port, Result, Timestamp, node_rules, patch};
use ironbark_rpc::in_process::{DEFAULT_BOUND, InProcess};
use ironbark_rpc::{
    Client, Envelope, Handler, HardwareRequest, Installation, Opening, Reply, Request, Stream,
    TraitChange,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{allocations, belongings};
use crate::{ApiConfig, ApiState, router};

/// The only conductor's host name, as in the samples.
pub(super) const HOST: &str = "peer-1";

/// The newest version.
pub(super) const LATEST: Option<u16> = Some(115);

pub(super) struct Site {
    pub(super) db: Arc<TestDatabase>,
    pub(super) conductor: Arc<Scripted>,
    pub(super) transport: InProcess,
    router: Router,
}

/// Does to the database what a conductor does, as simply as possible, and remembers what it was asked.
pub(super) struct Scripted {
    db: Arc<TestDatabase>,
    asked: Mutex<Vec<Envelope>>,
    answers: Mutex<VecDeque<Result<Reply>>>,
    streams: Mutex<VecDeque<(Opening, Stream)>>,
    by_the_rules: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Site {
    pub(super) async fn new() -> Self {
        Self::with(ApiConfig::default()).await
    }

    pub(super) async fn with(config: ApiConfig) -> Self {
        let site = Self::without_conductor(config).await;
        site.register(&["fake-hardware", "ipmi"]).await;
        site
    }

    /// Nobody is registered.
    pub(super) async fn without_conductor(config: ApiConfig) -> Self {
        let db = Arc::new(testing::sqlite().await);
        let conductor = Scripted::new(&db);
        let transport = InProcess::new();
        transport.listen(HOST, conductor.clone(), DEFAULT_BOUND);
        let client = Client::new(Arc::new(transport.clone()), Duration::from_secs(20));
        let router = router(ApiState::new(db.database.clone(), client, config));
        Self {
            db,
            conductor,
            transport,
            router,
        }
    }

    /// Registers the conductor with these hardware types.
    pub(super) async fn register(&self, drivers: &[&str]) {
        self.register_as(HOST, "", drivers).await;
    }

    /// Registers one more conductor, and has it listen.
    pub(super) async fn another(&self, host: &str, group: &str, drivers: &[&str]) -> Arc<Scripted> {
        let conductor = Scripted::new(&self.db);
        self.transport
            .listen(host, conductor.clone(), DEFAULT_BOUND);
        self.register_as(host, group, drivers).await;
        conductor
    }

    async fn register_as(&self, host: &str, group: &str, drivers: &[&str]) {
        let interfaces = drivers
            .iter()
            .flat_map(|driver| {
                InterfaceKind::ALL.iter().map(|kind| HardwareInterface {
                    hardware_type: (*driver).to_owned(),
                    interface: *kind,
                    implementation: implementation(*kind).to_owned(),
                    is_default: true,
                })
            })
            .collect();
        self.db
            .conductor_register(&Registration {
                hostname: host.to_owned(),
                conductor_group: group.to_owned(),
                incarnation: new_uuid(),
                drivers: drivers.iter().map(|driver| (*driver).to_owned()).collect(),
                interfaces,
            })
            .await
            .unwrap();
    }

    /// Stores a node as it is given.
    pub(super) async fn node(&self, change: impl FnOnce(&mut Node)) -> Node {
        let mut node = Node {
            uuid: new_uuid(),
            driver: "fake-hardware".to_owned(),
            ..Node::default()
        };
        change(&mut node);
        self.db.node_create(&node).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str, version: Option<u16>) -> Answer {
        self.send("GET", path, version, None).await
    }

    /// Sends a request; `version` None sends no version header.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        version: Option<u16>,
        body: Option<Value>,
    ) -> Answer {
        let version = version.map(|minor| format!("1.{minor}"));
        let headers: Vec<(&str, &str)> = version
            .iter()
            .map(|version| ("X-OpenStack-Ironic-API-Version", version.as_str()))
            .collect();
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.raw(method, path, &headers, body).await
    }

    /// Where the site really listens from now on.
    pub(super) async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Sends a request with exactly these headers, and a host if they name none.
    pub(super) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = HttpRequest::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request = request.header("Host", "127.0.0.1:6385");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
}

impl Scripted {
    fn new(db: &Arc<TestDatabase>) -> Arc<Self> {
        Arc::new(Self {
            db: db.clone(),
            asked: Mutex::default(),
            answers: Mutex::default(),
            streams: Mutex::default(),
            by_the_rules: AtomicBool::new(false),
        })
    }

    /// From now on changes of nodes keep to the rules that conductors keep to.
    pub(super) fn keep_rules(&self) {
        self.by_the_rules.store(true, Ordering::Relaxed);
    }

    /// The next request is answered with this, whatever it is.
    pub(super) fn next(&self, answer: Result<Reply>) {
        self.answers.lock().unwrap().push_back(answer);
    }

    /// The conductor's end of the stream that was opened last.
    pub(super) fn stream(&self) -> (Opening, Stream) {
        let stream = self.streams.lock().unwrap().pop_back();
        stream.expect("a stream was opened")
    }

    /// What was asked last.
    pub(super) fn last(&self) -> Request {
        self.asked
            .lock()
            .unwrap()
            .last()
            .expect("something was asked")
            .request
            .clone()
    }

    /// The last request's id.
    pub(super) fn last_request_id(&self) -> String {
        self.asked
            .lock()
            .unwrap()
            .last()
            .expect("something was asked")
            .request_id
            .clone()
    }

    /// How many requests there were.
    pub(super) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Installs and activates what was uploaded as acme 1.0.0.
    async fn install(&self, installation: Installation) -> Result<Reply> {
        let bytes = self
            .db
            .blob_get(&installation.digest)
            .await?
            .expect("the bytes are staged");
        let granted = installation.grants.unwrap_or_default();
        let version = PackageVersion {
            package: "acme".to_owned(),
            version: "1.0.0".to_owned(),
            digest: installation.digest,
            size: i64::try_from(bytes.len()).unwrap(),
            vendor: "Acme".to_owned(),
            asked: granted.clone(),
            capabilities: Vec::new(),
            hardware_types: vec!["acme".to_owned()],
            implementations: Vec::new(),
            state_schema: String::new(),
            source: PackageSource::Api,
            file: None,
            publisher: None,
            publisher_key: None,
            state: VersionState::Installed,
            reason: None,
            stopped: false,
            created_at: Timestamp::now(),
            activated_at: None,
        };
        let mut tx = self.db.change_packages().await?;
        tx.version_put(&version).await?;
        if installation.activate {
            let row = DriverPackage {
                name: version.package,
                version: version.version,
                digest: version.digest,
                size: version.size,
                vendor: version.vendor,
                granted,
                hardware_types: version.hardware_types,
                source: version.source,
                file: None,
                created_at: Timestamp::now(),
            };
            tx.activate(&row, VersionState::Installed).await?;
        }
        tx.commit().await?;
        Ok(Reply::Json(
            json!({"name": "acme", "version": "1.0.0", "active": installation.activate}),
        ))
    }

    async fn reserved(&self, node: &str) -> Result<ReservedTx> {
        let reservation = self.db.node_reserve(node, HOST).await?;
        self.db.reserved(&reservation).await
    }

    async fn change_node(
        &self,
        uuid: &str,
        change: impl FnOnce(Node) -> Result<Node>,
    ) -> Result<Node> {
        let mut transaction = self.reserved(uuid).await?;
        let changed = change(transaction.node().await?);
        if let Ok(node) = &changed {
            transaction.save_node(node).await?;
        }
        transaction.commit_and_release().await?;
        changed?;
        Ok(self
            .db
            .node_get(&Ident::Uuid(uuid.to_owned()))
            .await?
            .unwrap())
    }
}

#[async_trait]
impl Handler for Scripted {
    async fn handle(&self, envelope: Envelope) -> Result<Reply> {
        self.asked.lock().unwrap().push(envelope.clone());
        if let Some(answer) = self.answers.lock().unwrap().pop_front() {
            return answer;
        }
        match envelope.request {
            Request::CreateNode { mut node } => {
                for kind in InterfaceKind::ALL {
                    if node.interface(*kind).is_none() {
                        node.set_interface(*kind, Some(implementation(*kind).to_owned()));
                    }
                }
                Ok(Reply::Node(Box::new(self.db.node_create(&node).await?)))
            }
            Request::UpdateNode { node, patch, .. } => {
                let allocation = self.db.allocation_of_node(&node).await?;
                let owner = allocation.and_then(|allocation| allocation.owner);
                let rules = self.by_the_rules.load(Ordering::Relaxed);
                let node = self
                    .change_node(&node, |node| {
                        if rules {
                            patched_by_the_rules(&node, &patch, owner.as_deref())
                        } else {
                            patched(&node, &patch)
                        }
                    })
                    .await?;
                Ok(Reply::Node(Box::new(node)))
            }
            Request::DestroyNode { node } => {
                let mut transaction = self.reserved(&node).await?;
                if self.by_the_rules.load(Ordering::Relaxed) {
                    let found = transaction.node().await?;
                    if let Err(refused) = node_rules::check_delete(&found, true) {
                        transaction.commit_and_release().await?;
                        return Err(refused);
                    }
                }
                transaction.delete_and_commit().await?;
                Ok(Reply::Done)
            }
            Request::SetMaintenance {
                node,
                maintenance,
                reason,
            } => {
                self.change_node(&node, |mut node| {
                    node.maintenance = maintenance;
                    node.maintenance_reason = reason;
                    Ok(node)
                })
                .await?;
                Ok(Reply::Done)
            }
            Request::SetTraits { node, change } => {
                let mut transaction = self.reserved(&node).await?;
                let mut traits = transaction.node().await?.traits;
                match change {
                    TraitChange::Replace(all) => traits = all,
                    TraitChange::Add(one) => traits.push(one),
                    TraitChange::Remove(one) => {
                        let before = traits.len();
                        traits.retain(|known| *known != one);
                        if traits.len() == before {
                            transaction.commit_and_release().await?;
                            return Err(Error::not_found(format!("no trait {one}")));
                        }
                    }
                }
                transaction.set_traits(&traits).await?;
                transaction.commit_and_release().await?;
                Ok(Reply::Done)
            }
            Request::CreatePort { port } => {
                let mut transaction = self.reserved(&port.node_uuid).await?;
                let port = transaction.port_create(&port).await?;
                transaction.commit_and_release().await?;
                Ok(Reply::Port(Box::new(port)))
            }
            Request::UpdatePort { port, node, patch } => {
                let old = self.db.port_get(&Ident::Uuid(port)).await?.unwrap();
                let mut new: Port = patched(&old, &patch)?;
                new.local_link_connection =
                    ironbark_model::local_link::normal_form(new.local_link_connection)?;
                let mut transaction = self.reserved(&node).await?;
                let port = transaction.port_update(&new).await?;
                transaction.commit_and_release().await?;
                Ok(Reply::Port(Box::new(port)))
            }
            Request::DestroyPort { port, node } => {
                let mut transaction = self.reserved(&node).await?;
                transaction.port_delete(&port).await?;
                transaction.commit_and_release().await?;
                Ok(Reply::Done)
            }
            Request::ChangeAllocation { change } => allocations::change(&self.db, change).await,
            Request::ChangeBelonging { change } => belongings::change(&self.db, HOST, change).await,
            Request::InstallPackage { installation } => self.install(installation).await,
            Request::RemovePackage { name, .. } => {
                let versions = self.db.package_versions(&name).await?;
                let mut tx = self.db.change_packages().await?;
                for version in &versions {
                    tx.version_remove(&name, &version.version).await?;
                }
                if !tx.deactivate(&name).await? {
                    return Err(Error::not_found(format!("no package {name}")));
                }
                tx.commit().await?;
                Ok(Reply::Done)
            }
            Request::ChangePackage { name, .. } => Ok(Reply::Json(json!({"package": name}))),
            Request::TrustPublisher { publisher, .. } => {
                let mut tx = self.db.change_packages().await?;
                tx.publisher_add(&publisher).await?;
                tx.commit().await?;
                Ok(Reply::Json(serde_json::to_value(publisher).unwrap()))
            }
            Request::RemovePublisher { name, .. } => {
                Ok(Reply::Json(json!({"name": name, "packages": []})))
            }
            Request::Validate { .. } => Ok(Reply::Json(json!({"power": {"result": true}}))),
            Request::GetBootDevice { .. } => Ok(Reply::Json(
                json!({"boot_device": "pxe", "persistent": false}),
            )),
            Request::SupportedBootDevices { .. } => Ok(Reply::Json(json!(["pxe"]))),
            Request::VendorMethods { .. } | Request::DriverVendorMethods { .. } => {
                Ok(Reply::Json(json!({"m": {"async": true}})))
            }
            Request::Hardware {
                request: HardwareRequest::ListVifs | HardwareRequest::ListVirtualMedia,
                ..
            } => Ok(Reply::Json(json!([]))),
            Request::Hardware {
                request: HardwareRequest::ListIndicators,
                ..
            }
            | Request::DriverRaidProperties { .. } => Ok(Reply::Json(json!({}))),
            Request::Hardware {
                request: HardwareRequest::GetIndicator { .. },
                ..
            } => Ok(Reply::Json(json!("on"))),
            Request::DriverProperties { .. } => Ok(Reply::Json(json!({"a": "An address."}))),
            Request::VendorPassthru { .. } | Request::DriverVendorPassthru { .. } => {
                Ok(Reply::Vendor {
                    is_async: false,
                    result: "true".to_owned(),
                    attach: false,
                })
            }
            _ => Ok(Reply::Done),
        }
    }

    async fn open(&self, envelope: Envelope<Opening>, stream: Stream) -> Result<()> {
        if let Some(Err(refused)) = self.answers.lock().unwrap().pop_front() {
            return Err(refused);
        }
        let opened = (envelope.request, stream);
        self.streams.lock().unwrap().push_back(opened);
        Ok(())
    }
}

/// What the test suite needs of a transaction that deletes its own node.
trait DeleteAndCommit {
    async fn delete_and_commit(self) -> Result<()>;
}

impl DeleteAndCommit for ReservedTx {
    async fn delete_and_commit(mut self) -> Result<()> {
        self.delete_node().await?;
        self.commit().await
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The error that is inside the text that is inside the body.
    pub(super) fn error(&self) -> Value {
        let outer = self.json();
        let inner = outer["error_message"]
            .as_str()
            .expect("error_message is text");
        serde_json::from_str(inner).expect("error_message is JSON")
    }

    /// What the application says is wrong.
    pub(super) fn fault(&self) -> String {
        self.error()["faultstring"]
            .as_str()
            .expect("an application's error")
            .to_owned()
    }

    /// Whether the router said it, and not the application.
    pub(super) fn is_routers(&self) -> bool {
        self.status.is_client_error() && self.error().get("title").is_some()
    }

    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

fn implementation(kind: InterfaceKind) -> &'static str {
    match kind {
        InterfaceKind::Network | InterfaceKind::Storage => "noop",
        _ => "fake",
    }
}

/// What a patch makes of a node where its state allows it. The rules are the conductors' own.
fn patched_by_the_rules(
    before: &Node,
    ops: &[patch::PatchOp],
    allocations_owner: Option<&str>,
) -> Result<Node> {
    node_rules::check_in_motion(before, ops)?;
    let mut after = patched(before, ops)?;
    node_rules::check_change(before, &after)?;
    node_rules::check_owner(before, &after, allocations_owner)?;
    node_rules::change_along(before, &mut after);
    Ok(after)
}

pub(super) fn patched<T>(old: &T, ops: &[patch::PatchOp]) -> Result<T>
where
    T: Default + serde::Serialize + serde::de::DeserializeOwned,
{
    let object = |value: &T| {
        serde_json::to_value(value)
            .unwrap()
            .as_object()
            .unwrap()
            .clone()
    };
    let mut document = object(old);
    let defaults = object(&T::default());
    patch::apply(&mut document, ops, |name| defaults[name].clone())?;
    for (name, value) in &mut document {
        if value.is_null() {
            *value = defaults[name].clone();
        }
    }
    serde_json::from_value(Value::Object(document))
        .map_err(|error| Error::invalid(error.to_string()))
}
