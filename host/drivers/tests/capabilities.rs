//! What a driver gets of redfish, ssh, agent and boot-media: a real package asks, and doubles of the service answer.
//!
//! `probe` passes each vendor message on to one import.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ironbark_drivers::{Drivers, DriversConfig, Grants, Implementation};
use ironbark_model::{InterfaceKind, Secret};
use ironbark_sandbox::{
    AgentAccess, AgentCommand, AgentHeartbeat, AgentStatus, Audit, BootMediaAccess, BootMedium,
    BootPurpose, CallContext, CallError, DriverError, Ended, Engine, EngineConfig,
    MAX_REDFISH_ANSWER, NotRecorded, OpenRecord, Operation, RedfishAccess, RedfishRequest,
    RedfishResources, RedfishResponse, SshAccess, SshOutput, VendorRequest,
};
use serde_json::{Value, json};

/// A service that has two systems, an agent, a hypervisor and a file server at once. Remembers what reached it.
#[derive(Default)]
struct Double {
    requests: Mutex<Vec<(&'static str, String, Option<Value>)>>,
    answer: Mutex<RedfishResponse>,
    /// The manager is the other system's as well.
    shared: AtomicBool,
    media: Mutex<Vec<BootMedium>>,
}

#[async_trait]
impl RedfishAccess for Double {
    async fn resources(&self, _: Duration) -> Result<RedfishResources, DriverError> {
        Ok(RedfishResources {
            system: "/redfish/v1/Systems/1".into(),
            chassis: vec!["/redfish/v1/Chassis/1".into()],
            managers: vec!["/redfish/v1/Managers/1".into()],
        })
    }
    async fn is_shared(&self, resource: &str, _: Duration) -> Result<bool, DriverError> {
        Ok(resource == "/redfish/v1/Managers/1" && self.shared.load(Ordering::Relaxed))
    }
    async fn request(
        &self,
        request: RedfishRequest,
        _: Duration,
    ) -> Result<RedfishResponse, DriverError> {
        self.requests
            .lock()
            .unwrap()
            .push((request.method.as_str(), request.path, request.body));
        Ok(self.answer.lock().unwrap().clone())
    }
}

#[async_trait]
impl SshAccess for Double {
    async fn run(&self, template: &str, _: Duration) -> Result<SshOutput, DriverError> {
        Ok(SshOutput {
            exit_status: 3,
            stdout: [template.as_bytes(), b" \xff tops3cret"].concat(),
            stderr: b"no".to_vec(),
        })
    }
}

fn command(id: usize, result: Value) -> AgentCommand {
    AgentCommand {
        id: id.to_string(),
        name: "execute_clean_step".into(),
        status: AgentStatus::Succeeded,
        result: Some(result),
        error: None,
    }
}

#[async_trait]
impl AgentAccess for Double {
    async fn last_heartbeat(&self, _: Duration) -> Result<Option<AgentHeartbeat>, DriverError> {
        Ok(Some(AgentHeartbeat {
            at: 7,
            version: "11.0".into(),
        }))
    }
    async fn run(
        &self,
        name: &str,
        params: Value,
        wait: Duration,
        _: Duration,
    ) -> Result<AgentCommand, DriverError> {
        Ok(command(
            1,
            json!({"name": name, "params": params, "wait": wait.as_secs()}),
        ))
    }
    async fn get_command(
        &self,
        id: &str,
        _: Duration,
        _: Duration,
    ) -> Result<AgentCommand, DriverError> {
        Ok(AgentCommand {
            id: id.into(),
            status: AgentStatus::Failed,
            error: Some(("CleaningError".into(), "tops3cret didn't work".into())),
            ..command(0, json!({}))
        })
    }
    async fn list_commands(&self, _: Duration) -> Result<Vec<AgentCommand>, DriverError> {
        Ok((0..150)
            .map(|id| command(id, json!("x".repeat(100_000))))
            .collect())
    }
}

#[async_trait]
impl BootMediaAccess for Double {
    async fn publish(&self, medium: BootMedium, _: Duration) -> Result<String, DriverError> {
        self.media.lock().unwrap().push(medium);
        Ok("http://files/1".into())
    }
    async fn withdraw(&self, _: Option<BootPurpose>, _: Duration) -> Result<(), DriverError> {
        Ok(())
    }
}

/// What the record gets to see.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Audit for Book {
    async fn begin(&self, operation: &Operation) -> Result<Box<dyn OpenRecord>, NotRecorded> {
        self.0.lock().unwrap().push(operation.to_string());
        Ok(Box::new(self.clone()))
    }
    fn denied(&self, operation: &Operation) -> Result<(), NotRecorded> {
        self.0.lock().unwrap().push(format!("{operation} denied"));
        Ok(())
    }
}

