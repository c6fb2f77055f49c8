//! What an operator can set about a conductor. Defaults are Ironic's where it has them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A conductor's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host name: what `reservation` shows and the ring hashes.
    pub host: String,
    /// Conductor group, in lower case; empty is the default group.
    pub conductor_group: String,
    /// How often the registration is renewed.
    pub heartbeat_interval: Duration,
    /// Without a renewal for this long no further BMC command is sent (must be less than the 60 s after which others take over).
    pub fence_after: Duration,
    /// Units of work under way at once; one more is refused with 503.
    pub workers: usize,
    /// How often a locked node is tried, and how long between two tries.
    pub node_locked_retry_attempts: u32,
    /// See [`Config::node_locked_retry_attempts`].
    pub node_locked_retry_interval: Duration,
    /// How long a hard power change may take.
    pub power_state_change_timeout: Duration,
    /// How long a soft power change may take.
    pub soft_power_off_timeout: Duration,
    /// How long one driver call may take (at most 300 s).
    pub driver_call_timeout: Duration,
    /// Power sync: how often; zero switches it off.
    pub sync_power_state_interval: Duration,
    /// Power sync: how many nodes at once.
    pub sync_power_state_workers: usize,
    /// Power sync: failures in a row before the node goes into maintenance.
    pub power_state_sync_max_retries: u32,
    /// Power sync corrects the machine (true) or the database (false).
    pub force_power_state_during_sync: bool,
    /// How often nodes with the fault `power failure` are tried again; zero switches it off.
    pub power_failure_recovery_interval: Duration,
    /// How often wait states are checked for time-outs.
    pub check_provision_state_interval: Duration,
    /// How long `wait call-back` may last; zero: for ever.
    pub deploy_callback_timeout: Duration,
    /// How long `clean wait` may last; zero: for ever.
    pub clean_callback_timeout: Duration,
    /// How long `inspect wait` may last; zero: for ever.
    pub inspect_wait_timeout: Duration,
    /// How long `rescue wait` may last; zero: for ever.
    pub rescue_callback_timeout: Duration,
    /// How long `service wait` may last; zero: for ever.
    pub service_callback_timeout: Duration,
    /// How often it looks for nodes of conductors that died, and for active nodes to take over.
    pub sync_local_state_interval: Duration,
    /// Work whose journal was last written longer ago is failed and not carried on.
    pub resume_max_age: Duration,
    /// How often one operation is carried on after interruptions.
    pub max_resumes: u32,
    /// Clean on the way to `available` unless the node says otherwise.
    pub automated_clean: bool,
    /// What automated cleaning does.
    pub automated_cleaning: AutomatedCleaning,
    /// Nodes that deploy at once, in the whole cluster; one more is refused with 503.
    pub max_concurrent_deploy: u32,
    /// Nodes that clean or are torn down at once; one more is refused with 503.
    pub max_concurrent_clean: u32,
    /// Nodes in `available` may be deleted.
    pub allow_deleting_available_nodes: bool,
    /// `provide` is allowed in maintenance.
    pub allow_provisioning_in_maintenance: bool,
    /// `resource_class` of nodes that are created without one.
    pub default_resource_class: Option<String>,
    /// `conductor_group` of nodes that are created without one.
    pub default_conductor_group: String,
    /// How long the address of a console that is a stream opens it, after it was told.
    pub console_token_lifetime: Duration,
    /// A console through which nothing was typed or written for so long is closed.
    pub console_idle_timeout: Duration,
    /// Longest that somebody may look at a console in one go.
    pub console_session_limit: Duration,
    /// Agents must take commands with TLS.
    pub agent_require_tls: bool,
    /// Records that a node's history keeps.
    pub node_history_max_entries: u32,
    /// Rows of the audit that are older are deleted.
    pub audit_max_age: Duration,
    /// Rows that this conductor's part of the audit keeps.
    pub audit_max_rows: u64,
    /// Folder of the packages that ship with Ironbark: installed at start, unless the same name is already there from elsewhere.
    pub bundled_folder: Option<PathBuf>,
    /// Folder that is watched for driver packages.
    pub drivers_folder: Option<PathBuf>,
    /// What becomes of packages without a trusted signature.
    pub signatures: SignaturePolicy,
    /// A canary is judged after so many calls on this conductor.
    pub canary_min_calls: u64,
    /// The share of a canary's calls that may break before it is quarantined, from 0 to 1.
    pub canary_max_fault_rate: f64,
    /// How long steps that wait keep a version that isn't in use any more; then they go on with the one that is, or fail. Zero:
    /// for ever.
    pub drain_timeout: Duration,
    /// How often that folder, and the database's list of packages, are looked at.
    pub packages_interval: Duration,
    /// How often what packages used is added to the database, if there is something.
    pub usage_interval: Duration,
    /// How long a stop (SIGTERM) waits for work under way before it leaves it resumable.
    pub graceful_shutdown_timeout: Duration,
    /// How long a drain (SIGUSR2) waits.
    pub drain_shutdown_timeout: Duration,
}

