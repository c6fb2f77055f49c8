//! Packages against real databases and the real sandbox.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ironbark_db::testing;
use ironbark_model::ident::Ident;
use ironbark_model::operation::{OperationKind, PlannedStep};
use ironbark_model::package::PackageSource;
use ironbark_model::step::StepKind;
use ironbark_model::{ErrorKind, JsonObject, Node, Operation};
use ironbark_rpc::Installation;
use ironbark_sandbox::Lock;
use serde_json::json;

use super::*;
use crate::call::{NodeCall, Ports};
use crate::testing::{config, node, package, registered, stage};

/// Uploads and activates.
async fn install(ctx: &Arc<Context>, digest: &str, grants: &[String]) -> Result<Value> {
    let installation = Installation {
        digest: digest.to_owned(),
        grants: Some(grants.to_vec()),
        activate: true,
        ..Installation::default()
    };
    upload(ctx, installation, &Actor::user("ada", "req-1")).await
}

async fn remove(ctx: &Arc<Context>, name: &str) -> Result<()> {
    super::remove(ctx, name, None, &Actor::user("ada", "req-1")).await
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

fn active(ctx: &Context) -> Vec<(String, String)> {
    ctx.drivers
        .packages()
        .iter()
        .map(|package| (package.name().to_owned(), package.version().to_owned()))
        .collect()
}

fn is(name: &str, version: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), version.to_owned())]
}

async fn drivers_of(db: &ironbark_db::Database, host: &str) -> Vec<String> {
    db.conductor_get(host).await.unwrap().unwrap().drivers
}

#[tokio::test]
async fn an_installed_package_is_in_database_registration_and_ring_before_the_answer() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let digest = stage(&db, &package("acme", "1.0.0", "acme")).await;
        let answer = install(&ctx, &digest, &all()).await.unwrap();
        assert_eq!(answer["name"], "acme", "{}", db.kind);
        assert_eq!(active(&ctx), is("acme", "1.0.0"));
        let row = db.package_get("acme").await.unwrap().unwrap();
        assert_eq!(
            (row.digest, row.source),
            (digest.clone(), PackageSource::Api)
        );
        assert_eq!(drivers_of(&db, "host-a").await, ["acme"]);
        let interfaces = db.hardware_interfaces().await.unwrap();
        assert!(interfaces.iter().any(|(host, one)| host == "host-a"
            && one.hardware_type == "acme"
            && one.implementation == "acme"
            && one.is_default));
        assert_eq!(ctx.ring.owner("", "acme", "x").as_deref(), Some("host-a"));

        remove(&ctx, "acme").await.unwrap();
        assert!(active(&ctx).is_empty());
        assert!(drivers_of(&db, "host-a").await.is_empty());
        assert_eq!(ctx.ring.owner("", "acme", "x"), None);
        let again = remove(&ctx, "acme").await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn if_the_database_refuses_nothing_is_activated() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[package("old", "1.0.0", "old")]).await;
        // A successor has the registration: the transaction fails in its second half.
        let _successor = registered(&db, config("host-a"), &[]).await;
        let digest = stage(&db, &package("acme", "1.0.0", "acme")).await;
        let error = install(&ctx, &digest, &all()).await.unwrap_err();
        assert!(ironbark_db::is_fence_lost(&error), "{}: {error}", db.kind);
        assert_eq!(active(&ctx), is("old", "1.0.0"));
        assert!(db.package_list().await.unwrap().is_empty());
        assert!(remove(&ctx, "old").await.is_err());
        assert_eq!(active(&ctx), is("old", "1.0.0"));
    }
}

