//! The `driver_info` keys that tell how to reach a Redfish service.

use crate::Property;

/// Every connection key of the `redfish_*` family, in the order in which they are worth reading.
pub const PROPERTIES: &[Property] = &[
    Property::required(
        "redfish_address",
        "URL of the Redfish service: https:// is assumed, and a path is the prefix of the service root, by default /redfish/v1. Required.",
    ),
    Property::optional(
        "redfish_system_id",
        "Path of the node's System, such as /redfish/v1/Systems/1. Default: the only one that the service has.",
    ),
    Property::optional(
        "redfish_username",
        "Name of the BMC's user. Default: none, and nobody logs in.",
    ),
    Property::secret(
        "redfish_password",
        "Password of the BMC's user. Default: empty.",
    ),
    Property::optional(
        "redfish_verify_ca",
        "Whether the BMC's certificate must be trusted: true (by the system's authorities), false (no check at all), or the absolute path of a PEM file with the authorities or of a folder of them as c_rehash makes it. Default: true.",
    ),
    Property::optional(
        "redfish_certificate_sha256",
        "SHA-256 fingerprint of the BMC's certificate, 64 hexadecimal digits with or without colons: exactly this certificate is accepted, whoever signed it, and redfish_verify_ca is not looked at. Default: none.",
    ),
    Property::optional(
        "redfish_auth_type",
        "How to log in: basic, session, or auto (session, and basic where the service has no sessions). Default: auto.",
    ),
    Property::optional(
        "redfish_tls_minimum_version",
        "Lowest TLS version: 1.2 or 1.3; 1.1 is read as 1.2, as nothing older is spoken. Default: 1.2.",
    ),
    Property::optional(
        "redfish_tls_ciphers",
        "Cipher suites for TLS 1.2 by their OpenSSL names, separated by colons, such as ECDHE-RSA-AES256-GCM-SHA384; those of TLS 1.3 are always offered. Default: all that are safe.",
    ),
];
