//! Versions over their life, against real databases and the real sandbox.

use ironbark_db::{Database, testing};
use ironbark_drivers::Implementation;
use ironbark_model::ident::new_uuid;
use ironbark_model::lifecycle::{CanaryScope, PackageVersion, VersionState};
use ironbark_model::operation::OperationKind;
use ironbark_model::package::{DriverPackage, PackageSource};
use ironbark_model::{ErrorKind, InterfaceKind, JsonObject, Node, Operation, Timestamp};
use ironbark_rpc::Installation;
use ironbark_sandbox::CallContext;
use serde_json::json;

use super::*;
use crate::testing::{
    broken_package, config, context, node, package, package_with, registered, stage,
};

fn ada() -> Actor {
    Actor::user("ada", "req-1")
}

/// Uploads; `grants` as in the query, `None` for no such parameter.
async fn put(
    ctx: &Arc<Context>,
    bytes: &[u8],
    grants: Option<&[&str]>,
    activate: bool,
) -> Result<Value> {
    let installation = Installation {
        digest: stage(&ctx.db, bytes).await,
        grants: grants.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
        activate,
        ..Installation::default()
    };
    upload(ctx, installation, &ada()).await
}

async fn activate(ctx: &Arc<Context>, version: Option<&str>, force: bool) -> Result<Value> {
    let change = PackageChange::Activate {
        version: version.map(str::to_owned),
        force,
        dry_run: false,
    };
    super::change(ctx, "acme", change, &ada()).await
}

async fn roll_back(ctx: &Arc<Context>, force: bool) -> Result<Value> {
    let change = PackageChange::Rollback {
        version: None,
        force,
        dry_run: false,
    };
    super::change(ctx, "acme", change, &ada()).await
}

async fn change(ctx: &Arc<Context>, change: PackageChange) -> Result<Value> {
    super::change(ctx, "acme", change, &ada()).await
}

/// The active version, here and in the database.
async fn active(ctx: &Context) -> Option<String> {
    let row = ctx.db.package_get("acme").await.unwrap();
    let here = ctx
        .drivers
        .packages()
        .iter()
        .find(|package| package.name() == "acme")
        .map(|package| package.version().to_owned());
    assert_eq!(row.map(|row| row.version), here);
    here
}

async fn state(db: &Database, version: &str) -> VersionState {
    let versions = db.package_versions("acme").await.unwrap();
    versions
        .iter()
        .find(|known| known.version == version)
        .unwrap()
        .state
}

fn power(ctx: &Context) -> Implementation {
    ctx.drivers
        .implementation("acme", InterfaceKind::Power, "acme")
        .unwrap()
}

/// Asks for power until the package is quarantined.
async fn break_it(implementation: &Implementation) {
    for _ in 0..5 {
        let call = CallContext::without_node("req-break");
        implementation.get_power_state(call).await.unwrap_err();
    }
}

fn asking(version: &str, capabilities: &[&str]) -> Vec<u8> {
    package_with("acme", version, "acme", |metadata| {
        metadata["capabilities"] = json!(capabilities);
    })
}

#[tokio::test]
async fn versions_are_installed_activated_and_rolled_back() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let first = package("acme", "1.0.0", "acme");
        put(&ctx, &first, None, true).await.unwrap();
        let error = roll_back(&ctx, false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", db.kind);
        let answer = put(&ctx, &package("acme", "1.1.0", "acme"), None, false).await;
        assert_eq!(answer.unwrap()["active"], false);
        assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"));

        // Other bytes of the same version, whoever brings them.
        let other = package_with("acme", "1.0.0", "acme", |metadata| {
            metadata["description"] = json!("rebuilt");
        });
        let error = put(&ctx, &other, None, true).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().contains("acme@1.0.0"), "{error}");

        let dry = PackageChange::Activate {
            version: None,
            force: false,
            dry_run: true,
        };
        let plan = change(&ctx, dry).await.unwrap();
        assert_eq!(
            (&plan["version"], &plan["replaces"]),
            (&json!("1.1.0"), &json!("1.0.0"))
        );
        assert_eq!(plan["refused"], Value::Null);
        assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"), "only said");
        activate(&ctx, None, false).await.unwrap();
        assert_eq!(active(&ctx).await.as_deref(), Some("1.1.0"), "the newest");
        roll_back(&ctx, false).await.unwrap();
        assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"));
        let error = activate(&ctx, Some("7.0.0"), true).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);

        let who = ada();
        let remove = |version| super::remove(&ctx, "acme", version, &who);
        assert_eq!(
            remove(Some("1.0.0")).await.unwrap_err().kind(),
            ErrorKind::Conflict,
            "it is in use"
        );
        remove(Some("1.1.0")).await.unwrap();
        assert_eq!(db.package_versions("acme").await.unwrap().len(), 1);
        super::remove(&ctx, "acme", None, &ada()).await.unwrap();
        let done: Vec<String> = db
            .package_history("acme", 100)
            .await
            .unwrap()
            .into_iter()
            .rev()
            .map(|event| format!("{} {}", event.action, event.version.unwrap()))
            .collect();
        assert_eq!(
            done,
            [
                "install 1.0.0",
                "activate 1.0.0",
                "install 1.1.0",
                "activate 1.1.0",
                "rollback 1.0.0",
                "remove 1.1.0",
                "remove 1.0.0",
            ]
        );
        let events = db.package_history("acme", 1).await.unwrap();
        assert_eq!(
            (events[0].actor.as_str(), events[0].request_id.as_deref()),
            ("ada", Some("req-1"))
        );
    }
}

