//! Every key that there is, with its default.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::cli::LogFormat;

/// The whole configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) api: Api,
    pub(crate) database: DatabaseSettings,
    pub(crate) conductor: ConductorSettings,
    pub(crate) drivers: DriverSettings,
    pub(crate) bmc: Bmc,
    pub(crate) agent: AgentSettings,
    pub(crate) ssh: SshSettings,
    pub(crate) audit: AuditSettings,
    pub(crate) log: Log,
}

/// `[api]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Api {
    pub(crate) listen: SocketAddr,
    pub(crate) public_endpoint: Option<String>,
    pub(crate) max_limit: u32,
    pub(crate) auth_strategy: AuthStrategy,
    pub(crate) htpasswd_file: Option<PathBuf>,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) behind_proxy: bool,
    pub(crate) rpc_timeout: Seconds,
    pub(crate) enable_ramdisk_endpoints: bool,
    pub(crate) ramdisk_heartbeat_timeout: Seconds,
}

/// Who may use the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuthStrategy {
    /// Everybody who reaches it: loopback only.
    Noauth,
    /// Users of the htpasswd file.
    HttpBasic,
}

/// `[database]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatabaseSettings {
    pub(crate) url: Option<String>,
}

/// `[conductor]`: durations are seconds, fractions allowed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConductorSettings {
    pub(crate) host: Option<String>,
    pub(crate) conductor_group: Option<String>,
    pub(crate) workers_pool_size: Option<usize>,
    pub(crate) heartbeat_interval: Option<Seconds>,
    pub(crate) node_locked_retry_attempts: Option<u32>,
    pub(crate) node_locked_retry_interval: Option<Seconds>,
    pub(crate) power_state_change_timeout: Option<Seconds>,
    pub(crate) soft_power_off_timeout: Option<Seconds>,
    pub(crate) sync_power_state_interval: Option<Seconds>,
    pub(crate) sync_power_state_workers: Option<usize>,
    pub(crate) power_state_sync_max_retries: Option<u32>,
    pub(crate) force_power_state_during_sync: Option<bool>,
    pub(crate) power_failure_recovery_interval: Option<Seconds>,
    pub(crate) check_provision_state_interval: Option<Seconds>,
    pub(crate) deploy_callback_timeout: Option<Seconds>,
    pub(crate) clean_callback_timeout: Option<Seconds>,
    pub(crate) inspect_wait_timeout: Option<Seconds>,
    pub(crate) rescue_callback_timeout: Option<Seconds>,
    pub(crate) service_callback_timeout: Option<Seconds>,
    pub(crate) sync_local_state_interval: Option<Seconds>,
    pub(crate) resume_max_age: Option<Seconds>,
    pub(crate) max_resumes: Option<u32>,
    pub(crate) automated_clean: Option<bool>,
    pub(crate) max_concurrent_deploy: Option<u32>,
    pub(crate) max_concurrent_clean: Option<u32>,
    pub(crate) allow_deleting_available_nodes: Option<bool>,
    pub(crate) allow_provisioning_in_maintenance: Option<bool>,
    pub(crate) default_resource_class: Option<String>,
    pub(crate) default_conductor_group: Option<String>,
    pub(crate) node_history_max_entries: Option<u32>,
    pub(crate) graceful_shutdown_timeout: Option<Seconds>,
    pub(crate) drain_shutdown_timeout: Option<Seconds>,
}

/// `[drivers]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DriverSettings {
    pub(crate) bundled: Option<PathBuf>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) enabled_hardware_types: Option<Vec<String>>,
    pub(crate) default_interfaces: BTreeMap<String, String>,
    pub(crate) vif_recorder: bool,
    pub(crate) call_timeout: Option<Seconds>,
    pub(crate) call_cpu_limit: Option<Seconds>,
    pub(crate) memory_limit_mib: Option<u32>,
    pub(crate) live_calls: Option<u32>,
    pub(crate) live_calls_per_package: Option<NonZeroUsize>,
    pub(crate) host_calls: Option<u32>,
    pub(crate) host_calls_per_second: Option<u32>,
    pub(crate) transfer_limit_kib: Option<u32>,
    pub(crate) log_lines_per_second: Option<u32>,
    /// By name of the package.
    pub(crate) limits: BTreeMap<String, PackageLimits>,
    pub(crate) time_zone: Option<TimeZone>,
    pub(crate) reconcile_interval: Option<Seconds>,
    pub(crate) signatures: Option<Signatures>,
    pub(crate) quarantine_faults: Option<u32>,
    pub(crate) quarantine_window: Option<Seconds>,
    pub(crate) drain_timeout: Option<Seconds>,
    pub(crate) canary_min_calls: Option<u64>,
    pub(crate) canary_max_fault_rate: Option<f64>,
}

