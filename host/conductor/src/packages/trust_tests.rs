//! Signatures and publishers, against real databases.

use std::io::Cursor;
use std::path::Path;

use ironbark_db::testing;
use ironbark_model::lifecycle::{Publisher, VersionState, publisher_history};
use ironbark_model::{ErrorKind, Timestamp};
use ironbark_rpc::Installation;
use minisign::KeyPair;
use serde_json::json;

use super::*;
use crate::config::SignaturePolicy;
use crate::testing::{config, package, package_with, registered, stage};

fn ada() -> Actor {
    Actor::user("ada", "req-1")
}

fn strict(host: &str) -> Config {
    Config {
        signatures: SignaturePolicy::Require,
        ..config(host)
    }
}

fn sign(key: &KeyPair, bytes: &[u8]) -> String {
    minisign::sign(None, &key.sk, Cursor::new(bytes), None, None)
        .unwrap()
        .into_string()
}

async fn trust_key(ctx: &Arc<Context>, name: &str, key: &KeyPair, packages: &str) {
    let publisher = Publisher {
        name: name.to_owned(),
        public_key: key.pk.to_box().unwrap().to_string(),
        packages: vec![packages.to_owned()],
        expires_at: None,
        created_at: Timestamp(0),
    };
    trust(ctx, publisher, &ada()).await.unwrap();
}

async fn put(
    ctx: &Arc<Context>,
    bytes: &[u8],
    signature: Option<String>,
    activate: bool,
) -> Result<Value> {
    let installation = Installation {
        digest: stage(&ctx.db, bytes).await,
        signature,
        activate,
        ..Installation::default()
    };
    upload(ctx, installation, &ada()).await
}

/// Installs and activates it, although its package's name is another publisher's.
async fn put_over(ctx: &Arc<Context>, bytes: &[u8], signature: String) {
    let installation = Installation {
        digest: stage(&ctx.db, bytes).await,
        signature: Some(signature),
        activate: true,
        take_over: true,
        ..Installation::default()
    };
    upload(ctx, installation, &ada()).await.unwrap();
}

#[tokio::test]
async fn what_must_be_signed_is_refused_without_and_says_what_to_do() {
    for db in testing::databases().await {
        let ctx = registered(&db, strict("host-a"), &[]).await;
        let (acme, stranger) = (
            KeyPair::generate_unencrypted_keypair().unwrap(),
            KeyPair::generate_unencrypted_keypair().unwrap(),
        );
        trust_key(&ctx, "acme-inc", &acme, "acme*").await;
        let bytes = package("acme", "1.0.0", "acme");
        let other = package("other", "1.0.0", "other");
        let mut changed = bytes.clone();
        // Within the metadata, so that it stays a package.
        let place = changed
            .windows(5)
            .position(|text| text == b"Tests")
            .unwrap();
        changed[place] = b'B';
        for (what, bytes, signature, says) in [
            ("unsigned", &bytes, None, ".minisig"),
            (
                "by a stranger",
                &bytes,
                Some(sign(&stranger, &bytes)),
                "publisher trust",
            ),
            (
                "changed",
                &changed,
                Some(sign(&acme, &bytes)),
                "was changed",
            ),
            (
                "of another name",
                &other,
                Some(sign(&acme, &other)),
                "--packages",
            ),
            (
                "garbage",
                &bytes,
                Some("garbage".to_owned()),
                "as minisign wrote it",
            ),
        ] {
            let error = put(&ctx, bytes, signature, true).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Forbidden, "{what}: {error}");
            assert!(error.message().contains(says), "{what}: {error}");
        }
        assert!(
            db.package_versions_all().await.unwrap().is_empty(),
            "{}",
            db.kind
        );
        put(&ctx, &bytes, Some(sign(&acme, &bytes)), true)
            .await
            .unwrap();
        let versions = db.package_versions("acme").await.unwrap();
        assert_eq!(versions[0].publisher.as_deref(), Some("acme-inc"));
    }
}