impl OpenRecord for Book {
    fn end(self: Box<Self>, _: Ended) {}
}

struct World {
    probe: Implementation,
    double: Arc<Double>,
    book: Book,
}

impl World {
    async fn new(grants: &Grants) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/fixtures/abi/complete/probe.wasm");
        Self::of(std::fs::read(file).unwrap(), grants).await
    }

    /// A package that asks for these groups of Redfish as well.
    async fn asking(groups: &[&str]) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/fixtures/abi/complete/probe.wasm");
        let bytes = std::fs::read(file).unwrap();
        let contents = ironbark_package::Contents::read(&bytes).unwrap();
        let mut metadata: Value = serde_json::from_slice(&contents.metadata).unwrap();
        let asked = metadata["capabilities"].as_array_mut().unwrap();
        asked.extend(groups.iter().map(|group| json!(format!("redfish:{group}"))));
        let bytes = ironbark_package::embed(&bytes, metadata.to_string().as_bytes()).unwrap();
        Self::of(bytes, &Grants::AsAsked).await
    }

    async fn of(bytes: Vec<u8>, grants: &Grants) -> Self {
        let settings = EngineConfig {
            max_live_calls: 20,
            ..EngineConfig::default()
        };
        let engine = Engine::new(settings, tokio::runtime::Handle::current()).unwrap();
        let drivers = Drivers::new(engine, DriversConfig::default());
        let prepared = drivers.prepare(bytes.into(), grants).await.unwrap();
        let digest = prepared.package().digest().to_owned();
        drivers.activate(prepared);
        let probe = drivers
            .implementation_pinned(&digest, InterfaceKind::Vendor, "probe")
            .unwrap();
        Self {
            probe,
            double: Arc::default(),
            book: Book::default(),
        }
    }

    async fn granted() -> Self {
        Self::new(&Grants::AsAsked).await
    }

    async fn call(&self, method: &str, message: Value) -> Result<Value, CallError> {
        let mut context = CallContext::without_node("req-test");
        let lent = &mut context.capabilities;
        lent.redfish = Some(self.double.clone());
        lent.ssh = Some(self.double.clone());
        lent.agent = Some(self.double.clone());
        lent.boot_media = Some(self.double.clone());
        context.audit = Arc::new(self.book.clone());
        context.secrets = Arc::new([Secret::new("tops3cret")]);
        context.secret_refs = Arc::new(BTreeMap::from([(
            "driver_info/probe_key".to_owned(),
            Secret::new("tops3cret"),
        )]));
        let request = VendorRequest {
            method: method.to_owned(),
            http_method: "POST".to_owned(),
            body: message.to_string(),
        };
        let done = self.probe.vendor_call(context, request).await?;
        Ok(done.value)
    }

    async fn redfish(&self, method: &str, path: &str, body: Value) -> Result<Value, CallError> {
        self.call(
            "redfish",
            json!({"method": method, "path": path, "body": body}),
        )
        .await
    }

    fn answer(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        *self.double.answer.lock().unwrap() = RedfishResponse {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.to_owned(),
        };
    }
}

fn denied(result: Result<Value, CallError>) -> String {
    match result {
        Err(CallError::Driver(DriverError::Denied(reason))) => reason,
        other => panic!("{other:?}"),
    }
}