#[tokio::test]
async fn old_versions_make_room_but_those_in_use_and_the_last_good_one_stay() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    for number in 0..13 {
        let version = format!("1.{number}.0");
        // The first two were active.
        let bytes = package("acme", &version, "acme");
        put(&ctx, &bytes, None, number < 2).await.unwrap();
    }
    let versions = db.package_versions("acme").await.unwrap();
    assert_eq!(versions.len(), ironbark_model::lifecycle::MAX_VERSIONS);
    assert_eq!(active(&ctx).await.as_deref(), Some("1.1.0"));
    roll_back(&ctx, false).await.unwrap();
    assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn going_back_to_another_state_schema_needs_force() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    for (version, schema) in [("1.0.0", "1"), ("2.0.0", "2")] {
        let bytes = package_with("acme", version, "acme", |metadata| {
            metadata["state_schema"] = json!(schema);
        });
        put(&ctx, &bytes, None, true).await.unwrap();
    }
    let error = roll_back(&ctx, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("state schema"), "{error}");
    let error = activate(&ctx, Some("1.0.0"), false).await.unwrap_err();
    assert!(
        error.message().contains("force"),
        "another way to go back: {error}"
    );
    roll_back(&ctx, true).await.unwrap();
    assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"));
    activate(&ctx, Some("2.0.0"), false).await.unwrap();
}

#[tokio::test]
async fn an_update_that_asks_for_more_awaits_approval_while_the_old_version_goes_on() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        put(&ctx, &asking("1.0.0", &["ipmi"]), Some(&["ipmi"]), true)
            .await
            .unwrap();
        let answer = put(&ctx, &asking("2.0.0", &["ipmi", "state"]), None, true)
            .await
            .unwrap();
        assert_eq!(answer["state"], "awaiting approval", "{}", db.kind);
        assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"));
        assert!(power(&ctx).uses("ipmi"));
        let error = activate(&ctx, Some("2.0.0"), false).await.unwrap_err();
        assert!(error.message().contains("asks for state"), "{error}");

        let grant = |granted: &[&str]| PackageChange::Grant {
            version: None,
            granted: granted.iter().map(|&name| name.to_owned()).collect(),
        };
        let error = change(&ctx, grant(&["ipmi:users"])).await.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidParameter,
            "nobody asks for that"
        );
        change(&ctx, grant(&["ipmi", "state"])).await.unwrap();
        assert_eq!(state(&db, "2.0.0").await, VersionState::Installed);
        assert_eq!(
            active(&ctx).await.as_deref(),
            Some("1.0.0"),
            "only approved"
        );
        activate(&ctx, None, false).await.unwrap();
        assert!(power(&ctx).uses("state"));
    }
}

/// Asks for exactly these.
fn asking_for(version: &str, capability: &Value) -> Vec<u8> {
    package_with("acme", version, "acme", |metadata| {
        metadata["capabilities"] = json!([capability]);
    })
}