#[tokio::test]
async fn other_conductors_follow_the_database() {
    for db in testing::databases().await {
        let (a, b) = (
            registered(&db, config("host-a"), &[]).await,
            registered(&db, config("host-b"), &[]).await,
        );
        let digest = stage(&db, &package("acme", "1.0.0", "acme")).await;
        install(&a, &digest, &all()).await.unwrap();
        reconcile(&b).await.unwrap();
        assert_eq!(active(&b), is("acme", "1.0.0"), "{}", db.kind);
        assert_eq!(drivers_of(&db, "host-b").await, ["acme"]);
        let newer = stage(&db, &package("acme", "2.0.0", "acme")).await;
        install(&b, &newer, &all()).await.unwrap();
        reconcile(&a).await.unwrap();
        assert_eq!(active(&a), is("acme", "2.0.0"));
        remove(&a, "acme").await.unwrap();
        reconcile(&b).await.unwrap();
        reconcile(&b).await.unwrap();
        assert!(active(&b).is_empty());
        assert!(drivers_of(&db, "host-b").await.is_empty());
    }
}

#[tokio::test]
async fn each_conductor_may_be_asked_for_the_same() {
    for db in testing::databases().await {
        let (a, b) = (
            registered(&db, config("host-a"), &[]).await,
            registered(&db, config("host-b"), &[]).await,
        );
        let digest = stage(&db, &package("acme", "1.0.0", "acme")).await;
        let first = install(&a, &digest, &all()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(
                install(&b, &digest, &all()).await.unwrap(),
                first,
                "{}",
                db.kind
            );
            assert_eq!(active(&b), is("acme", "1.0.0"));
            assert_eq!(drivers_of(&db, "host-b").await, ["acme"]);
        }
        remove(&a, "acme").await.unwrap();
        remove(&b, "acme").await.unwrap();
        assert!(active(&b).is_empty());
        assert!(drivers_of(&db, "host-b").await.is_empty());
        assert_eq!(
            remove(&b, "acme").await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}

#[tokio::test]
async fn what_nodes_use_is_not_removed_nor_replaced_by_less() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let digest = stage(&db, &package("acme", "1.0.0", "acme")).await;
        install(&ctx, &digest, &all()).await.unwrap();
        let user = node(&db, "acme", "rack-1").await;
        let error = remove(&ctx, "acme").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", db.kind);
        assert!(error.message().contains("rack-1"), "{error}");
        // The same package, but its hardware type has another name now.
        let other = stage(&db, &package("acme", "2.0.0", "other")).await;
        let error = install(&ctx, &other, &all()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(active(&ctx), is("acme", "1.0.0"));
        assert_eq!(
            db.package_get("acme").await.unwrap().unwrap().version,
            "1.0.0"
        );

        let reservation = db.node_reserve(&user.uuid, "host-a").await.unwrap();
        let mut tx = db.reserved(&reservation).await.unwrap();
        tx.delete_node().await.unwrap();
        tx.commit().await.unwrap();
        install(&ctx, &other, &all()).await.unwrap();
        remove(&ctx, "acme").await.unwrap();
    }
}

#[tokio::test]
async fn what_is_broken_is_refused_and_disturbs_nothing() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    let good = stage(&db, &package("acme", "1.0.0", "acme")).await;
    install(&ctx, &good, &all()).await.unwrap();
    let mut damaged = package("acme", "2.0.0", "acme");
    damaged.truncate(damaged.len() / 2);
    let damaged = stage(&db, &damaged).await;
    let error = install(&ctx, &damaged, &all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParameter);
    let taken = stage(&db, &package("rival", "1.0.0", "acme")).await;
    let error = install(&ctx, &taken, &all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let unknown = install(&ctx, "00", &all()).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    let ungranted = install(&ctx, &good, &["ipmi".to_owned()])
        .await
        .unwrap_err();
    assert_eq!(
        ungranted.kind(),
        ErrorKind::InvalidParameter,
        "it doesn't ask for that"
    );
    assert_eq!(active(&ctx), is("acme", "1.0.0"));
}

#[tokio::test]
async fn a_version_that_a_step_began_with_stays_loaded_also_after_a_restart() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let old = stage(&db, &package("acme", "1.0.0", "acme")).await;
        let new = stage(&db, &package("acme", "2.0.0", "acme")).await;
        install(&ctx, &old, &all()).await.unwrap();
        let node = node(&db, "acme", "rack-1").await;
        let (reservation, operation) = pin(&db, &node, &old).await;

        install(&ctx, &new, &all()).await.unwrap();
        reconcile(&ctx).await.unwrap();
        assert_eq!(
            ctx.drivers.retained_digests(),
            std::slice::from_ref(&old),
            "{}",
            db.kind
        );

        let restarted = crate::testing::context(&db, config("host-a"));
        bring_up(&restarted).await.unwrap();
        assert_eq!(active(&restarted), is("acme", "2.0.0"));
        assert_eq!(restarted.drivers.retained_digests(), [old]);

        let mut tx = db.reserved(&reservation).await.unwrap();
        tx.operation_close(&operation.uuid).await.unwrap();
        tx.commit().await.unwrap();
        reconcile(&ctx).await.unwrap();
        assert!(ctx.drivers.retained_digests().is_empty());
    }
}

