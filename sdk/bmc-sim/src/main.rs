//! A rack of simulated BMCs to try things on.

use std::{net::IpAddr, time::Duration};

use anyhow::Context;
use clap::Parser;
use ironbark_bmc_sim::{
    Faults, PowerFault, PrivilegeLevel, Rack, RackConfig, User,
    redfish::{self, Service, ServiceConfig},
};

/// Simulated BMCs that speak IPMI 2.0 over LAN, or Redfish.
///
/// Runs until Ctrl-C, and prints a line for each BMC.
#[derive(Debug, Parser)]
#[command(
    name = "ironbark-bmc-sim",
    version,
    after_help = "Examples: three BMCs, and the power of the second one; a Redfish service with two systems\n\n  \
        ironbark-bmc-sim --count 3 --port 6230 --power-delay-ms 500\n  \
        ipmitool -I lanplus -H 127.0.0.1 -p 6231 -U admin -P password power status\n\n  \
        ironbark-bmc-sim --redfish --tls --systems 2 --port 8443\n  \
        curl -k -u admin:password https://127.0.0.1:8443/redfish/v1/Systems/2"
)]
struct Options {
    /// How many BMCs
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Where they listen
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// UDP (with --redfish: TCP) port of the first one, the others have the next ones; 0 takes any that are free
    #[arg(long, default_value_t = 6230)]
    port: u16,
    /// Speak Redfish in place of IPMI; only --count, --bind, --port, user, password and power are for both
    #[arg(long)]
    redfish: bool,
    /// Speak Redfish through TLS, with a certificate made at the start
    #[arg(long, requires = "redfish")]
    tls: bool,
    /// How many systems each Redfish service holds
    #[arg(long, requires = "redfish", default_value_t = 1)]
    systems: usize,
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
    if options.redfish {
        return serve_redfish(&options).await;
    }
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

async fn serve_redfish(options: &Options) -> anyhow::Result<()> {
    let mut services = Vec::with_capacity(options.count);
    for index in 0..options.count {
        let port = match options.port {
            0 => 0,
            first => u16::try_from(index)
                .ok()
                .and_then(|index| first.checked_add(index))
                .context("there are more services than ports")?,
        };
        let service = Service::start(ServiceConfig {
            bind: options.bind,
            port,
            tls: options.tls,
            username: options.username.clone(),
            password: options.password.clone(),
            systems: options.systems,
            power: options.power_on,
            ..ServiceConfig::default()
        })
        .await
        .context("could not start the services: is the port free?")?;
        if options.power_delay_ms > 0 {
            service.set_faults(redfish::Faults {
                power: PowerFault::Slow(Duration::from_millis(options.power_delay_ms)),
                ..redfish::Faults::default()
            });
        }
        println!(
            "curl {}-u {}:{} {}/redfish/v1/Systems/1",
            if options.tls { "-k " } else { "" },
            options.username,
            options.password,
            service.url(),
        );
        services.push(service);
    }
    tokio::signal::ctrl_c()
        .await
        .context("could not wait for Ctrl-C")
}