#[tokio::test]
async fn an_update_that_asks_for_more_under_the_same_name_awaits_approval() {
    let command = |netfn, command| json!({"netfn": netfn, "command": command});
    let rules = |rules: &[&str]| json!({"name": "redfish", "rules": rules});
    let templates = |templates: &[&str]| json!({"name": "ssh", "templates": templates});
    for (name, first, wider, new) in [
        (
            "redfish",
            rules(&["GET /redfish/v1/Systems/{system}/**"]),
            rules(&["* /redfish/v1/**"]),
            "* /redfish/v1/**",
        ),
        (
            "ipmi",
            json!({"name": "ipmi", "commands": [command(0, 1)]}),
            json!({"name": "ipmi", "commands": [command(0, 1), command(0x2E, 0x20)]}),
            "0x2e/0x20",
        ),
        (
            "ipmi",
            json!({"name": "ipmi", "commands": [command(0, 1)]}),
            json!("ipmi"),
            "all commands",
        ),
        (
            "ssh",
            templates(&["power-on"]),
            templates(&["power-on", "destroy"]),
            "destroy",
        ),
    ] {
        for db in testing::databases().await {
            let ctx = registered(&db, config("host-a"), &[]).await;
            let (one, two) = (asking_for("1.0.0", &first), asking_for("2.0.0", &wider));
            put(&ctx, &one, Some(&["*"]), true).await.unwrap();
            let answer = put(&ctx, &two, None, true).await.unwrap();
            assert_eq!(answer["state"], "awaiting approval", "{} {wider}", db.kind);
            assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"));
            let error = activate(&ctx, Some("2.0.0"), false).await.unwrap_err();
            assert!(error.message().contains(new), "{error}");
            // Without it means without it.
            activate(&ctx, Some("2.0.0"), true).await.unwrap();
            assert!(!power(&ctx).uses(name));
            roll_back(&ctx, false).await.unwrap();
            assert!(power(&ctx).uses(name), "what it was granted");

            // Taking something away, or granting a name that is granted already, approves of nothing.
            let grant = |version: Option<&str>| PackageChange::Grant {
                version: version.map(str::to_owned),
                granted: vec![name.to_owned()],
            };
            let third = asking_for("3.0.0", &wider);
            put(&ctx, &third, None, true).await.unwrap();
            change(&ctx, grant(None)).await.unwrap();
            assert_eq!(state(&db, "3.0.0").await, VersionState::AwaitingApproval);
            change(&ctx, grant(Some("3.0.0"))).await.unwrap();
            let told = &db.package_history("acme", 1).await.unwrap()[0];
            let detail = told.detail.as_deref().unwrap();
            assert!(detail.contains(new), "{detail}");
            assert_eq!(state(&db, "3.0.0").await, VersionState::Installed);
            activate(&ctx, Some("3.0.0"), false).await.unwrap();
            assert!(power(&ctx).uses(name));
            // Both were approved of, and so is what is less than one of them.
            put(&ctx, &asking_for("4.0.0", &first), None, true)
                .await
                .unwrap();
            assert_eq!(active(&ctx).await.as_deref(), Some("4.0.0"));
            assert!(power(&ctx).uses(name));
        }
    }
}

#[tokio::test]
async fn what_is_granted_to_a_version_that_is_only_installed_is_kept_for_it() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    put(&ctx, &asking("1.0.0", &["ipmi"]), Some(&["ipmi"]), true)
        .await
        .unwrap();
    let both = ["state"];
    put(&ctx, &asking("2.0.0", &both), Some(&both), false)
        .await
        .unwrap();
    assert!(power(&ctx).uses("ipmi"), "the active one keeps what it has");
    activate(&ctx, Some("2.0.0"), false).await.unwrap();
    assert!(power(&ctx).uses("state"));
    roll_back(&ctx, false).await.unwrap();
    assert!(power(&ctx).uses("ipmi"), "also if it is needed again");
}

#[tokio::test]
async fn grants_of_an_earlier_release_are_what_was_used_then() {
    for db in testing::databases().await {
        let rules = |rule: &str| json!({"name": "redfish", "rules": [rule]});
        let own = rules("GET /redfish/v1/Systems/{system}/**");
        let ctx = registered(&db, config("host-a"), &[]).await;
        put(&ctx, &asking_for("1.0.0", &own), Some(&["*"]), true)
            .await
            .unwrap();
        // As an earlier release left it.
        let mut version = db.package_versions("acme").await.unwrap().remove(0);
        let known = version.clone();
        version.capabilities.clear();
        version.implementations.clear();
        let by_name = ironbark_model::lifecycle::PackageGrants {
            names: vec!["redfish".to_owned()],
            entries: None,
        };
        let mut tx = db.change_packages().await.unwrap();
        tx.version_put(&version).await.unwrap();
        tx.grants_set("acme", &by_name).await.unwrap();
        tx.commit().await.unwrap();

        let ctx = context(&db, config("host-a"));
        bring_up(&ctx).await.unwrap();
        crate::registration::register(&ctx).await.unwrap();
        assert!(power(&ctx).uses("redfish"), "{}", db.kind);
        assert_eq!(db.package_versions("acme").await.unwrap(), [known]);
        let wider = asking_for("2.0.0", &rules("* /redfish/v1/**"));
        let answer = put(&ctx, &wider, None, true).await.unwrap();
        assert_eq!(answer["state"], "awaiting approval");
        let same = asking_for("1.1.0", &own);
        assert_eq!(put(&ctx, &same, None, true).await.unwrap()["active"], true);
        assert!(power(&ctx).uses("redfish"));
    }
}

#[tokio::test]
async fn narrowing_takes_effect_on_the_next_call_everywhere() {
    for db in testing::databases().await {
        let a = registered(&db, config("host-a"), &[]).await;
        let b = registered(&db, config("host-b"), &[]).await;
        let asks = ["ipmi", "state"];
        put(&a, &asking("1.0.0", &asks), Some(&["*"]), true)
            .await
            .unwrap();
        reconcile(&b).await.unwrap();
        // A step that began with it.
        let pinned = |ctx: &Context| {
            let digest = ctx.drivers.packages()[0].digest().to_owned();
            ctx.drivers
                .implementation_pinned(&digest, InterfaceKind::Power, "acme")
                .unwrap()
        };
        for ctx in [&a, &b] {
            assert!(
                power(ctx).uses("ipmi") && pinned(ctx).uses("ipmi"),
                "{}",
                db.kind
            );
        }
        let granted = vec!["state".to_owned()];
        let narrower = PackageChange::Grant {
            version: None,
            granted,
        };
        change(&a, narrower).await.unwrap();
        follow_now(&b).await.unwrap();
        for ctx in [&a, &b] {
            assert!(!power(ctx).uses("ipmi") && power(ctx).uses("state"));
            assert!(!pinned(ctx).uses("ipmi"));
        }
        // An update that asks for the same doesn't bring it back.
        put(&a, &asking("1.1.0", &asks), None, true).await.unwrap();
        assert_eq!(active(&a).await.as_deref(), Some("1.1.0"));
        assert!(!power(&a).uses("ipmi"));
    }
}