#[tokio::test]
async fn a_warning_lets_unsigned_packages_in_until_signatures_are_required() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    put(&ctx, &package("acme", "1.0.0", "acme"), None, true)
        .await
        .unwrap();
    put(&ctx, &package("acme", "1.1.0", "acme"), None, false)
        .await
        .unwrap();
    let later = registered(&db, strict("host-b"), &[]).await;
    reconcile(&later).await.unwrap();
    assert_eq!(later.drivers.packages().len(), 1, "what is active goes on");
    let activate = PackageChange::Activate {
        version: None,
        force: true,
        dry_run: false,
    };
    let error = change(&later, "acme", activate, &ada()).await.unwrap_err();
    assert!(error.message().contains(".minisig"), "{error}");
}

#[tokio::test]
async fn a_publisher_that_is_removed_takes_the_trust_with_it() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let acme = KeyPair::generate_unencrypted_keypair().unwrap();
        trust_key(&ctx, "acme-inc", &acme, "acme").await;
        for (version, activate) in [("1.0.0", true), ("2.0.0", true), ("3.0.0", false)] {
            let bytes = package("acme", version, "acme");
            put(&ctx, &bytes, Some(sign(&acme, &bytes)), activate)
                .await
                .unwrap();
        }
        let answer = distrust(&ctx, "acme-inc", false, &ada()).await.unwrap();
        let listed: Vec<&str> = answer["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["version"].as_str().unwrap())
            .collect();
        assert_eq!(listed, ["3.0.0", "2.0.0", "1.0.0"], "{}", db.kind);
        let active = db.package_get("acme").await.unwrap().unwrap();
        assert_eq!(active.version, "2.0.0", "what is active goes on");
        let roll_back = PackageChange::Rollback {
            version: None,
            force: true,
            dry_run: false,
        };
        let error = change(&ctx, "acme", roll_back, &ada()).await.unwrap_err();
        assert!(error.message().contains("acme-inc"), "{error}");
        let again = distrust(&ctx, "acme-inc", false, &ada()).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound);

        trust_key(&ctx, "acme-inc", &acme, "acme").await;
        distrust(&ctx, "acme-inc", true, &ada()).await.unwrap();
        let kept = publisher_history("acme-inc");
        let history = db.package_history(&kept, 10).await.unwrap();
        let told: Vec<(&str, &str)> = history
            .iter()
            .map(|event| (event.action.as_str(), event.actor.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("distrust", "ada"),
                ("trust", "ada"),
                ("distrust", "ada"),
                ("trust", "ada")
            ]
        );
        let detail = history[0].detail.as_deref().unwrap();
        assert!(detail.contains("acme@2.0.0"), "{detail}");
        let detail = history[1].detail.as_deref().unwrap();
        assert!(detail.contains(&acme.pk.to_base64()), "{detail}");
        let of_package = db.package_history("acme", 100).await.unwrap();
        let distrusted = of_package.iter().filter(|event| event.action == "distrust");
        assert_eq!(distrusted.count(), 6, "each version, each time");
        let versions = db.package_versions("acme").await.unwrap();
        assert!(
            versions
                .iter()
                .all(|one| one.state == VersionState::Quarantined)
        );
        assert!(
            ctx.drivers.packages()[0].quarantine().is_some(),
            "nothing is good to go back to"
        );
    }
}