/// Opens an operation on the node whose step began with this version.
async fn pin(
    db: &ironbark_db::Database,
    node: &Node,
    digest: &str,
) -> (ironbark_db::Reservation, Operation) {
    let reservation = db.node_reserve(&node.uuid, "host-a").await.unwrap();
    let mut operation = Operation::new(
        OperationKind::Deploy,
        &node.uuid,
        "req-1",
        JsonObject::new(),
    );
    operation.package_digest = Some(digest.to_owned());
    let mut tx = db.reserved(&reservation).await.unwrap();
    tx.operation_open(&operation).await.unwrap();
    tx.commit().await.unwrap();
    (reservation, operation)
}

#[tokio::test]
async fn a_step_runs_with_its_version_though_a_swap_let_go_of_it_before_the_journal_was_written() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    let old = stage(&db, &package("acme", "1.0.0", "acme")).await;
    let new = stage(&db, &package("acme", "2.0.0", "acme")).await;
    install(&ctx, &old, &all()).await.unwrap();
    let node = node(&db, "acme", "rack-1").await;
    // The step's package was chosen; before the journal says so, it is replaced, and nothing seems to need it.
    install(&ctx, &new, &all()).await.unwrap();
    reconcile(&ctx).await.unwrap();
    assert!(ctx.drivers.retained_digests().is_empty());
    let _held = pin(&db, &node, &old).await;

    let planned: PlannedStep = serde_json::from_value(json!({
        "interface": "power", "step": "check", "on_interrupt": "rerun", "implementation": "acme",
    }))
    .unwrap();
    let call = NodeCall {
        ctx: &ctx,
        node: &node,
        ports: &Ports::default(),
        request_id: "req-1",
        lock: Lock::Exclusive,
        reservation: None,
        pending: &[],
        seen: None,
        deadline: None,
        patience: crate::call::Patience::Operation,
    };
    let error = call
        .execute_step(StepKind::Deploy, &planned, Some(&old), None)
        .await
        .unwrap_err();
    // It reached the version that began, which has no steps at all.
    assert!(error.message().contains("'acme' 1.0.0"), "{error}");
    assert_eq!(ctx.drivers.retained_digests(), [old]);
}

/// Writes a file that counts as complete at once.
fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(60))
        .unwrap();
}

async fn with_folder(db: &ironbark_db::Database, folder: &Path) -> Arc<Context> {
    let mut config = config("host-a");
    config.drivers_folder = Some(folder.to_owned());
    let ctx = registered(db, config, &[]).await;
    reconcile(&ctx).await.unwrap();
    ctx
}