#[tokio::test]
async fn nodes_that_would_fail_keep_a_version_from_being_activated() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        put(&ctx, &package("acme", "1.0.0", "acme"), None, true)
            .await
            .unwrap();
        node(&db, "acme", "rack-1").await;
        let mut well = Node {
            uuid: new_uuid(),
            name: Some("rack-2".to_owned()),
            driver: "acme".to_owned(),
            power_interface: Some("acme".to_owned()),
            ..Node::default()
        };
        well.driver_info.insert("acme_rack".into(), json!("r2"));
        db.node_create(&well).await.unwrap();
        let strict = |version| {
            package_with("acme", version, "acme", |metadata| {
                metadata["properties"] = json!({
                    "type": "object", "required": ["acme_rack"],
                    "properties": {"acme_rack": {"description": "Where it is.", "type": "string"}},
                });
            })
        };
        let error = put(&ctx, &strict("2.0.0"), None, true).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", db.kind);
        assert!(
            error.message().contains("1 of 2 nodes") && error.message().contains("rack-1"),
            "{error}"
        );
        assert_eq!(
            db.package_versions("acme").await.unwrap().len(),
            1,
            "nothing came of it"
        );

        put(&ctx, &strict("2.0.0"), None, false).await.unwrap();
        let dry = PackageChange::Activate {
            version: None,
            force: false,
            dry_run: true,
        };
        let plan = change(&ctx, dry).await.unwrap();
        assert_eq!(
            (&plan["nodes"]["checked"], &plan["nodes"]["failing"]),
            (&json!(2), &json!(1))
        );
        assert!(
            plan["refused"].as_str().unwrap().contains("rack-1"),
            "{plan}"
        );
        assert_eq!(
            activate(&ctx, None, false).await.unwrap_err().kind(),
            ErrorKind::Conflict
        );
        activate(&ctx, None, true).await.unwrap();
        // A node that doesn't fit what is active either is no reason to keep that.
        put(&ctx, &strict("2.1.0"), None, true).await.unwrap();
        assert_eq!(active(&ctx).await.as_deref(), Some("2.1.0"));
    }
}

#[tokio::test]
async fn a_version_that_breaks_is_quarantined_for_good_and_the_last_good_one_comes_back() {
    for db in testing::databases().await {
        let a = registered(&db, config("host-a"), &[]).await;
        let b = registered(&db, config("host-b"), &[]).await;
        put(&a, &package("acme", "1.0.0", "acme"), None, true)
            .await
            .unwrap();
        put(&a, &broken_package("acme", "2.0.0", "acme"), None, true)
            .await
            .unwrap();
        reconcile(&b).await.unwrap();
        let digest = power(&a).digest().unwrap().to_owned();
        break_it(&power(&a)).await;
        reconcile(&a).await.unwrap();
        assert_eq!(active(&a).await.as_deref(), Some("1.0.0"), "{}", db.kind);
        power(&a)
            .get_power_state(CallContext::without_node("req-2"))
            .await
            .unwrap();
        reconcile(&b).await.unwrap();
        assert_eq!(active(&b).await.as_deref(), Some("1.0.0"));
        assert_eq!(state(&db, "2.0.0").await, VersionState::Quarantined);
        let reasons = db.package_versions("acme").await.unwrap();
        assert!(
            reasons
                .iter()
                .any(|one| one.reason.as_deref() == Some("5 calls broke on conductor host-a")),
            "{reasons:?}"
        );
        let error = activate(&b, Some("2.0.0"), true).await.unwrap_err();
        assert!(error.message().contains("Release it first"), "{error}");
        assert!(
            !a.drivers
                .packages()
                .iter()
                .any(|one| one.digest() == digest)
        );

        let restarted = context(&db, config("host-a"));
        bring_up(&restarted).await.unwrap();
        assert_eq!(active(&restarted).await.as_deref(), Some("1.0.0"));
        change(&a, PackageChange::Release { version: None })
            .await
            .unwrap();
        activate(&a, Some("2.0.0"), false).await.unwrap();
        assert_eq!(active(&a).await.as_deref(), Some("2.0.0"));
    }
}