#[tokio::test]
async fn a_publisher_goes_together_with_the_quarantine_of_what_it_signed_or_not_at_all() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let (acme, other) = (
            KeyPair::generate_unencrypted_keypair().unwrap(),
            KeyPair::generate_unencrypted_keypair().unwrap(),
        );
        trust_key(&ctx, "acme-inc", &acme, "*").await;
        trust_key(&ctx, "good-inc", &other, "acme").await;
        for (name, version, key) in [
            ("acme", "1.0.0", &other),
            ("acme", "2.0.0", &acme),
            ("bolt", "1.0.0", &acme),
        ] {
            let bytes = package(name, version, name);
            put_over(&ctx, &bytes, sign(key, &bytes)).await;
        }
        let (removing, who) = (Arc::clone(&ctx), ada());
        let work = tokio::spawn(async move { distrust(&removing, "acme-inc", true, &who).await });
        let gone = async {
            while db.publishers().await.unwrap().len() == 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), gone)
            .await
            .unwrap();
        // Killed as soon as the publisher is gone.
        work.abort();
        let versions = db.package_versions_all().await.unwrap();
        let stopped = |one: &&ironbark_model::lifecycle::PackageVersion| {
            one.state == VersionState::Quarantined
        };
        assert_eq!(versions.iter().filter(stopped).count(), 2, "{}", db.kind);
        let _ended = work.await;
        // Whatever was left undone follows.
        reconcile(&ctx).await.unwrap();
        let active = db.package_get("acme").await.unwrap().unwrap();
        assert_eq!(active.version, "1.0.0", "{}", db.kind);
        let bolt = ctx.drivers.packages();
        let bolt = bolt.iter().find(|one| one.name() == "bolt").unwrap();
        assert!(bolt.quarantine().is_some(), "nothing is good to go back to");
    }
}

#[tokio::test]
async fn a_name_that_is_trusted_again_with_another_key_brings_nothing_back() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let (former, later) = (
            KeyPair::generate_unencrypted_keypair().unwrap(),
            KeyPair::generate_unencrypted_keypair().unwrap(),
        );
        trust_key(&ctx, "acme-inc", &former, "acme").await;
        let (one, two) = (
            package("acme", "1.0.0", "acme"),
            package("acme", "2.0.0", "acme"),
        );
        for (bytes, activate) in [(&one, true), (&two, false)] {
            put(&ctx, bytes, Some(sign(&former, bytes)), activate)
                .await
                .unwrap();
        }
        distrust(&ctx, "acme-inc", false, &ada()).await.unwrap();
        trust_key(&ctx, "acme-inc", &later, "acme").await;
        let activate = || PackageChange::Activate {
            version: Some("2.0.0".to_owned()),
            force: true,
            dry_run: false,
        };
        let error = change(&ctx, "acme", activate(), &ada()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", db.kind);
        assert!(error.message().contains("another key"), "{error}");
        let canary = PackageChange::Canary {
            version: Some("2.0.0".to_owned()),
            scope: ironbark_model::lifecycle::CanaryScope::Percent(10),
            force: true,
        };
        let error = change(&ctx, "acme", canary, &ada()).await.unwrap_err();
        assert!(error.message().contains("another key"), "{error}");
        // Signed with the key that is trusted now, the same bytes are welcome.
        put(&ctx, &two, Some(sign(&later, &two)), false)
            .await
            .unwrap();
        change(&ctx, "acme", activate(), &ada()).await.unwrap();
        // And the former key's trust brings back what it signed.
        distrust(&ctx, "acme-inc", false, &ada()).await.unwrap();
        trust_key(&ctx, "acme-inc", &former, "acme").await;
        let roll_back = PackageChange::Rollback {
            version: None,
            force: false,
            dry_run: false,
        };
        change(&ctx, "acme", roll_back, &ada()).await.unwrap();
    }
}

#[tokio::test]
async fn a_publisher_that_is_removed_at_the_same_moment_vouches_for_nothing() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let acme = KeyPair::generate_unencrypted_keypair().unwrap();
        trust_key(&ctx, "acme-inc", &acme, "acme").await;
        let bytes = package("acme", "1.0.0", "acme");
        put(&ctx, &bytes, Some(sign(&acme, &bytes)), false)
            .await
            .unwrap();
        let version = db.package_versions("acme").await.unwrap().remove(0);
        let mut tx = db.change_packages().await.unwrap();
        trust::check_inside(&ctx, &mut tx, &version).await.unwrap();
        assert!(tx.publisher_remove("acme-inc").await.unwrap());
        let error = trust::check_inside(&ctx, &mut tx, &version)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", db.kind);
    }
}

