//! The `driver_info` keys that tell how to reach a BMC over IPMI.

use crate::Property;

/// Every connection key of the `ipmi_*` family, in the order in which they are worth reading.
pub const PROPERTIES: &[Property] = &[
    Property::required(
        "ipmi_address",
        "IP address or host name of the BMC. Required.",
    ),
    Property::optional(
        "ipmi_username",
        "Name of the BMC's user. Default: the null user.",
    ),
    Property::secret(
        "ipmi_password",
        "Password of the BMC's user, at most 20 bytes. Default: empty.",
    ),
    Property::optional(
        "ipmi_port",
        "UDP port of the BMC, 1 to 65535. Default: 623.",
    ),
    Property::optional(
        "ipmi_priv_level",
        "Privilege level of the session: ADMINISTRATOR, OPERATOR, USER or CALLBACK. Default: ADMINISTRATOR.",
    ),
    Property::optional(
        "ipmi_protocol_version",
        "Version of the IPMI protocol: 2.0, or 1.5 if the service allows it ([bmc] allow_ipmi_1_5), which encrypts nothing. Default: 2.0.",
    ),
    Property::optional(
        "ipmi_cipher_suite",
        "Cipher suite number: 17, 16, 15, 3, 2, 1 or 0. Default: 17 if the BMC has it, else 3; weaker ones only if set here.",
    ),
    Property::secret(
        "ipmi_hex_kg_key",
        "Kg key of the BMC in hexadecimal: an even number of digits, at most 40. Default: none.",
    ),
    Property::optional(
        "ipmi_bridging",
        "Whether all commands are passed on to a controller behind the BMC: no, single, or dual (by another controller in between). Default: no.",
    ),
    Property::optional(
        "ipmi_local_address",
        "Address as which commands are passed on, such as 0x20. Used with bridging. Default: 0x20, the BMC's.",
    ),
    Property::optional(
        "ipmi_transit_channel",
        "Channel of the controller in between, 0 to 15. Required with dual bridging.",
    ),
    Property::optional(
        "ipmi_transit_address",
        "Slave address of the controller in between, such as 0x82. Required with dual bridging.",
    ),
    Property::optional(
        "ipmi_target_channel",
        "Channel of the node's controller, 0 to 15. Required with bridging.",
    ),
    Property::optional(
        "ipmi_target_address",
        "Slave address of the node's controller, such as 0x72. Required with bridging.",
    ),
    Property::optional(
        "ipmi_terminal_port",
        "A port, 1 to 65535, as Ironic knows it for consoles. Not used: the API serves the console.",
    ),
    Property::optional(
        "ipmi_force_boot_device",
        "Whether to set the boot device again before each power on: true or false. Default: false.",
    ),
    Property::optional(
        "ipmi_disable_boot_timeout",
        "Whether to tell the BMC not to forget a boot device after 60 seconds: true or false. Default: true.",
    ),
    Property::optional(
        "ipmi_warm_session",
        "Whether the session may stay open between commands: true or false. Default: true. \
         Turn it off for BMCs with few session slots.",
    ),
];
