//! A vendor's path: the guide as it is written, the conformance suite on right and wrong drivers, signatures.
//!
//! A program of its own: it compiles drivers for minutes, and must not do so beside tests that measure latencies.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use ironbark_tests::{
    Service, Setup, Stage, eventually, example, fixture, have, ironbark, javascript_tools, shipped,
    target,
};
use serde_json::Value;
use tokio::process::Command;

const GUIDE: &str = include_str!("../../docs/vendor-guide.md");
const SIGNED: &str = "## From nothing to a signed driver in 15 minutes";
const INSTALLED: &str = "## Into a running service";
/// Where the guide's reader has a service.
const READERS: &str = "http://127.0.0.1:6385";
/// What the guide promises.
const PROMISED: Duration = Duration::from_secs(15 * 60);
const PASSWORD: &str = "correct horse";
/// For one command. The guide's compile a crate with all that it depends on, on a machine that is busy with everything else.
const PATIENCE: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_leads_from_nothing_to_a_signed_and_installed_driver() {
    let stage = Stage::shared().await;
    let began = Instant::now();
    // What the template's own test makes, if it finds the program.
    let conformance = target().join("vendor/tmp/conformance.wasm");
    if conformance.exists() {
        std::fs::remove_file(&conformance).unwrap();
    }
    let written = commands(section(GUIDE, SIGNED));
    assert!(written.len() >= 9, "{written:?}");
    let mut folder = stage.folder().to_owned();
    for command in written {
        if let Some(next) = command.strip_prefix("cd ") {
            folder = folder.join(next);
            continue;
        }
        follow(command, &folder, READERS).await;
        if command.starts_with("ironbark driver new") {
            // The versions that this repository is tested with, and no others from the network.
            let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
            std::fs::copy(lock, folder.join("acme/Cargo.lock")).unwrap();
        }
    }
    let inspected = json(
        &run(driver(
            &folder,
            &["inspect", "acme.wasm", "--output", "json"],
        ))
        .await,
    );
    assert_eq!(inspected["metadata"]["vendor"], "Acme Corporation");
    assert!(folder.join("acme.wasm.minisig").is_file());
    assert!(conformance.is_file(), "cargo test ran the suite as well");

    // The reader's service believes nobody whom it wasn't told to.
    let setup = Setup::default().set("drivers", "signatures", "require");
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    std::os::unix::fs::symlink(service.data(), folder.join("ironbark-data")).unwrap();
    let written = commands(section(GUIDE, INSTALLED));
    assert!(written.len() >= 5, "{written:?}");
    for command in written {
        if command.starts_with("cp ") {
            // So that it is the folder that brings it.
            let gone = client.delete("/ironbark/v1/packages/acme").await;
            assert_eq!(gone.status, 204, "{}", gone.text);
        }
        follow(command, &folder, client.url()).await;
        if command.starts_with("ironbark driver activate") {
            let took = began.elapsed();
            assert!(took < PROMISED, "it took {took:?}");
            let offered = client.get("/v1/drivers/acme").await.expect(200);
            assert_eq!(offered["default_power_interface"], "acme", "{offered}");
        }
    }
    let shown = eventually("the package of the folder", async || {
        let answer = client.get("/ironbark/v1/packages/acme").await;
        (answer.status == 200).then(|| answer.expect(200))
    })
    .await;
    let version = &shown["versions"][0];
    assert_eq!(version["publisher"], "acme-inc", "{shown}");
    assert_eq!(version["source"], "folder", "{shown}");
    client.get("/v1/drivers/acme").await.expect(200);
}

