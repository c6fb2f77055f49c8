//! The `driver_info` keys that tell how to reach a machine on a hypervisor.

use crate::Property;

/// Every connection key of the `ssh_*` family, in the order in which they are worth reading.
pub const PROPERTIES: &[Property] = &[
    Property::required(
        "ssh_address",
        "Address or name of the hypervisor. Required.",
    ),
    Property::required(
        "ssh_domain",
        "Name or UUID of the node's machine on the hypervisor. Required.",
    ),
    Property::optional(
        "ssh_host_key",
        "Host key that the hypervisor must show: its fingerprint as ssh-keygen -l shows it (SHA256:…), or the line that ssh-keyscan shows. Several are separated by line breaks or commas. Required, unless the service has a file of host keys with the hypervisor's.",
    ),
    Property::required("ssh_username", "User to log in as. Required."),
    Property::secret(
        "ssh_key_contents",
        "Private key to log in with, Ed25519 or ECDSA, as ssh-keygen writes it. This or ssh_password is required, not both.",
    ),
    Property::secret(
        "ssh_key_passphrase",
        "Passphrase of the private key, if it is encrypted.",
    ),
    Property::secret("ssh_password", "Password to log in with."),
    Property::optional("ssh_port", "TCP port of the hypervisor. Default: 22."),
    Property::optional(
        "ssh_virt_type",
        "Which of the operator's sets of commands the hypervisor understands. Default: virsh, for libvirt.",
    ),
];