fn invalid(result: Result<Value, CallError>) -> String {
    match result {
        Err(CallError::Driver(DriverError::InvalidParameter(reason))) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_there_without_a_grant() {
    let world = World::new(&Grants::only(Vec::<String>::new())).await;
    for (method, message) in [
        ("resources", json!(null)),
        (
            "redfish",
            json!({"method": "GET", "path": "/redfish/v1", "body": null}),
        ),
        ("ssh", json!("power-on")),
        ("heartbeat", json!(null)),
        (
            "boot",
            json!({"what": "kernel", "purpose": "deploy", "parameters": []}),
        ),
        ("withdraw", json!(null)),
    ] {
        let reason = denied(world.call(method, message).await);
        assert!(reason.contains("not granted"), "{method}: {reason}");
    }
    assert!(world.double.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn redfish_reaches_this_nodes_resources() {
    let world = World::granted().await;
    let own = world.call("resources", json!(null)).await.unwrap();
    assert_eq!(own["system"], "/redfish/v1/Systems/1");
    world.answer(
        202,
        &[
            ("ETag", "\"1\""),
            ("X-Auth-Token", "t"),
            ("Location", "/redfish/v1/TaskService/Tasks/1"),
        ],
        r#"{"echo": "tops3cret!"}"#,
    );
    let body = json!({"Key": {"$secret": "driver_info/probe_key"}});
    let answer = world
        .redfish("PATCH", "/redfish/v1/%53ystems/1/Bios", body)
        .await
        .unwrap();
    assert_eq!(answer["status"], 202);
    assert_eq!(
        answer["headers"],
        json!([
            ["etag", "\"1\""],
            ["location", "/redfish/v1/TaskService/Tasks/1"]
        ])
    );
    assert_eq!(answer["body"], json!({"echo": "******!"}));
    let sent = world.double.requests.lock().unwrap().clone();
    assert_eq!(
        sent,
        [(
            "PATCH",
            "/redfish/v1/Systems/1/Bios".to_owned(),
            Some(json!({"Key": "tops3cret"}))
        )]
    );
}

#[tokio::test]
async fn redfish_reaches_nothing_else() {
    let world = World::granted().await;
    for (method, path, body) in [
        ("GET", "/redfish/v1/Systems/2", Value::Null),
        ("GET", "/redfish/v1/Systems/1/../2", Value::Null),
        ("GET", "/redfish/v1/Systems%2f2", Value::Null),
        ("GET", "/redfish/v1/Systems", Value::Null),
        ("GET", "/redfish/v1/Systems/1/SecureBoot", Value::Null),
        ("GET", "/redfish/v1/AccountService/Accounts", Value::Null),
        ("POST", "/redfish/v1/SessionService/Sessions", json!({})),
        (
            "POST",
            "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate",
            json!({"ImageURI": "http://files/a", "Targets": ["/redfish/v1/Systems/2"]}),
        ),
    ] {
        denied(world.redfish(method, path, body).await);
    }
    invalid(world.redfish("GET", "/redfish/v1", json!({})).await);
    invalid(
        world
            .redfish("POST", "/redfish/v1/UpdateService", json!([]))
            .await,
    );
    let unknown = json!({"Key": {"$secret": "driver_info/ipmi_password"}});
    invalid(
        world
            .redfish("PATCH", "/redfish/v1/Systems/1", unknown)
            .await,
    );
    assert!(
        world.double.requests.lock().unwrap().is_empty(),
        "nothing was sent"
    );
}

#[tokio::test]
async fn what_is_other_nodes_as_well_is_read_and_not_changed_without_a_grant() {
    const MANAGER: &str = "/redfish/v1/Managers/1";
    let action = format!("{MANAGER}/VirtualMedia/1/Actions/VirtualMedia.EjectMedia");
    let update = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate";
    let targets = json!({"ImageURI": "http://files/a", "Targets": [MANAGER]});
    let changes = [
        ("PATCH", MANAGER, json!({})),
        ("POST", action.as_str(), json!({})),
        ("DELETE", MANAGER, Value::Null),
        ("POST", update, targets),
    ];
    let world = World::granted().await;
    let others = World::asking(&["shared"]).await;
    for world in [&world, &others] {
        world.answer(200, &[], "{}");
        for (method, path, body) in &changes {
            world.redfish(method, path, body.clone()).await.unwrap();
        }
        world.double.shared.store(true, Ordering::Relaxed);
    }
    for (method, path, body) in &changes {
        let reason = denied(world.redfish(method, path, body.clone()).await);
        assert!(reason.contains("'redfish:shared'"), "{reason}");
        others.redfish(method, path, body.clone()).await.unwrap();
    }
    assert_eq!(world.double.requests.lock().unwrap().len(), changes.len());
    world.redfish("GET", MANAGER, Value::Null).await.unwrap();
    for own in ["/redfish/v1/Systems/1", "/redfish/v1/Chassis/1"] {
        world.redfish("PATCH", own, json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn redfish_answers_are_bounded_and_lead_nowhere_else() {
    let world = World::granted().await;
    for location in [
        "/redfish/v1/Systems/2",
        "http://other/redfish/v1/Systems/1",
        "//other/redfish/v1",
    ] {
        world.answer(301, &[("location", location)], "");
        let answer = world
            .redfish("GET", "/redfish/v1", Value::Null)
            .await
            .unwrap();
        assert_eq!(
            answer,
            json!({"status": 301, "headers": [], "body": null}),
            "{location}"
        );
    }
    for body in [
        "<html>".to_owned(),
        format!("\"{}\"", "x".repeat(MAX_REDFISH_ANSWER)),
    ] {
        world.answer(200, &[], &body);
        match world.redfish("GET", "/redfish/v1", Value::Null).await {
            Err(CallError::Driver(DriverError::Protocol(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn ssh_runs_granted_templates_and_no_others() {
    let world = World::granted().await;
    assert_eq!(
        world.call("ssh", json!("power-on")).await.unwrap(),
        json!([3, "power-on \u{fffd} ******", "no"])
    );
    for template in ["power-off", "power-on; reboot", ""] {
        let reason = denied(world.call("ssh", json!(template)).await);
        assert!(reason.contains("not among those"), "{reason}");
    }
}

#[tokio::test]
async fn the_agent_gets_commands_with_secrets_and_answers_without() {
    let world = World::granted().await;
    assert_eq!(
        world.call("heartbeat", json!(null)).await.unwrap(),
        json!([7, "11.0"])
    );
    let params = json!({"key": {"$secret": "driver_info/probe_key"}});
    let command = world
        .call("agent", json!(["rescue.finalize_rescue", params, 10]))
        .await
        .unwrap();
    let result: Value = serde_json::from_str(command["result"].as_str().unwrap()).unwrap();
    assert_eq!(
        result,
        json!({"name": "rescue.finalize_rescue", "params": {"key": "******"}, "wait": 10})
    );
    let failed = world.call("command", json!(["abc-1", 0])).await.unwrap();
    assert_eq!(
        failed["error"],
        json!(["CleaningError", "****** didn't work"])
    );
    invalid(world.call("agent", json!(["no-dot", {}, 0])).await);
    invalid(world.call("agent", json!(["a.b", [], 0])).await);
    invalid(world.call("agent", json!(["a.b", {}, 11])).await);
    invalid(world.call("command", json!(["../other", 0])).await);
}

#[tokio::test]
async fn a_long_list_of_commands_is_cut_where_it_is_old() {
    let world = World::granted().await;
    let commands = world.call("commands", json!(null)).await.unwrap();
    let commands = commands.as_array().unwrap();
    assert_eq!(commands.len(), 100);
    assert_eq!(commands[99]["id"], "149");
    assert!(commands[99]["result"].is_string());
    assert!(commands[0]["result"].is_null());
}

#[tokio::test]
async fn boot_media_are_published_with_parameters_that_stay_what_they_are() {
    let world = World::granted().await;
    let boot = |what: &str, value: &str| json!({"what": what, "purpose": "deploy", "parameters": [["console", value]]});
    for what in ["kernel", "config", "local", "iso", "drive"] {
        let url = world.call("boot", boot(what, "ttyS0")).await.unwrap();
        assert_eq!(url, "http://files/1");
    }
    assert_eq!(world.double.media.lock().unwrap().len(), 5);
    invalid(
        world
            .call("boot", boot("config", "a\nkernel http://evil"))
            .await,
    );
    assert_eq!(world.double.media.lock().unwrap().len(), 5);
    assert!(world.call("withdraw", json!("deploy")).await.is_ok());
    assert!(world.call("withdraw", json!(null)).await.is_ok());
}

#[tokio::test]
async fn the_record_has_nothing_of_what_a_driver_makes_up() {
    let world = World::granted().await;
    world.answer(404, &[], "");
    let own = "/redfish/v1/Systems/1";
    let long = "x".repeat(1500);
    for path in [
        format!("{own}/tops3cret"),
        format!("{own}/%74ops3cret%20x"),
        format!("{own}/a%20b?$select=tops3cret"),
        format!("{own}/{long}"),
        "/redfish/v1/Systems/tops3cret".to_owned(),
    ] {
        // What comes of it is another test's.
        drop(world.redfish("GET", &path, Value::Null).await);
    }
    for template in ["power-on", "tops3cret", "\u{1b}[2J", &long] {
        drop(world.call("ssh", json!(template)).await);
    }
    let cut = format!("{own}/{}…", "x".repeat(256 - own.len() - 1));
    let expected = [
        format!("redfish GET {own}/******"),
        format!("redfish GET {own}/******?x"),
        format!("redfish GET {own}/a%20b"),
        format!("redfish GET {cut}"),
        "redfish GET /redfish/v1/Systems/****** denied".to_owned(),
        "ssh power-on".to_owned(),
        "ssh (unknown template) denied".to_owned(),
        "ssh (unknown template) denied".to_owned(),
        "ssh (unknown template) denied".to_owned(),
    ];
    assert_eq!(*world.book.0.lock().unwrap(), expected);
}