#[tokio::test]
async fn a_key_must_be_one_and_a_time_to_come() {
    let db = testing::sqlite().await;
    let ctx = registered(&db, config("host-a"), &[]).await;
    let key = KeyPair::generate_unencrypted_keypair().unwrap();
    let publisher = |public_key: String, expires_at| Publisher {
        name: "acme-inc".to_owned(),
        public_key,
        packages: vec!["acme".to_owned()],
        expires_at,
        created_at: Timestamp(0),
    };
    for (key, expires_at) in [
        ("RWQ".to_owned(), None),
        (key.pk.to_base64(), Some(Timestamp(1))),
    ] {
        let error = trust(&ctx, publisher(key, expires_at), &ada())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameter);
    }
    assert!(db.publishers().await.unwrap().is_empty());
}

/// Writes a file that counts as complete at once.
fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(60);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(long_ago).unwrap();
}

#[tokio::test]
async fn in_the_folder_a_signature_lies_beside_its_package_and_may_come_later() {
    let db = testing::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = strict("host-a");
    settings.drivers_folder = Some(folder.path().to_owned());
    let ctx = registered(&db, settings, &[]).await;
    let acme = KeyPair::generate_unencrypted_keypair().unwrap();
    trust_key(&ctx, "acme-inc", &acme, "*").await;
    let bytes = package("acme", "1.0.0", "acme");
    write(folder.path(), "acme.wasm", &bytes);
    reconcile(&ctx).await.unwrap();
    assert!(ctx.drivers.packages().is_empty());
    write(
        folder.path(),
        "acme.wasm.minisig",
        sign(&acme, &bytes).as_bytes(),
    );
    reconcile(&ctx).await.unwrap();
    assert_eq!(ctx.drivers.packages().len(), 1);
    let versions = db.package_versions("acme").await.unwrap();
    assert_eq!(versions[0].publisher.as_deref(), Some("acme-inc"));
}

fn asking(version: &str, capabilities: &[&str]) -> Vec<u8> {
    package_with("acme", version, "acme", |metadata| {
        metadata["capabilities"] = json!(capabilities);
    })
}

