//! The messages that open a session (IPMI 2.0 §13.17 to §13.24).

use super::{
    DecodeError,
    reader::Reader,
    suite::{Authentication, CipherSuite, Confidentiality, Integrity},
};

/// Status of a set-up message: all is well (IPMI 2.0 table 13-15, as are the others).
pub const STATUS_OK: u8 = 0x00;
/// No free session.
pub const STATUS_NO_RESOURCES: u8 = 0x01;
/// The session id is unknown.
pub const STATUS_INVALID_SESSION: u8 = 0x02;
/// The session id belongs to a session that is no longer being set up.
pub const STATUS_INACTIVE_SESSION: u8 = 0x08;
/// The proof was wrong.
pub const STATUS_INVALID_INTEGRITY: u8 = 0x0f;

/// RMCP+ Open Session Request.
pub fn encode_open_session(tag: u8, privilege: u8, console_id: u32, suite: CipherSuite) -> Vec<u8> {
    let mut message = vec![tag, privilege, 0, 0];
    message.extend(console_id.to_le_bytes());
    for (kind, algorithm) in [
        (0, suite.authentication.number()),
        (1, suite.integrity.number()),
        (2, suite.confidentiality.number()),
    ] {
        message.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
    }
    message
}

/// What the BMC's three set-up messages begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Echoes the tag of our message.
    pub tag: u8,
    /// One of the `STATUS_…` constants.
    pub status: u8,
    /// Our id of the session. A refusal may come without (`ipmi_sim` sends two bytes), or with 0.
    pub console_id: Option<u32>,
}

impl Head {
    /// Reads the beginning of a set-up message.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        Self::split(message).map(|(head, _)| head)
    }

    /// Whether this answers a message with this tag in the set-up of this session.
    pub fn answers(&self, tag: u8, console_id: u32) -> bool {
        self.tag == tag && self.console_id.is_none_or(|id| id == console_id)
    }

    fn split(message: &[u8]) -> Result<(Self, Reader<'_>), DecodeError> {
        let mut reader = Reader::new(message);
        let [tag, status] = reader.array()?;
        let console_id = reader.take(2).and_then(|_| reader.u32());
        let console_id = match console_id {
            Ok(0) | Err(_) if status != STATUS_OK => None,
            console_id => Some(console_id?),
        };
        let head = Self {
            tag,
            status,
            console_id,
        };
        Ok((head, reader))
    }
}

/// RMCP+ Open Session Response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSessionResponse {
    /// Whom it is for, and whether all is well.
    pub head: Head,
    /// Present if the status is well.
    pub accepted: Option<Accepted>,
}

/// What the BMC agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The BMC's id of the session.
    pub bmc_id: u32,
    /// Numbers of the authentication, integrity and confidentiality algorithms.
    pub algorithms: [u8; 3],
}

impl OpenSessionResponse {
    /// Reads one.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let (head, mut reader) = Head::split(message)?;
        let accepted = if head.status == STATUS_OK {
            let bmc_id = reader.u32()?;
            let mut algorithms = [0; 3];
            for (kind, algorithm) in (0_u8..).zip(&mut algorithms) {
                let record: [u8; 8] = reader.array()?;
                let [found, _, _, _length, number, ..] = record;
                if found != kind {
                    return Err(DecodeError::Unexpected("algorithm record"));
                }
                *algorithm = number & 0x3f;
            }
            Some(Accepted { bmc_id, algorithms })
        } else {
            None
        };
        Ok(Self { head, accepted })
    }
}

impl Accepted {
    /// Whether the BMC agreed to this suite and to nothing else.
    pub fn is(&self, suite: CipherSuite) -> bool {
        let asked: (Authentication, Integrity, Confidentiality) =
            (suite.authentication, suite.integrity, suite.confidentiality);
        self.algorithms == [asked.0.number(), asked.1.number(), asked.2.number()]
    }
}

/// RAKP message 1.
pub fn encode_rakp_1(
    tag: u8,
    bmc_id: u32,
    console_random: &[u8; 16],
    role: u8,
    username: &[u8],
) -> Vec<u8> {
    let mut message = vec![tag, 0, 0, 0];
    message.extend(bmc_id.to_le_bytes());
    message.extend_from_slice(console_random);
    message.extend([role, 0, 0, u8::try_from(username.len()).unwrap_or(u8::MAX)]);
    message.extend_from_slice(username);
    message
}

/// RAKP message 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rakp2 {
    /// Whom it is for, and whether all is well.
    pub head: Head,
    /// Present if the status is well.
    pub proof: Option<BmcProof>,
}

/// What the BMC says to prove that it knows the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BmcProof {
    /// The BMC's random number.
    pub bmc_random: [u8; 16],
    /// The BMC's GUID.
    pub bmc_guid: [u8; 16],
    /// Key exchange authentication code; its length depends on the algorithm.
    pub code: Vec<u8>,
}

impl Rakp2 {
    /// Reads one.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let (head, mut reader) = Head::split(message)?;
        let proof = if head.status == STATUS_OK {
            Some(BmcProof {
                bmc_random: reader.array()?,
                bmc_guid: reader.array()?,
                code: reader.rest().to_vec(),
            })
        } else {
            None
        };
        Ok(Self { head, proof })
    }
}

/// RAKP message 3; with a status other than [`STATUS_OK`] it breaks off the set-up, so that the BMC frees its slot.
pub fn encode_rakp_3(tag: u8, status: u8, bmc_id: u32, code: &[u8]) -> Vec<u8> {
    let mut message = vec![tag, status, 0, 0];
    message.extend(bmc_id.to_le_bytes());
    message.extend_from_slice(code);
    message
}

/// RAKP message 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rakp4 {
    /// Whom it is for, and whether all is well.
    pub head: Head,
    /// Integrity check value; its length depends on the algorithm.
    pub check: Vec<u8>,
}

impl Rakp4 {
    /// Reads one.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let (head, reader) = Head::split(message)?;
        Ok(Self {
            head,
            check: reader.rest().to_vec(),
        })
    }
}
