//! What an agent is told to be set to (facts §10.2).

use ironbark_model::{Node, Secret};
use serde_json::{Value, json};

use crate::ApiConfig;

/// Management implementations that know the BMC's address, so that the agent needn't ask the BMC.
const KNOW_THE_BMC: [&str; 2] = ["redfish", "idrac-redfish"];

/// Formats of images that an agent may write.
const IMAGE_FORMATS: [&str; 3] = ["raw", "qcow2", "iso"];

/// The oldest TLS that an agent serves. Which ciphers are left to it.
const TLS_MIN_VERSION: &str = "1.3";

/// The settings. The agent runs no containers but those that were put into its ramdisk. The agent's metrics are off: nothing here takes them.
pub(super) fn for_agent(config: &ApiConfig, node: &Node, token: Option<&Secret>) -> Value {
    let knows_bmc = node
        .management_interface
        .as_deref()
        .is_some_and(|name| KNOW_THE_BMC.contains(&name));
    json!({
        "heartbeat_timeout": config.ramdisk_heartbeat_timeout.as_secs(),
        "agent_token": token.map(Secret::expose),
        "agent_token_required": true,
        "agent_md5_checksum_enable": false,
        "agent_skip_bmc_detect": knows_bmc,
        "agent_containers": {
            "allow_arbitrary_containers": false,
            "allowed_containers": [],
            "container_steps_file": "/etc/ironic-python-agent.d/mysteps.yaml",
            "runner": "podman",
            "pull_options": [],
            "run_options": ["--rm", "--network=host"],
        },
        "enable_bios_bootloader_install": false,
        "tls_min_version": TLS_MIN_VERSION,
        "tls_cipher_suites": null,
        "disable_deep_image_inspection": false,
        "permitted_image_formats": IMAGE_FORMATS,
        "metrics": {
            "backend": "noop",
            "prepend_host": false,
            "prepend_uuid": false,
            "prepend_host_reverse": true,
            "global_prefix": null,
        },
        "metrics_statsd": {"statsd_host": "localhost", "statsd_port": 8125},
    })
}
