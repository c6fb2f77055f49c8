//! From settings to what each room wants to know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use ironbark_api::{ApiConfig, Auth, DisallowedSteps, Htpasswd};
use ironbark_bmc::{AllowedNetworks, Property, ipmi, redfish, ssh};
use ironbark_conductor::{AutomatedCleaning, CleaningSteps, Config, SignaturePolicy};
use ironbark_db::DatabaseConfig;
use ironbark_drivers::{Drivers, DriversConfig, QuarantineConfig, TimeZone};
use ironbark_model::InterfaceKind;
use ironbark_sandbox::{Engine, EngineConfig};

use super::limits;
use crate::config::{
    At, AuthStrategy, ConductorSettings, DriverSettings, Settings, Signatures, StepSource,
};

/// Where the database is.
pub(crate) fn database(settings: &Settings, data: &Path) -> DatabaseConfig {
    match &settings.database.url {
        Some(url) => DatabaseConfig::from_url(url),
        None => DatabaseConfig::sqlite(data.join("ironbark.sqlite")),
    }
}

/// How BMCs are spoken to over IPMI.
pub(crate) fn ipmi(settings: &Settings) -> Result<ipmi::ClientConfig> {
    let bmc = &settings.bmc;
    Ok(ipmi::ClientConfig {
        allowed_networks: allowed_networks(settings)?,
        pacing: bmc.min_command_interval.0,
        warm_sessions: bmc.warm_sessions,
        allow_v1_5: bmc.allow_ipmi_1_5,
        idle_timeout: bmc.session_idle_timeout.0,
        ..ipmi::ClientConfig::default()
    })
}

/// How BMCs are spoken to over Redfish.
pub(crate) fn redfish(settings: &Settings) -> Result<redfish::ClientConfig> {
    let bmc = &settings.bmc;
    Ok(redfish::ClientConfig {
        allowed_networks: allowed_networks(settings)?,
        pacing: bmc.min_command_interval.0,
        idle_timeout: bmc.session_idle_timeout.0,
        ..redfish::ClientConfig::default()
    })
}

/// The networks that BMCs and hypervisors may be in.
pub(super) fn allowed_networks(settings: &Settings) -> Result<AllowedNetworks> {
    AllowedNetworks::parse(&settings.bmc.allowed_networks)
        .context(At::of(["bmc", "allowed_networks"]))
}

/// The API's settings.
pub(crate) fn api(settings: &Settings) -> Result<ApiConfig> {
    let api = &settings.api;
    let auth = match (api.auth_strategy, &api.htpasswd_file) {
        (AuthStrategy::HttpBasic, Some(file)) => {
            Auth::HttpBasic(Htpasswd::read(file).context(At::of(["api", "htpasswd_file"]))?)
        }
        (AuthStrategy::HttpBasic, None) => {
            anyhow::bail!("[api] auth_strategy = \"http_basic\" needs [api] htpasswd_file")
        }
        (AuthStrategy::Noauth, _) => Auth::NoAuth,
    };
    Ok(ApiConfig {
        auth,
        public_endpoint: api.public_endpoint.clone(),
        max_limit: api.max_limit,
        enable_proxy_headers: api.behind_proxy,
        tls: api.tls_cert.is_some(),
        default_conductor_group: default_conductor_group(settings),
        ramdisk_endpoints: api.enable_ramdisk_endpoints,
        ramdisk_heartbeat_timeout: api.ramdisk_heartbeat_timeout.0,
        disallowed_steps: disallowed_steps(settings),
        ..ApiConfig::default()
    })
}

fn disallowed_steps(settings: &Settings) -> DisallowedSteps {
    let api = &settings.api;
    let base = DisallowedSteps::default();
    let said = |steps: &Option<Vec<String>>, base| steps.clone().unwrap_or(base);
    DisallowedSteps {
        clean: said(&api.disallow_clean_steps, base.clean),
        deploy: said(&api.disallow_deploy_steps, base.deploy),
        service: said(&api.disallow_service_steps, base.service),
    }
}