/// What becomes of packages without a trusted signature. What ships with Ironbark needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignaturePolicy {
    /// They are refused.
    Require,
    /// They are accepted, and reported.
    Warn,
}

/// What automated cleaning does.
#[derive(Clone, Debug)]
pub struct AutomatedCleaning {
    /// Where its steps come from.
    pub steps: CleaningSteps,
    /// Name or UUID of the runbook for nodes for which nothing else is said.
    pub runbook: Option<String>,
    /// The same by resource class; it comes before [`AutomatedCleaning::runbook`].
    pub runbook_by_resource_class: BTreeMap<String, String>,
    /// `driver_info.cleaning_runbook` of a node comes before both. Whoever may change `driver_info` decides then how the node is
    /// cleaned.
    pub runbook_from_node: bool,
    /// The node must have one of the runbook's traits.
    pub validate_traits: bool,
}

/// Where the steps of automated cleaning come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CleaningSteps {
    /// From the drivers: what has a priority.
    #[default]
    Autogenerated,
    /// From a runbook; cleaning fails without one.
    Runbook,
    /// From a runbook if one is named for the node, else from the drivers.
    Hybrid,
}

impl Default for AutomatedCleaning {
    fn default() -> Self {
        Self {
            steps: CleaningSteps::default(),
            runbook: None,
            runbook_by_resource_class: BTreeMap::new(),
            runbook_from_node: false,
            validate_traits: true,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            conductor_group: String::new(),
            heartbeat_interval: Duration::from_secs(10),
            fence_after: Duration::from_secs(40),
            workers: 300,
            node_locked_retry_attempts: 3,
            node_locked_retry_interval: Duration::from_secs(1),
            power_state_change_timeout: Duration::from_secs(60),
            soft_power_off_timeout: Duration::from_secs(600),
            driver_call_timeout: Duration::from_secs(60),
            sync_power_state_interval: Duration::from_secs(120),
            sync_power_state_workers: 64,
            power_state_sync_max_retries: 3,
            force_power_state_during_sync: true,
            power_failure_recovery_interval: Duration::from_secs(300),
            check_provision_state_interval: Duration::from_secs(60),
            deploy_callback_timeout: Duration::from_secs(1800),
            clean_callback_timeout: Duration::from_secs(1800),
            inspect_wait_timeout: Duration::from_secs(1800),
            rescue_callback_timeout: Duration::from_secs(1800),
            service_callback_timeout: Duration::from_secs(1800),
            sync_local_state_interval: Duration::from_secs(60),
            resume_max_age: Duration::from_secs(1800),
            max_resumes: 3,
            automated_clean: true,
            automated_cleaning: AutomatedCleaning::default(),
            max_concurrent_deploy: 250,
            max_concurrent_clean: 50,
            allow_deleting_available_nodes: true,
            allow_provisioning_in_maintenance: true,
            default_resource_class: None,
            default_conductor_group: String::new(),
            console_token_lifetime: Duration::from_secs(600),
            console_idle_timeout: Duration::from_secs(1800),
            console_session_limit: Duration::from_secs(12 * 3600),
            agent_require_tls: true,
            node_history_max_entries: 300,
            audit_max_age: Duration::from_secs(90 * 24 * 3600),
            audit_max_rows: 5_000_000,
            bundled_folder: None,
            drivers_folder: None,
            signatures: SignaturePolicy::Warn,
            canary_min_calls: 20,
            canary_max_fault_rate: 0.05,
            drain_timeout: Duration::from_secs(24 * 3600),
            packages_interval: Duration::from_secs(2),
            usage_interval: Duration::from_secs(10),
            graceful_shutdown_timeout: Duration::from_secs(60),
            drain_shutdown_timeout: Duration::from_secs(1800),
        }
    }
}