#[tokio::test]
async fn a_quarantine_that_was_written_down_is_followed_by_going_back_whatever_became_of_its_writer()
 {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        for version in ["1.0.0", "2.0.0"] {
            let bytes = package("acme", version, "acme");
            put(&ctx, &bytes, None, true).await.unwrap();
        }
        // As a conductor leaves it that is killed just then.
        let mut tx = db.change_packages().await.unwrap();
        let version = db.package_versions("acme").await.unwrap();
        let version = version.iter().find(|one| one.version == "2.0.0").unwrap();
        stop::write(&mut tx, version, "5 calls broke", false, &ada())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let restarted = context(&db, config("host-a"));
        bring_up(&restarted).await.unwrap();
        crate::registration::register(&restarted).await.unwrap();
        assert_eq!(active(&restarted).await.as_deref(), Some("2.0.0"));
        reconcile(&restarted).await.unwrap();
        assert_eq!(
            active(&restarted).await.as_deref(),
            Some("1.0.0"),
            "{}",
            db.kind
        );
        let latest = &db.package_history("acme", 1).await.unwrap()[0];
        assert_eq!(
            (latest.action.as_str(), latest.actor.as_str()),
            ("rollback", "conductor host-a")
        );
        // What nothing is good for any more stays, and is no reason to fail.
        let quarantine = PackageChange::Quarantine {
            version: None,
            now: false,
        };
        change(&restarted, quarantine).await.unwrap();
        reconcile(&restarted).await.unwrap();
        assert_eq!(active(&restarted).await.as_deref(), Some("1.0.0"));
        // Once another one is good again, it is taken.
        let release = PackageChange::Release {
            version: Some("2.0.0".to_owned()),
        };
        change(&restarted, release).await.unwrap();
        reconcile(&restarted).await.unwrap();
        assert_eq!(active(&restarted).await.as_deref(), Some("2.0.0"));
    }
}

#[tokio::test]
async fn without_a_good_version_a_quarantine_stays_also_after_a_restart() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        put(&ctx, &broken_package("acme", "1.0.0", "acme"), None, true)
            .await
            .unwrap();
        break_it(&power(&ctx)).await;
        reconcile(&ctx).await.unwrap();
        assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"), "{}", db.kind);
        assert!(power(&ctx).admit().is_err());
        let restarted = context(&db, config("host-a"));
        bring_up(&restarted).await.unwrap();
        assert!(power(&restarted).admit().is_err(), "written down");
        put(&ctx, &broken_package("acme", "1.0.0", "acme"), None, true)
            .await
            .unwrap();
        assert!(
            power(&ctx).admit().is_err(),
            "installing it again is no release"
        );
        change(&ctx, PackageChange::Release { version: None })
            .await
            .unwrap();
        assert!(power(&ctx).admit().is_ok());
        health::follow(&restarted).await.unwrap();
        assert!(power(&restarted).admit().is_ok(), "others follow");
    }
}

#[tokio::test]
async fn an_operators_quarantine_lets_pinned_steps_go_on_unless_now() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        put(&ctx, &package("acme", "1.0.0", "acme"), None, true)
            .await
            .unwrap();
        let digest = power(&ctx).digest().unwrap().to_owned();
        let node = node(&db, "acme", "rack-1").await;
        let reservation = db.node_reserve(&node.uuid, "host-a").await.unwrap();
        let mut operation = Operation::new(
            OperationKind::Deploy,
            &node.uuid,
            "req-1",
            JsonObject::new(),
        );
        operation.package_digest = Some(digest.clone());
        let mut tx = db.reserved(&reservation).await.unwrap();
        tx.operation_open(&operation).await.unwrap();
        tx.commit().await.unwrap();
        put(&ctx, &package("acme", "2.0.0", "acme"), None, true)
            .await
            .unwrap();

        let pinned = || {
            ctx.drivers
                .implementation_pinned(&digest, InterfaceKind::Power, "acme")
                .unwrap()
        };
        let quarantine = |now| PackageChange::Quarantine {
            version: Some("1.0.0".to_owned()),
            now,
        };
        change(&ctx, quarantine(false)).await.unwrap();
        reconcile(&ctx).await.unwrap();
        assert!(pinned().admit().is_ok(), "{}", db.kind);
        change(&ctx, quarantine(true)).await.unwrap();
        reconcile(&ctx).await.unwrap();
        assert!(pinned().admit().is_err());
        assert_eq!(
            active(&ctx).await.as_deref(),
            Some("2.0.0"),
            "the other one"
        );
        // The active one, by name of the package alone: it goes back to nothing, since 1.0.0 is no good.
        let active_one = PackageChange::Quarantine {
            version: None,
            now: false,
        };
        change(&ctx, active_one).await.unwrap();
        assert!(power(&ctx).admit().is_err());
    }
}