/// `[drivers.limits.NAME]`: what this package may use, where it differs from what all may.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PackageLimits {
    pub(crate) call_timeout: Option<Seconds>,
    pub(crate) call_cpu_limit: Option<Seconds>,
    pub(crate) memory_limit_mib: Option<u32>,
    pub(crate) live_calls: Option<NonZeroUsize>,
    pub(crate) host_calls: Option<u32>,
    pub(crate) host_calls_per_second: Option<u32>,
    pub(crate) transfer_limit_kib: Option<u32>,
    pub(crate) log_lines_per_second: Option<u32>,
}

/// A time zone by its IANA name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeZone(pub(crate) ironbark_drivers::TimeZone);

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(Self).map_err(|_| {
            serde::de::Error::custom(format!(
                "{name:?} is no time zone: give its IANA name, such as Europe/Berlin or UTC"
            ))
        })
    }
}

/// What becomes of packages without a trusted signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Signatures {
    /// They are refused.
    Require,
    /// They are accepted, and reported.
    Warn,
}

/// `[bmc]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Bmc {
    /// CIDRs in which BMCs may be. Link-local and cloud-metadata addresses never are.
    pub(crate) allowed_networks: Vec<String>,
    pub(crate) min_command_interval: Seconds,
    pub(crate) warm_sessions: bool,
    /// Whether IPMI 1.5, which encrypts nothing, is spoken with nodes that want it.
    pub(crate) allow_ipmi_1_5: bool,
    pub(crate) session_idle_timeout: Seconds,
}

/// `[agent]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AgentSettings {
    pub(crate) require_tls: Option<bool>,
}

/// `[ssh]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SshSettings {
    /// Host keys of hypervisors, as OpenSSH keeps them, for nodes without `ssh_host_key`.
    pub(crate) known_hosts: Option<PathBuf>,
    /// By set (`ssh_virt_type`) and name: a program and its arguments, with `{domain}` for the node's machine.
    pub(crate) templates: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// `[audit]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditSettings {
    pub(crate) max_age: Option<Seconds>,
    pub(crate) max_rows: Option<u64>,
}

/// `[log]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,ironbark_bmc=debug`.
    pub(crate) level: String,
}

/// A duration that is written as a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seconds(pub(crate) Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number of seconds, 0 or more")]
        enum Number {
            Whole(u32),
            Part(f64),
        }
        match Number::deserialize(deserializer)? {
            Number::Whole(seconds) => Ok(Self(Duration::from_secs(u64::from(seconds)))),
            Number::Part(seconds) => Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| {
                serde::de::Error::custom("a number of seconds, 0 or more, is expected")
            }),
        }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 6385)),
            public_endpoint: None,
            max_limit: 1000,
            auth_strategy: AuthStrategy::Noauth,
            htpasswd_file: None,
            tls_cert: None,
            tls_key: None,
            behind_proxy: false,
            rpc_timeout: Seconds(Duration::from_secs(60)),
            enable_ramdisk_endpoints: true,
            ramdisk_heartbeat_timeout: Seconds(Duration::from_secs(300)),
        }
    }
}

impl Default for Bmc {
    fn default() -> Self {
        Self {
            allowed_networks: vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
            min_command_interval: Seconds(Duration::ZERO),
            warm_sessions: true,
            allow_ipmi_1_5: false,
            session_idle_timeout: Seconds(Duration::from_secs(60)),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}
