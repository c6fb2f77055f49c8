//! The real clients, unpatched: what they can do with Ironic they can do here.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ironbark_bmc_sim::BmcHandle;
use ironbark_tests::{Service, Setup, Stage, clients, have, rack};
use tokio::process::Command;

/// The CLI takes a second of CPU for a command.
const PATIENCE: Duration = Duration::from_secs(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openstack_baremetal_does_the_tour() {
    run("cli.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openstacksdk_does_the_tour() {
    run("sdk.py").await;
}

/// The tests that openstacksdk's authors wrote for Ironic, as they come with it: all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openstacksdk_passes_its_own_functional_tests() {
    const TESTS: &str = "openstack/tests/functional/baremetal";
    /// That many there are in this version: fewer would mean that some weren't found.
    const COUNT: &str = "Ran 96 tests";
    if !have("clients") {
        return;
    }
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let clouds = service.data().join("clouds.yaml");
    std::fs::write(&clouds, clouds_of(service.client().url())).unwrap();
    let packages = site_packages();
    let running = Command::new(clients().join("python"))
        .args(["-m", "testtools.run", "discover", "-s"])
        .arg(packages.join(TESTS))
        .arg("-t")
        .arg(&packages)
        .env_clear()
        .env("HOME", service.data())
        .env("PYTHONWARNINGS", "ignore")
        .env("OS_CLIENT_CONFIG_FILE", &clouds)
        // It tries again for half a minute where it expects a conflict.
        .env("OS_TEST_TIMEOUT", "120")
        .current_dir(service.data())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap_or_else(|_| panic!("they did not end within {PATIENCE:?}"))
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(COUNT), "{said}");
    assert!(!said.contains("skipped"), "{said}");
}

/// The clouds that the tests name, all of them this service. There is nothing but bare metal in it.
fn clouds_of(url: &str) -> String {
    let mut text = "clouds:\n".to_owned();
    for name in [
        "devstack",
        "devstack-alt",
        "devstack-admin",
        "devstack-system-admin",
    ] {
        text += &format!(
            "  {name}: {{auth_type: none, region_name: here, has_compute: false, has_image: false, \
             baremetal_endpoint_override: \"{url}\", auth: {{endpoint: \"{url}\"}}}}\n"
        );
    }
    text
}

/// Where Python keeps what was installed.
fn site_packages() -> PathBuf {
    let lib = clients().parent().unwrap().join("lib");
    std::fs::read_dir(lib)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("site-packages"))
        .find(|folder| folder.join("openstack").is_dir())
        .expect("openstacksdk is installed")
}

async fn run(script: &str) {
    if !have("clients") {
        return;
    }
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let service = Service::start(&stage, Setup::default()).await;
    let said = python(script, &service, bmc).await;
    assert!(said.ends_with("done\n"), "{said}");
    assert!(
        bmc.snapshot().diagnostic_interrupts > 0,
        "the machine was never reached"
    );
}

async fn python(script: &str, service: &Service, bmc: &BmcHandle) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("clients")
        .join(script);
    let user = bmc.credentials();
    let running = Command::new(clients().join("python"))
        .arg(path)
        .arg(service.client().url())
        .args([
            bmc.address().ip().to_string(),
            bmc.address().port().to_string(),
        ])
        .args([user.username, user.password])
        // Nothing of this machine's own cloud configuration.
        .env_clear()
        .env("HOME", service.data())
        .env("PYTHONWARNINGS", "ignore")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap_or_else(|_| panic!("{script} did not end within {PATIENCE:?}"))
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{script} ended with {}:\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