#[tokio::test]
async fn a_disabled_version_stays_so_until_somebody_wants_it_again() {
    let db = testing::sqlite().await;
    let bundled = tempfile::tempdir().unwrap();
    std::fs::write(
        bundled.path().join("acme.wasm"),
        package("acme", "1.0.0", "acme"),
    )
    .unwrap();
    let mut settings = config("host-a");
    settings.bundled_folder = Some(bundled.path().to_owned());
    let ctx = context(&db, settings.clone());
    bring_up(&ctx).await.unwrap();
    crate::registration::register(&ctx).await.unwrap();
    let user = node(&db, "acme", "rack-1").await;
    let disable = |force| PackageChange::Disable {
        version: None,
        force,
    };
    let error = change(&ctx, disable(false)).await.unwrap_err();
    assert!(error.message().contains("rack-1"), "{error}");
    change(&ctx, disable(true)).await.unwrap();
    assert_eq!(active(&ctx).await, None);
    assert_eq!(
        db.node_get(&ironbark_model::ident::Ident::Uuid(user.uuid))
            .await
            .unwrap()
            .unwrap()
            .driver,
        "acme"
    );

    let restarted = context(&db, settings);
    bring_up(&restarted).await.unwrap();
    assert_eq!(active(&restarted).await, None, "its file is still there");
    crate::registration::register(&restarted).await.unwrap();
    activate(&restarted, Some("1.0.0"), false).await.unwrap();
    assert_eq!(active(&restarted).await.as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn a_version_that_awaited_approval_does_so_again_once_it_is_released() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        put(&ctx, &asking("1.0.0", &["ipmi"]), Some(&["ipmi"]), true)
            .await
            .unwrap();
        put(&ctx, &asking("2.0.0", &["ipmi", "state"]), None, true)
            .await
            .unwrap();
        let second = || Some("2.0.0".to_owned());
        let disable = PackageChange::Disable {
            version: second(),
            force: false,
        };
        let quarantine = PackageChange::Quarantine {
            version: second(),
            now: false,
        };
        for stop in [disable, quarantine] {
            change(&ctx, stop).await.unwrap();
            let error = activate(&ctx, Some("2.0.0"), false).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{}: {error}", db.kind);
            let answer = change(&ctx, PackageChange::Release { version: second() })
                .await
                .unwrap();
            assert_eq!(answer["state"], "awaiting approval");
            assert_eq!(state(&db, "2.0.0").await, VersionState::AwaitingApproval);
        }
        assert_eq!(active(&ctx).await.as_deref(), Some("1.0.0"));
    }
}

#[tokio::test]
async fn disabling_is_no_way_out_of_a_quarantine() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    put(&ctx, &package("acme", "1.0.0", "acme"), None, true)
        .await
        .unwrap();
    let quarantine = PackageChange::Quarantine {
        version: None,
        now: false,
    };
    change(&ctx, quarantine).await.unwrap();
    let disable = PackageChange::Disable {
        version: None,
        force: false,
    };
    let answer = change(&ctx, disable).await.unwrap();
    assert_eq!(answer["state"], "quarantined");
    assert_eq!(active(&ctx).await, None);
    let error = activate(&ctx, Some("1.0.0"), true).await.unwrap_err();
    assert!(error.message().contains("Release it first"), "{error}");
}

#[tokio::test]
async fn a_roll_back_of_what_ships_holds_after_a_restart_and_a_rebuild_replaces_it() {
    let db = testing::sqlite().await;
    let bundled = tempfile::tempdir().unwrap();
    let file = bundled.path().join("acme.wasm");
    let mut settings = config("host-a");
    settings.bundled_folder = Some(bundled.path().to_owned());
    for version in ["1.0.0", "2.0.0"] {
        std::fs::write(&file, package("acme", version, "acme")).unwrap();
        bring_up(&context(&db, settings.clone())).await.unwrap();
    }
    let ctx = context(&db, settings.clone());
    bring_up(&ctx).await.unwrap();
    crate::registration::register(&ctx).await.unwrap();
    assert_eq!(active(&ctx).await.as_deref(), Some("2.0.0"));
    roll_back(&ctx, false).await.unwrap();
    let restarted = context(&db, settings.clone());
    bring_up(&restarted).await.unwrap();
    assert_eq!(active(&restarted).await.as_deref(), Some("1.0.0"));
    // The program was built anew, and its drivers with it.
    let rebuilt = package_with("acme", "2.0.0", "acme", |metadata| {
        metadata["description"] = json!("rebuilt");
    });
    std::fs::write(&file, rebuilt).unwrap();
    let upgraded = context(&db, settings);
    bring_up(&upgraded).await.unwrap();
    assert_eq!(active(&upgraded).await.as_deref(), Some("2.0.0"));
}

