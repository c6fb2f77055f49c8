//! What goes to a BMC and what comes back, without any transport around it.

/// One IPMI command. Its outcome is a [`Response`], also when the BMC refuses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Network function of the request: even, 0 to 62 (IPMI 2.0 §5.1).
    pub netfn: u8,
    /// Logical unit of the responder, 0 to 3; nearly always 0.
    pub lun: u8,
    /// The command within its network function.
    pub command: u8,
    /// The command's data, at most [`Request::MAX_DATA`] bytes.
    pub data: Vec<u8>,
}

impl Request {
    /// Most data bytes that one request may carry; BMCs take far fewer (IPMI 2.0 §6.12: messages of up to 255 bytes).
    pub const MAX_DATA: usize = 240;

    /// The same for a controller behind the BMC: what passes it on takes its place.
    pub const MAX_BRIDGED_DATA: usize = Self::MAX_DATA - 16;

    /// A request to logical unit 0.
    pub fn new(netfn: u8, command: u8, data: impl Into<Vec<u8>>) -> Self {
        Self {
            netfn,
            lun: 0,
            command,
            data: data.into(),
        }
    }
}

/// A BMC's answer to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 0 is success; every other value is the BMC's reason (IPMI 2.0 §5.2), and a normal answer here.
    pub completion_code: u8,
    /// What follows the completion code.
    pub data: Vec<u8>,
}