#[tokio::test]
async fn a_package_is_its_first_publishers_until_an_operator_says_otherwise() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let (acme, rival) = (
            KeyPair::generate_unencrypted_keypair().unwrap(),
            KeyPair::generate_unencrypted_keypair().unwrap(),
        );
        trust_key(&ctx, "acme-inc", &acme, "acme").await;
        trust_key(&ctx, "rival-inc", &rival, "*").await;
        let first = asking("1.0.0", &["ipmi"]);
        let installation = |bytes: Vec<u8>, signature: Option<String>, take_over: bool| {
            let db = db.database.clone();
            async move {
                Installation {
                    digest: stage(&db, &bytes).await,
                    signature,
                    activate: true,
                    take_over,
                    ..Installation::default()
                }
            }
        };
        let mut granting = installation(first.clone(), Some(sign(&acme, &first)), false).await;
        granting.grants = Some(vec!["*".to_owned()]);
        upload(&ctx, granting, &ada()).await.unwrap();

        let second = asking("2.0.0", &["ipmi"]);
        for (signature, who) in [
            (None, "no signature"),
            (Some(sign(&rival, &second)), "rival-inc"),
        ] {
            let refused = installation(second.clone(), signature, false).await;
            let error = upload(&ctx, refused, &ada()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Forbidden, "{}: {error}", db.kind);
            let message = error.message();
            assert!(
                message.contains("'acme-inc'") && message.contains(who),
                "{error}"
            );
        }
        assert_eq!(db.package_versions("acme").await.unwrap().len(), 1);
        // The same bytes need no second signature, and a new key of the same publisher is no other publisher.
        let again = installation(first.clone(), None, false).await;
        upload(&ctx, again, &ada()).await.unwrap();
        let renewed = KeyPair::generate_unencrypted_keypair().unwrap();
        distrust(&ctx, "acme-inc", false, &ada()).await.unwrap();
        trust_key(&ctx, "acme-inc", &renewed, "acme").await;
        let own = asking("1.1.0", &["ipmi"]);
        let update = installation(own.clone(), Some(sign(&renewed, &own)), false).await;
        assert_eq!(upload(&ctx, update, &ada()).await.unwrap()["active"], true);

        let taking = installation(second.clone(), Some(sign(&rival, &second)), true).await;
        let answer = upload(&ctx, taking, &ada()).await.unwrap();
        assert_eq!(answer["state"], "awaiting approval", "decided anew");
        let active = db.package_get("acme").await.unwrap().unwrap();
        assert_eq!(active.version, "1.1.0", "it goes on meanwhile");
        assert_eq!(active.granted, ["ipmi"]);
        let granted = db.package_grants("acme").await.unwrap().unwrap();
        assert_eq!((granted.names, granted.entries), (vec![], Some(vec![])));
        let owners = db.package_owners().await.unwrap();
        assert_eq!(owners.len(), 1);
        assert_eq!(owners[0].publisher, "rival-inc");
        let history = db.package_history("acme", 10).await.unwrap();
        let told = history
            .iter()
            .find(|one| one.action == "take-over")
            .unwrap();
        assert_eq!(told.actor, "ada");
        assert!(told.detail.as_deref().unwrap().contains("acme-inc"));
        let page = ironbark_db::AuditPage {
            limit: 100,
            after: None,
            sort_dir: ironbark_db::SortDir::Ascending,
        };
        let filter = ironbark_db::AuditFilter::default();
        let rows = db.audit_list(&filter, page).await.unwrap();
        let row = rows.iter().find(|row| row.entry.operation == "take over");
        assert_eq!(row.unwrap().entry.actor.as_deref(), Some("ada"));
        let former = asking("1.2.0", &["ipmi"]);
        let late = installation(former.clone(), Some(sign(&renewed, &former)), false).await;
        let error = upload(&ctx, late, &ada()).await.unwrap_err();
        assert!(error.message().contains("'rival-inc'"), "{error}");

        // With its last version the name is free.
        remove(&ctx, "acme", None, &ada()).await.unwrap();
        assert!(db.package_owners().await.unwrap().is_empty());
        put(&ctx, &second, None, true).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_installed_package_brings_is_its_own_also_while_it_is_not_active() {
    for db in testing::databases().await {
        let ctx = registered(&db, config("host-a"), &[]).await;
        let acme = KeyPair::generate_unencrypted_keypair().unwrap();
        trust_key(&ctx, "acme-inc", &acme, "*").await;
        let own = package("acme", "1.0.0", "acme");
        put(&ctx, &own, Some(sign(&acme, &own)), true)
            .await
            .unwrap();
        let disable = PackageChange::Disable {
            version: None,
            force: false,
        };
        change(&ctx, "acme", disable, &ada()).await.unwrap();
        let rival = package("rival", "1.0.0", "acme");
        // The same hardware type with an implementation of its own, and the reverse.
        let half = package_with("rival", "1.0.0", "acme", |metadata| {
            metadata["interfaces"] = json!({"power": [{"name": "rival"}]});
            metadata["hardware_types"][0]["interfaces"]["power"] = json!(["rival"]);
        });
        for bytes in [&rival, &half] {
            let error = put(&ctx, bytes, None, true).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{}", db.kind);
            assert!(error.message().contains("package 'acme'"), "{error}");
        }
        // Its own publisher may hand them on.
        let successor = package("acme-next", "1.0.0", "acme");
        put(&ctx, &successor, Some(sign(&acme, &successor)), true)
            .await
            .unwrap();
        for name in ["acme", "acme-next"] {
            remove(&ctx, name, None, &ada()).await.unwrap();
        }
        put(&ctx, &rival, None, true).await.unwrap();
    }
}