/// The sandbox, and an empty registry in front of it. Must be called inside the I/O runtime.
pub(crate) fn drivers(settings: &Settings, data: &Path) -> Result<Drivers> {
    let set = &settings.drivers;
    let base = EngineConfig::default();
    let limits = limits::of_all(set, &base.limits)?;
    let limits_of = set
        .limits
        .iter()
        .map(|(name, own)| Ok((name.clone(), limits::of_package(name, own, &limits)?)))
        .collect::<Result<_>>()?;
    let engine = Engine::new(
        EngineConfig {
            max_live_calls: set.live_calls.unwrap_or(base.max_live_calls),
            cache_folder: Some(data.join("cache")),
            limits,
            limits_of,
            ..base
        },
        tokio::runtime::Handle::current(),
    )
    .context("the sandbox can't be started")?;
    let described = |properties: &[Property]| {
        properties
            .iter()
            .map(|property| (property.name.to_owned(), property.description.to_owned()))
            .collect()
    };
    let connection_properties = BTreeMap::from([
        ("ipmi".to_owned(), described(ipmi::PROPERTIES)),
        ("redfish".to_owned(), described(redfish::PROPERTIES)),
        ("ssh".to_owned(), described(ssh::PROPERTIES)),
    ]);
    Ok(Drivers::new(
        engine,
        DriversConfig {
            enabled_hardware_types: set.enabled_hardware_types.clone(),
            default_interfaces: default_interfaces(&set.default_interfaces)?,
            vif_recorder: set.vif_recorder,
            connection_properties,
            quarantine: quarantine(set),
            time_zone: set.time_zone.map_or(TimeZone::UTC, |zone| zone.0),
            ..DriversConfig::default()
        },
    ))
}

fn quarantine(set: &DriverSettings) -> QuarantineConfig {
    let base = QuarantineConfig::default();
    QuarantineConfig {
        faults: set.quarantine_faults.unwrap_or(base.faults),
        window: set
            .quarantine_window
            .map_or(base.window, |seconds| seconds.0),
    }
}

/// How a conductor works.
pub(crate) fn conductor(settings: &Settings, data: &Path) -> Result<Config> {
    let set = &settings.conductor;
    let base = Config::default();
    let seconds = |value: Option<crate::config::Seconds>, default: Duration| {
        value.map_or(default, |value| value.0)
    };
    Ok(Config {
        host: match &set.host {
            Some(host) => host.clone(),
            None => host_name()?,
        },
        conductor_group: set
            .conductor_group
            .clone()
            .unwrap_or(base.conductor_group)
            .to_lowercase(),
        heartbeat_interval: seconds(set.heartbeat_interval, base.heartbeat_interval),
        workers: set.workers_pool_size.unwrap_or(base.workers),
        node_locked_retry_attempts: set
            .node_locked_retry_attempts
            .unwrap_or(base.node_locked_retry_attempts),
        node_locked_retry_interval: seconds(
            set.node_locked_retry_interval,
            base.node_locked_retry_interval,
        ),
        power_state_change_timeout: seconds(
            set.power_state_change_timeout,
            base.power_state_change_timeout,
        ),
        soft_power_off_timeout: seconds(set.soft_power_off_timeout, base.soft_power_off_timeout),
        driver_call_timeout: seconds(settings.drivers.call_timeout, base.driver_call_timeout),
        sync_power_state_interval: seconds(
            set.sync_power_state_interval,
            base.sync_power_state_interval,
        ),
        sync_power_state_workers: set
            .sync_power_state_workers
            .unwrap_or(base.sync_power_state_workers),
        power_state_sync_max_retries: set
            .power_state_sync_max_retries
            .unwrap_or(base.power_state_sync_max_retries),
        force_power_state_during_sync: set
            .force_power_state_during_sync
            .unwrap_or(base.force_power_state_during_sync),
        power_failure_recovery_interval: seconds(
            set.power_failure_recovery_interval,
            base.power_failure_recovery_interval,
        ),
        check_provision_state_interval: seconds(
            set.check_provision_state_interval,
            base.check_provision_state_interval,
        ),
        deploy_callback_timeout: seconds(set.deploy_callback_timeout, base.deploy_callback_timeout),
        clean_callback_timeout: seconds(set.clean_callback_timeout, base.clean_callback_timeout),
        inspect_wait_timeout: seconds(set.inspect_wait_timeout, base.inspect_wait_timeout),
        rescue_callback_timeout: seconds(set.rescue_callback_timeout, base.rescue_callback_timeout),
        service_callback_timeout: seconds(
            set.service_callback_timeout,
            base.service_callback_timeout,
        ),
        sync_local_state_interval: seconds(
            set.sync_local_state_interval,
            base.sync_local_state_interval,
        ),
        resume_max_age: seconds(set.resume_max_age, base.resume_max_age),
        max_resumes: set.max_resumes.unwrap_or(base.max_resumes),
        automated_clean: set.automated_clean.unwrap_or(base.automated_clean),
        automated_cleaning: automated_cleaning(set),
        max_concurrent_deploy: set
            .max_concurrent_deploy
            .unwrap_or(base.max_concurrent_deploy),
        max_concurrent_clean: set
            .max_concurrent_clean
            .unwrap_or(base.max_concurrent_clean),
        allow_deleting_available_nodes: set
            .allow_deleting_available_nodes
            .unwrap_or(base.allow_deleting_available_nodes),
        allow_provisioning_in_maintenance: set
            .allow_provisioning_in_maintenance
            .unwrap_or(base.allow_provisioning_in_maintenance),
        default_resource_class: set
            .default_resource_class
            .clone()
            .or(base.default_resource_class),
        default_conductor_group: default_conductor_group(settings),
        node_history_max_entries: set
            .node_history_max_entries
            .unwrap_or(base.node_history_max_entries),
        console_token_lifetime: seconds(set.console_token_lifetime, base.console_token_lifetime),
        console_idle_timeout: seconds(set.console_idle_timeout, base.console_idle_timeout),
        console_session_limit: seconds(set.console_session_limit, base.console_session_limit),
        agent_require_tls: settings.agent.require_tls.unwrap_or(base.agent_require_tls),
        audit_max_age: seconds(settings.audit.max_age, base.audit_max_age),
        audit_max_rows: settings.audit.max_rows.unwrap_or(base.audit_max_rows),
        bundled_folder: settings.drivers.bundled.clone().or_else(bundled_folder),
        drivers_folder: Some(
            settings
                .drivers
                .folder
                .clone()
                .unwrap_or_else(|| data.join("drivers.d")),
        ),
        drain_timeout: seconds(settings.drivers.drain_timeout, base.drain_timeout),
        packages_interval: seconds(settings.drivers.reconcile_interval, base.packages_interval),
        usage_interval: base.usage_interval,
        signatures: match settings.drivers.signatures {
            Some(Signatures::Require) => SignaturePolicy::Require,
            Some(Signatures::Warn) => SignaturePolicy::Warn,
            None => base.signatures,
        },
        canary_min_calls: settings
            .drivers
            .canary_min_calls
            .unwrap_or(base.canary_min_calls),
        canary_max_fault_rate: settings
            .drivers
            .canary_max_fault_rate
            .unwrap_or(base.canary_max_fault_rate),
        graceful_shutdown_timeout: seconds(
            set.graceful_shutdown_timeout,
            base.graceful_shutdown_timeout,
        ),
        drain_shutdown_timeout: seconds(set.drain_shutdown_timeout, base.drain_shutdown_timeout),
        fence_after: base.fence_after,
    })
}

