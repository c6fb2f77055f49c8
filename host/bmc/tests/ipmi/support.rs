//! What all of these tests need.

use std::{env, net::SocketAddr, process::Command, time::Duration};

use ironbark_bmc::ipmi::{Client, ClientConfig, IpmiError, Request, Response, Target};
use ironbark_bmc_sim::{BmcHandle, Rack, RackConfig};
use ironbark_model::Secret;

/// Long enough for every answer that comes at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A client that finds out fast that a packet is lost, as packets on loopback take no time.
pub(crate) fn quick() -> ClientConfig {
    ClientConfig {
        retransmit_after: Duration::from_millis(150),
        ..ClientConfig::default()
    }
}

pub(crate) fn target_at(address: SocketAddr, username: &str, password: &str) -> Target {
    Target {
        port: address.port(),
        ..Target::new(address.ip().to_string(), username, Secret::new(password))
    }
}

pub(crate) fn target_of(bmc: &BmcHandle) -> Target {
    let credentials = bmc.credentials();
    target_at(bmc.address(), &credentials.username, &credentials.password)
}

/// A rack of one, and its BMC.
pub(crate) async fn one_bmc(config: RackConfig) -> (Rack, BmcHandle) {
    let rack = Rack::start(config).await.unwrap();
    let bmc = rack.bmc(0).unwrap();
    (rack, bmc)
}

pub(crate) fn chassis_status() -> Request {
    Request::new(0x00, 0x01, [])
}

pub(crate) fn chassis_control(action: u8) -> Request {
    Request::new(0x00, 0x02, [action])
}

pub(crate) async fn ask(
    client: &Client,
    target: &Target,
    request: &Request,
) -> Result<Response, IpmiError> {
    client.request(target, request, PATIENCE).await
}

/// Whether the BMC says that its machine has power.
pub(crate) async fn power(client: &Client, target: &Target) -> Result<bool, IpmiError> {
    let response = ask(client, target, &chassis_status()).await?;
    assert_eq!(response.completion_code, 0);
    Ok(response.data[0] & 1 == 1)
}

/// Awaits what must come soon, and says what it was if it doesn't.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {PATIENCE:?}"),
    }
}

/// Whether a program that a test needs is there. If it isn't, the test is named as left out,
/// or fails if `IRONBARK_TEST_REQUIRE` lists the program, or says `all`.
pub(crate) fn have(program: &str, package: &str) -> bool {
    let found = env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        let required = env::var("IRONBARK_TEST_REQUIRE").unwrap_or_default();
        let required = required
            .split(',')
            .map(str::trim)
            .any(|name| name == "all" || name == program);
        assert!(!required, "needs {program} (apt-get install {package})");
        eprintln!("left out: needs {program} (apt-get install {package})");
    }
    found
}

/// Runs `ipmitool` against a BMC, without any cipher setting, and returns what it says.
pub(crate) async fn ipmitool(
    address: SocketAddr,
    username: &str,
    password: &str,
    arguments: &[&str],
) -> String {
    let mut failures = Vec::new();
    // `ipmi_sim` never answers how ipmitool asks for cipher suites: with more patience of its own, ipmitool would take
    // many seconds for each call. So it gets little, and more than one chance.
    for _ in 0..5 {
        let mut command = Command::new("ipmitool");
        command
            .args(["-I", "lanplus", "-H", &address.ip().to_string()])
            .args([
                "-p",
                &address.port().to_string(),
                "-U",
                username,
                "-P",
                password,
            ])
            .args(["-R", "1", "-N", "1"])
            .args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        if output.status.success() {
            return String::from_utf8_lossy(&output.stdout).into_owned();
        }
        failures.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    panic!("ipmitool {arguments:?} failed: {failures:?}");
}