/// Does what the guide says, with the service at `url` for the reader's own.
async fn follow(command: &str, folder: &Path, url: &str) {
    let program = command.split(' ').next().unwrap();
    if ["minisign", "curl"].contains(&program) && !have(program) {
        return;
    }
    let mut running = shell(&command.replace(READERS, url), folder);
    running.env("IRONBARK_URL", url);
    let output = run(running).await;
    assert!(output.status.success(), "$ {command}\n{}", shown(&output));
    assert!(
        !shown(&output).contains("error_message"),
        "$ {command}\n{}",
        shown(&output)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drivers_that_ship_keep_what_every_driver_must() {
    let stage = Stage::shared().await;
    // No hypervisor is simulated: its own tests have the real sshd.
    for (name, least) in [("ipmi", 30), ("redfish", 30), ("fake", 25), ("ssh", 4)] {
        let package = shipped(name).path;
        let output = run(test(&stage, &package)).await;
        let report = json(&output);
        assert!(output.status.success(), "{report:#}");
        assert_eq!(report["ok"], true);
        assert_eq!(report["failed"], 0);
        assert!(report["passed"].as_u64().unwrap() >= least, "{report:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_wrong_driver_is_found_out_for_what_is_wrong_with_it() {
    let stage = Stage::shared().await;
    let output = run(test(&stage, &fixture("wrong").path)).await;
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let failed: BTreeSet<(&str, &str)> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["verdict"] == "failed")
        .map(|check| {
            assert!(!check["reason"].as_str().unwrap().is_empty());
            (text(check, "subject"), text(check, "name"))
        })
        .collect();
    let expected = BTreeSet::from([
        ("power/says-off", "a silent BMC's machine is not off"),
        (
            "power/says-off",
            "a machine whose BMC answers with nothing is not off",
        ),
        (
            "power/says-off",
            "a machine whose BMC stays busy is not off",
        ),
        (
            "power/says-off",
            "a machine whose BMC doesn't know the command is not off",
        ),
        ("power/says-off", "a machine whose BMC fails is not off"),
        ("power/says-off", "a wrong password is auth-failed"),
        (
            "power/traps",
            "a machine whose BMC answers with nothing is not off",
        ),
        (
            "power/talks-in-validate",
            "validating a node doesn't talk to its BMC",
        ),
        ("power/hides-auth-failed", "a wrong password is auth-failed"),
        (
            "power/does-nothing",
            "power on and power off reach the machine",
        ),
        ("power/does-nothing", "a restart restarts the machine"),
        (
            "power/does-nothing",
            "switching the machine of a silent BMC fails",
        ),
        (
            "power/does-nothing",
            "it works while packets to the BMC get lost",
        ),
        (
            "power/does-nothing",
            "it works while packets from the BMC get lost",
        ),
        ("power/does-nothing", "it works while packets arrive twice"),
        ("power/does-nothing", "it works while packets are damaged"),
        ("power/does-nothing", "it works while packets arrive late"),
        (
            "power/does-nothing",
            "it works while the BMC is busy now and then",
        ),
        (
            "management/forgets-persistent",
            "the boot device that was set is the one that is read",
        ),
        (
            "management/forgets-persistent",
            "sensors are read by their types",
        ),
        (
            "vendor/trusts-messages",
            "odd messages to 'believe' don't break it",
        ),
        ("vendor/trusts-messages", "the clean step 'forgotten' runs"),
    ]);
    assert_eq!(failed, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_what_a_service_would_say() {
    let stage = Stage::shared().await;
    let check = async |package: &Path| {
        let package = package.to_str().unwrap();
        run(driver(
            stage.folder(),
            &["check", package, "--output", "json"],
        ))
        .await
    };
    let output = check(&shipped("ipmi").path).await;
    let answer = json(&output);
    assert!(output.status.success(), "{answer}");
    assert_eq!(
        answer["asks_for"],
        serde_json::json!(["ipmi", "ipmi:oem", "state"])
    );
    assert_eq!(answer["hardware_types"], serde_json::json!(["ipmi"]));

    assert_eq!(answer["signature"], Value::Null);

    let truncated = stage.path("truncated.wasm");
    let bytes = shipped("ipmi").bytes();
    std::fs::write(&truncated, &bytes[..bytes.len() / 2]).unwrap();
    for (package, reason) in [
        (fixture("lying").path, "disagree"),
        (fixture("overreach").path, "doesn't ask for that capability"),
        (fixture("spin-start").path, "computed for more than"),
        (truncated, ""),
    ] {
        let output = check(&package).await;
        let answer = json(&output);
        assert_eq!(output.status.code(), Some(1), "{answer}");
        assert_eq!(answer["ok"], false);
        assert!(text(&answer, "error").contains(reason), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn minisign_accepts_what_is_signed_with_our_keys_and_nothing_else() {
    let stage = Stage::shared().await;
    let folder = stage.folder();
    std::fs::copy(&shipped("ipmi").path, folder.join("p.wasm")).unwrap();
    let keys: [(&str, &[&str]); 2] = [("open", &["--no-password"]), ("locked", &[])];
    for (name, options) in keys {
        let (secret, public) = (format!("{name}.key"), format!("{name}.pub"));
        let keygen = || driver(folder, &[&["keygen", name][..], options].concat());
        let made = run(keygen()).await;
        assert!(made.status.success(), "{}", shown(&made));
        let mode = std::fs::metadata(folder.join(&secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let before = std::fs::read(folder.join(&secret)).unwrap();
        let again = run(keygen()).await;
        assert_eq!(again.status.code(), Some(1));
        assert_eq!(std::fs::read(folder.join(&secret)).unwrap(), before);

        let signed = run(driver(folder, &["sign", "p.wasm", "--key", &secret])).await;
        assert!(signed.status.success(), "{}", shown(&signed));
        who_signed_is_shown(folder, &public, &key_id(&folder.join(&public))).await;
        for output in [&made, &signed] {
            assert!(!shown(output).contains(PASSWORD), "{}", shown(output));
        }
        if have("minisign") {
            let verified = run(verify(folder, &public)).await;
            assert!(verified.status.success(), "{}", shown(&verified));
            std::fs::write(folder.join("p.wasm"), shipped("ipmi").rebuilt("other")).unwrap();
            let changed = run(verify(folder, &public)).await;
            assert!(!changed.status.success(), "{}", shown(&changed));
            std::fs::copy(&shipped("ipmi").path, folder.join("p.wasm")).unwrap();
        }
    }
    let mut wrong = driver(folder, &["sign", "p.wasm", "--key", "locked.key"]);
    let wrong = run_with(&mut wrong, "another").await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(shown(&wrong).contains("password"), "{}", shown(&wrong));
}

/// `inspect` and `check` say of `p.wasm` whose key signed it, and believe it only where the key agrees.
async fn who_signed_is_shown(folder: &Path, public: &str, id: &str) {
    let inspect = async |options: &[&str]| {
        run(driver(
            folder,
            &[&["inspect", "p.wasm", "--output", "json"], options].concat(),
        ))
        .await
    };
    let signature = |output: &Output| json(output)["signature"].clone();
    let claimed = inspect(&[]).await;
    assert!(claimed.status.success(), "{}", shown(&claimed));
    assert_eq!(signature(&claimed)["key_id"], id);
    assert_eq!(signature(&claimed)["verified"], Value::Null);
    assert!(text(&signature(&claimed), "trusted_comment").starts_with("ipmi "));

    let verified = inspect(&["--key", public]).await;
    assert!(verified.status.success(), "{}", shown(&verified));
    assert_eq!(signature(&verified)["verified"], true);
    let check = ["check", "p.wasm", "--output", "json", "--key", public];
    let checked = run(driver(folder, &check)).await;
    assert!(checked.status.success(), "{}", shown(&checked));
    assert_eq!(signature(&checked)["verified"], true);

    std::fs::write(folder.join("p.wasm"), shipped("ipmi").rebuilt("other")).unwrap();
    let changed = inspect(&["--key", public]).await;
    assert_eq!(changed.status.code(), Some(1));
    assert_eq!(signature(&changed)["verified"], false);
    let changed = run(driver(folder, &check)).await;
    assert_eq!(changed.status.code(), Some(1));
    assert_eq!(json(&changed)["ok"], false);
    std::fs::copy(&shipped("ipmi").path, folder.join("p.wasm")).unwrap();
}

/// What minisign calls a public key: the last word of the file's first line.
fn key_id(public: &Path) -> String {
    let text = std::fs::read_to_string(public).unwrap();
    let (comment, _) = text.split_once('\n').unwrap();
    comment.rsplit_once(' ').unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_driver_never_takes_the_place_of_something_else() {
    let stage = Stage::shared().await;
    let folder = stage.folder();
    std::fs::create_dir(folder.join("taken")).unwrap();
    for (name, reason) in [
        ("taken", "exists already"),
        ("Upper", "lower-case letters"),
        ("../up", "lower-case letters"),
        ("ipmi", "belongs to Ironbark"),
    ] {
        let output = run(driver(folder, &["new", name])).await;
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(shown(&output).contains(reason), "{}", shown(&output));
    }
    let left = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(left, 1, "nothing was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendors_cargo_test_fails_where_nothing_was_tried() {
    let stage = Stage::shared().await;
    let made = run(driver(stage.folder(), &["new", "acme"])).await;
    assert!(made.status.success(), "{}", shown(&made));
    let folder = stage.path("acme");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    std::fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    let mut without = shell("cargo test --test conformance", &folder);
    without.env("IRONBARK", "no-such-ironbark");
    let without = run(without).await;
    assert!(!without.status.success(), "{}", shown(&without));
    for said in [
        "no-such-ironbark",
        "is not there",
        "IRONBARK_SKIP_CONFORMANCE",
    ] {
        assert!(shown(&without).contains(said), "{}", shown(&without));
    }
    let mut skipped = shell("cargo test --test conformance", &folder);
    skipped
        .env("IRONBARK", "no-such-ironbark")
        .env("IRONBARK_SKIP_CONFORMANCE", "1");
    let skipped = run(skipped).await;
    assert!(skipped.status.success(), "{}", shown(&skipped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_in_javascript_keeps_the_same() {
    if !have("jco") {
        return;
    }
    let stage = Stage::shared().await;
    let made = run(driver(stage.folder(), &["new", "acme", "--lang", "js"])).await;
    assert!(made.status.success(), "{}", shown(&made));
    let folder = stage.path("acme");
    // Instead of installing them once more.
    std::os::unix::fs::symlink(javascript_tools(), folder.join("node_modules")).unwrap();
    for command in [
        "npm test",
        "ironbark driver build",
        "ironbark driver check acme.wasm",
    ] {
        let output = run(shell(command, &folder)).await;
        assert!(output.status.success(), "$ {command}\n{}", shown(&output));
    }
    let output = run(driver(&folder, &["test", "acme.wasm", "--output", "json"])).await;
    let report = json(&output);
    assert!(output.status.success(), "{report:#}");
    // Sensors and NMI are what it doesn't do.
    assert_eq!(report["left_out"], 2, "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_in_javascript_keeps_what_every_driver_must() {
    if !have("jco") {
        return;
    }
    let stage = Stage::shared().await;
    let output = run(test(&stage, &example("redfish-js").path)).await;
    let report = json(&output);
    assert!(output.status.success(), "{report:#}");
    // Sensors are what it doesn't do.
    assert_eq!(report["failed"], 0, "{report:#}");
    assert_eq!(report["left_out"], 1, "{report:#}");
    assert!(report["passed"].as_u64().unwrap() >= 23, "{report:#}");
}

/// What stands below a heading, up to the next of its kind.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, after) = page.split_once(heading).expect("the heading is there");
    after
        .split_once("\n## ")
        .map_or(after, |(section, _)| section)
}

/// What a reader types, in order.
fn commands(text: &str) -> Vec<&str> {
    text.split("```console")
        .skip(1)
        .filter_map(|block| block.split_once("```"))
        .flat_map(|(block, _)| block.lines())
        .filter_map(|line| line.strip_prefix("$ "))
        .collect()
}

fn shell(command: &str, folder: &Path) -> Command {
    let mut shell = Command::new("sh");
    let program = ironbark();
    let mut path = vec![program.parent().unwrap().to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    shell
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path).unwrap())
        // Kept, so that only the first run compiles what drivers depend on.
        .env("CARGO_TARGET_DIR", target().join("vendor"))
        .env_remove("IRONBARK");
    shell
}

fn driver(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(ironbark());
    command.arg("driver").args(arguments).current_dir(folder);
    command
}

fn test(stage: &Stage, package: &Path) -> Command {
    let package = package.to_str().unwrap();
    driver(stage.folder(), &["test", package, "--output", "json"])
}

fn verify(folder: &Path, public: &str) -> Command {
    let mut command = Command::new("minisign");
    command
        .args(["-Vm", "p.wasm", "-p", public])
        .current_dir(folder);
    command
}

async fn run(mut command: Command) -> Output {
    run_with(&mut command, PASSWORD).await
}

async fn run_with(command: &mut Command, password: &str) -> Output {
    let running = command
        .env("IRONBARK_KEY_PASSWORD", password)
        .kill_on_drop(true)
        .output();
    tokio::time::timeout(PATIENCE, running)
        .await
        .expect("the command ends")
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", shown(output)))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn shown(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}