#[tokio::test]
async fn the_folder_is_followed() {
    for db in testing::databases().await {
        let folder = tempfile::tempdir().unwrap();
        let ctx = with_folder(&db, folder.path()).await;
        put(
            folder.path(),
            "acme.wasm",
            &package("acme", "1.0.0", "acme"),
        );
        put(folder.path(), "broken.wasm", b"not a component");
        reconcile(&ctx).await.unwrap();
        assert_eq!(active(&ctx), is("acme", "1.0.0"), "{}", db.kind);
        let row = db.package_get("acme").await.unwrap().unwrap();
        assert_eq!(
            (row.source, row.file.as_deref()),
            (PackageSource::Folder, Some("acme.wasm"))
        );
        assert_eq!(drivers_of(&db, "host-a").await, ["acme"]);

        put(
            folder.path(),
            "acme.wasm",
            &package("acme", "2.0.0", "acme"),
        );
        reconcile(&ctx).await.unwrap();
        assert_eq!(active(&ctx), is("acme", "2.0.0"));

        fs::rename(
            folder.path().join("acme.wasm"),
            folder.path().join("renamed.wasm"),
        )
        .unwrap();
        reconcile(&ctx).await.unwrap();
        reconcile(&ctx).await.unwrap();
        assert_eq!(
            active(&ctx),
            is("acme", "2.0.0"),
            "a new name changes nothing"
        );

        fs::remove_file(folder.path().join("renamed.wasm")).unwrap();
        reconcile(&ctx).await.unwrap();
        assert!(active(&ctx).is_empty());
        assert!(db.package_list().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_deleted_file_waits_until_its_package_is_free() {
    let db = testing::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let ctx = with_folder(&db, folder.path()).await;
    put(
        folder.path(),
        "acme.wasm",
        &package("acme", "1.0.0", "acme"),
    );
    reconcile(&ctx).await.unwrap();
    let user = node(&db, "acme", "rack-1").await;
    fs::remove_file(folder.path().join("acme.wasm")).unwrap();
    reconcile(&ctx).await.unwrap();
    assert_eq!(active(&ctx), is("acme", "1.0.0"));
    let reservation = db.node_reserve(&user.uuid, "host-a").await.unwrap();
    let mut tx = db.reserved(&reservation).await.unwrap();
    tx.delete_node().await.unwrap();
    tx.commit().await.unwrap();
    assert!(
        db.node_get(&Ident::Uuid(user.uuid))
            .await
            .unwrap()
            .is_none()
    );
    reconcile(&ctx).await.unwrap();
    assert!(active(&ctx).is_empty());
}

#[tokio::test]
async fn a_start_brings_up_database_bundle_and_folder() {
    let db = testing::sqlite().await;
    let (bundled, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(bundled.path(), "one.wasm", &package("one", "1.0.0", "one"));
    put(bundled.path(), "two.wasm", &package("two", "1.0.0", "two"));
    put(
        folder.path(),
        "three.wasm",
        &package("three", "1.0.0", "three"),
    );
    put(folder.path(), "broken.wasm", b"\0asm and nothing else");
    let first = registered(&db, config("host-a"), &[]).await;
    let own = stage(&db, &package("two", "0.9.0", "two")).await;
    install(&first, &own, &all()).await.unwrap();

    let mut settings = config("host-a");
    settings.bundled_folder = Some(bundled.path().to_owned());
    settings.drivers_folder = Some(folder.path().to_owned());
    let ctx = crate::testing::context(&db, settings);
    bring_up(&ctx).await.unwrap();
    crate::registration::register(&ctx).await.unwrap();
    let versions: Vec<String> = active(&ctx)
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    assert_eq!(
        versions,
        ["one 1.0.0", "three 1.0.0", "two 0.9.0"],
        "the API's version stays"
    );
    assert_eq!(drivers_of(&db, "host-a").await, ["one", "three", "two"]);

    // A file that went while nobody watched.
    fs::remove_file(folder.path().join("three.wasm")).unwrap();
    let mut settings = config("host-a");
    settings.drivers_folder = Some(folder.path().to_owned());
    let again = crate::testing::context(&db, settings);
    bring_up(&again).await.unwrap();
    crate::registration::register(&again).await.unwrap();
    reconcile(&again).await.unwrap();
    assert!(db.package_get("three").await.unwrap().is_none());
    assert!(db.package_get("one").await.unwrap().is_some());
}

#[tokio::test]
async fn too_many_installations_at_once_are_refused() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    let busy = ctx.packages.turn().await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        waiting.push(Box::pin(remove(&ctx, "none")));
    }
    for one in &mut waiting {
        assert!(futures::poll!(one.as_mut()).is_pending());
    }
    let refused = remove(&ctx, "none").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    drop(busy);
    for one in waiting {
        assert_eq!(one.await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