#[tokio::test]
async fn a_canary_is_followed_promoted_or_ended() {
    for db in testing::databases().await {
        let a = registered(&db, config("host-a"), &[]).await;
        let b = registered(&db, config("host-b"), &[]).await;
        put(&a, &package("acme", "1.0.0", "acme"), None, true)
            .await
            .unwrap();
        let (chosen, other) = (
            node(&db, "acme", "rack-1").await,
            node(&db, "acme", "rack-2").await,
        );
        put(&a, &package("acme", "2.0.0", "acme"), None, false)
            .await
            .unwrap();
        let begin = |scope| PackageChange::Canary {
            version: None,
            scope,
            force: false,
        };
        for wrong in [
            CanaryScope::Percent(0),
            CanaryScope::Percent(100),
            CanaryScope::Nodes(vec![]),
            CanaryScope::Nodes(vec![new_uuid()]),
        ] {
            let error = change(&a, begin(wrong)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidParameter, "{}", db.kind);
        }
        let scope = CanaryScope::Nodes(vec![chosen.uuid.clone()]);
        change(&a, begin(scope.clone())).await.unwrap();
        follow_now(&b).await.unwrap();
        let uses = |ctx: &Context, node: &Node| {
            let found = ctx
                .drivers
                .implementation_for(node, InterfaceKind::Power, "acme");
            found.unwrap().package_version().unwrap().to_owned()
        };
        for ctx in [&a, &b] {
            assert_eq!(
                (uses(ctx, &chosen).as_str(), uses(ctx, &other).as_str()),
                ("2.0.0", "1.0.0")
            );
        }
        // Rolling back while there is a canary ends it.
        roll_back(&b, false).await.unwrap();
        follow_now(&a).await.unwrap();
        assert_eq!(uses(&a, &chosen), "1.0.0");
        assert_eq!(
            change(&a, PackageChange::Promote { force: false })
                .await
                .unwrap_err()
                .kind(),
            ErrorKind::Conflict
        );

        change(&a, begin(scope)).await.unwrap();
        let restarted = context(&db, config("host-b"));
        bring_up(&restarted).await.unwrap();
        assert_eq!(uses(&restarted, &chosen), "2.0.0");
        change(&a, PackageChange::Promote { force: false })
            .await
            .unwrap();
        follow_now(&b).await.unwrap();
        for ctx in [&a, &b] {
            assert_eq!(
                (uses(ctx, &chosen).as_str(), uses(ctx, &other).as_str()),
                ("2.0.0", "2.0.0")
            );
            assert!(ctx.drivers.canaries().is_empty());
        }
        assert!(db.package_canaries().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_canary_that_breaks_too_often_is_rolled_back_by_itself() {
    for db in testing::databases().await {
        let settings = Config {
            canary_min_calls: 3,
            ..config("host-a")
        };
        let ctx = registered(&db, settings, &[]).await;
        put(&ctx, &package("acme", "1.0.0", "acme"), None, true)
            .await
            .unwrap();
        put(&ctx, &broken_package("acme", "2.0.0", "acme"), None, false)
            .await
            .unwrap();
        let node = node(&db, "acme", "rack-1").await;
        let scope = CanaryScope::ConductorGroup(String::new());
        let begin = PackageChange::Canary {
            version: None,
            scope,
            force: false,
        };
        change(&ctx, begin).await.unwrap();
        let uses = || {
            ctx.drivers
                .implementation_for(&node, InterfaceKind::Power, "acme")
                .unwrap()
        };
        for _ in 0..3 {
            reconcile(&ctx).await.unwrap();
            assert_eq!(uses().package_version(), Some("2.0.0"), "{}", db.kind);
            let call = CallContext::without_node("req-2");
            uses().get_power_state(call).await.unwrap_err();
        }
        reconcile(&ctx).await.unwrap();
        assert_eq!(uses().package_version(), Some("1.0.0"));
        assert_eq!(state(&db, "2.0.0").await, VersionState::Quarantined);
        assert!(db.package_canaries().await.unwrap().is_empty());
        let latest = &db.package_history("acme", 1).await.unwrap()[0];
        assert_eq!(
            (latest.action.as_str(), latest.actor.as_str()),
            ("quarantine", "conductor host-a")
        );
    }
}

#[tokio::test]
async fn a_canary_is_judged_by_what_it_did_as_one() {
    let db = testing::sqlite().await;
    let settings = Config {
        canary_min_calls: 3,
        ..config("host-a")
    };
    let ctx = registered(&db, settings, &[]).await;
    for bytes in [
        package("acme", "1.0.0", "acme"),
        broken_package("acme", "2.0.0", "acme"),
    ] {
        put(&ctx, &bytes, None, true).await.unwrap();
    }
    // Four of four calls broke while it was the active version, one too few for a quarantine.
    let fail = async |implementation: Implementation| {
        let call = CallContext::without_node("req-2");
        implementation.get_power_state(call).await.unwrap_err();
    };
    for _ in 0..4 {
        fail(power(&ctx)).await;
    }
    roll_back(&ctx, false).await.unwrap();
    let node = node(&db, "acme", "rack-1").await;
    let scope = CanaryScope::Nodes(vec![node.uuid.clone()]);
    let begin = PackageChange::Canary {
        version: Some("2.0.0".to_owned()),
        scope,
        force: false,
    };
    change(&ctx, begin).await.unwrap();
    reconcile(&ctx).await.unwrap();
    assert_eq!(ctx.drivers.canaries().len(), 1, "it has done nothing yet");
    // Loaded anew, it is still the same canary: its faults are counted, up to the limit. (Not that of a quarantine.)
    let counts = |ctx: &Context| ctx.drivers.canary_counts()[0].1;
    let uses = || {
        ctx.drivers
            .implementation_for(&node, InterfaceKind::Power, "acme")
            .unwrap()
    };
    let loaded = ctx.drivers.loaded();
    let release = loaded.iter().find(|one| one.version() == "2.0.0").unwrap();
    release.release_quarantine();
    fail(uses()).await;
    let (scope, canary) = ctx.drivers.canaries().remove(0);
    let granted = granted::Granted::default();
    let again = life::prepare(&ctx, canary.digest(), &granted)
        .await
        .unwrap();
    ctx.drivers.set_canary(again, scope);
    assert_eq!((counts(&ctx).calls, counts(&ctx).faults), (1, 1));
    for _ in 0..2 {
        reconcile(&ctx).await.unwrap();
        assert_eq!(ctx.drivers.canaries().len(), 1);
        fail(uses()).await;
    }
    reconcile(&ctx).await.unwrap();
    assert!(ctx.drivers.canaries().is_empty(), "three of three broke");
    assert_eq!(state(&db, "2.0.0").await, VersionState::Quarantined);
}

#[tokio::test]
async fn a_canary_offers_all_that_the_active_version_does() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    put(&ctx, &package("acme", "1.0.0", "acme"), None, true)
        .await
        .unwrap();
    put(&ctx, &package("acme", "2.0.0", "other"), None, false)
        .await
        .unwrap();
    let scope = CanaryScope::Percent(10);
    let begin = PackageChange::Canary {
        version: None,
        scope,
        force: true,
    };
    let error = change(&ctx, begin).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("power/acme"), "{error}");
}

#[tokio::test]
async fn a_conductor_says_what_it_can_not_load() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        // Some newer conductor could: this one can't.
        let digest = stage(&db, b"a component of the future").await;
        let version = PackageVersion {
            package: "acme".to_owned(),
            version: "9.0.0".to_owned(),
            digest: digest.clone(),
            size: 1,
            vendor: "Tests".to_owned(),
            asked: Vec::new(),
            capabilities: Vec::new(),
            hardware_types: Vec::new(),
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
        let row = DriverPackage {
            name: "acme".to_owned(),
            version: "9.0.0".to_owned(),
            digest,
            size: 1,
            vendor: "Tests".to_owned(),
            granted: Vec::new(),
            hardware_types: Vec::new(),
            source: PackageSource::Api,
            file: None,
            created_at: Timestamp::now(),
        };
        let mut tx = db.change_packages().await.unwrap();
        tx.version_put(&version).await.unwrap();
        tx.activate(&row, VersionState::Installed).await.unwrap();
        tx.commit().await.unwrap();
        reconcile(&ctx).await.unwrap();
        reconcile(&ctx).await.unwrap();
        let said = db.package_failures().await.unwrap();
        assert_eq!(said.len(), 1, "{}", db.kind);
        assert_eq!(
            (said[0].conductor.as_str(), said[0].version.as_str()),
            ("host-a", "9.0.0")
        );
        put(&ctx, &package("acme", "1.0.0", "acme"), None, true)
            .await
            .unwrap();
        reconcile(&ctx).await.unwrap();
        assert!(db.package_failures().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn bytes_that_somebody_changed_in_the_database_are_not_loaded_and_that_is_said() {
    for db in testing::databases().await {
        let a = registered(&db, config("host-a"), &[]).await;
        let good = package("acme", "1.0.0", "acme");
        put(&a, &good, None, true).await.unwrap();
        // A package like it that could be loaded, but isn't what somebody installed.
        let digest = ironbark_drivers::digest_of(&good);
        db.blob_put(&digest, &broken_package("acme", "1.0.0", "acme"))
            .await
            .unwrap();
        let b = context(&db, config("host-b"));
        bring_up(&b).await.unwrap();
        crate::registration::register(&b).await.unwrap();
        reconcile(&b).await.unwrap();
        assert!(b.drivers.packages().is_empty(), "{}", db.kind);
        let said = db.package_failures().await.unwrap();
        assert_eq!(said.len(), 1);
        assert_eq!(
            (said[0].conductor.as_str(), said[0].version.as_str()),
            ("host-b", "1.0.0")
        );
        assert!(said[0].reason.contains(&digest), "{said:?}");
        let second = package("acme", "2.0.0", "acme");
        put(&a, &second, None, false).await.unwrap();
        db.blob_put(&ironbark_drivers::digest_of(&second), &good)
            .await
            .unwrap();
        let error = activate(&a, Some("2.0.0"), false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        // Uploading it again repairs it.
        put(&a, &good, None, true).await.unwrap();
        reconcile(&b).await.unwrap();
        assert_eq!(active(&b).await.as_deref(), Some("1.0.0"));
        assert!(db.package_failures().await.unwrap().is_empty());
    }
}