fn automated_cleaning(set: &ConductorSettings) -> AutomatedCleaning {
    let base = AutomatedCleaning::default();
    AutomatedCleaning {
        steps: match set.automated_cleaning_step_source {
            None => base.steps,
            Some(StepSource::Autogenerated) => CleaningSteps::Autogenerated,
            Some(StepSource::Runbook) => CleaningSteps::Runbook,
            Some(StepSource::Hybrid) => CleaningSteps::Hybrid,
        },
        runbook: set.automated_cleaning_runbook.clone(),
        runbook_by_resource_class: set.automated_cleaning_runbook_by_resource_class.clone(),
        runbook_from_node: set.automated_cleaning_runbook_from_node,
        validate_traits: set
            .automated_cleaning_runbook_validate_traits
            .unwrap_or(base.validate_traits),
    }
}

/// API and conductor must agree on it: the one asks whom it names, the other stores it.
fn default_conductor_group(settings: &Settings) -> String {
    let set = settings.conductor.default_conductor_group.as_deref();
    set.unwrap_or_default().to_lowercase()
}

/// The table `[drivers] default_interfaces`.
pub(crate) fn default_interfaces(
    table: &BTreeMap<String, String>,
) -> Result<BTreeMap<InterfaceKind, String>> {
    table
        .iter()
        .map(|(kind, name)| {
            let known = kind
                .parse()
                .map_err(|_| anyhow::anyhow!("{kind:?} is not an interface"))
                .context(At::of(["drivers", "default_interfaces", kind]))?;
            Ok((known, name.clone()))
        })
        .collect()
}

/// Where the packages that ship are: beside the program, as an installation or a build leaves them.
fn bundled_folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let beside = program.parent()?;
    [
        beside.join("drivers"),
        beside.join("../lib/ironbark/drivers"),
        beside.join("../drivers"),
    ]
    .into_iter()
    .find(|folder| folder.is_dir())
}

/// This machine's name: what reservations show.
fn host_name() -> Result<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .context("this machine's name can't be read; set [conductor] host")?;
    let name = name.trim();
    anyhow::ensure!(
        !name.is_empty(),
        "this machine has no name; set [conductor] host"
    );
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn api_and_conductor_agree_about_the_default_group() {
        let mut settings = Settings::default();
        settings.conductor.default_conductor_group = Some("Rack-1".to_owned());
        let asked = api(&settings).unwrap();
        let stores = conductor(&settings, Path::new("data")).unwrap();
        assert_eq!(asked.default_conductor_group, "rack-1");
        assert_eq!(stores.default_conductor_group, "rack-1");
    }
}
