//! A rack of simulated BMCs to try things on.

use std::{net::IpAddr, time::Duration};

use anyhow::Context;
use clap::Parser;
use ironbark_bmc_sim::{Faults, PowerFault, PrivilegeLevel, Rack, RackConfig, User};

/// Simulated BMCs that speak IPMI 2.0 over LAN.
///
/// Runs until Ctrl-C, and prints a line for each BMC.
#[derive(Debug, Parser)]
#[command(
    name = "ironbark-bmc-sim",
    version,
    after_help = "Example: three BMCs, and the power of the second one\n\n  \
        ironbark-bmc-sim --count 3 --port 6230 --power-delay-ms 500\n  \
        ipmitool -I lanplus -H 127.0.0.1 -p 6231 -U admin -P password power status"
)]
struct Options {
    /// How many BMCs
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Where they listen
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// UDP port of the first one, the others have the next ones; 0 takes any that are free
    #[arg(long, default_value_t = 6230)]
    port: u16,
    /// Give each an address of its own, counting up from --bind, all with the same port
    #[arg(long)]
    one_address_each: bool,
    /// Name of the user, at most 16 bytes
    #[arg(long, default_value = "admin")]
    username: String,
    /// Password of the user, at most 20 bytes
    #[arg(long, default_value = "password")]
    password: String,
    /// Kg key, at most 20 bytes of text
    #[arg(long)]
    kg: Option<String>,
    /// Cipher suites that they offer: 17, 16, 15, 3, 2, 1, 0
    #[arg(long, value_delimiter = ',', default_value = "17,3")]
    cipher_suites: Vec<u8>,
    /// How many sessions each has room for
    #[arg(long, default_value_t = 16)]
    session_slots: usize,
    /// How long a power change takes, in milliseconds
    #[arg(long, default_value_t = 0)]
    power_delay_ms: u64,
    /// Start with the power on
    #[arg(long)]
    power_on: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let rack = Rack::start(RackConfig {
        count: options.count,
        bind: options.bind,
        port: options.port,
        one_address_each: options.one_address_each,
        users: vec![User {
            name: options.username.clone(),
            password: options.password.clone(),
            privilege: PrivilegeLevel::Administrator,
        }],
        kg: options.kg.map(String::into_bytes),
        cipher_suites: options.cipher_suites,
        session_slots: options.session_slots,
        power: options.power_on,
        ..RackConfig::default()
    })
    .await
    .context("could not start the BMCs: is the port free, and does `ulimit -n` allow so many?")?;
    for bmc in rack.bmcs() {
        if options.power_delay_ms > 0 {
            bmc.set_faults(Faults {
                power: PowerFault::Slow(Duration::from_millis(options.power_delay_ms)),
                ..Faults::default()
            });
        }
        println!(
            "ipmitool -I lanplus -H {} -p {} -U {} -P {} power status",
            bmc.address().ip(),
            bmc.address().port(),
            options.username,
            options.password,
        );
    }
    tokio::signal::ctrl_c()
        .await
        .context("could not wait for Ctrl-C")
}
