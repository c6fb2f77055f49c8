//! Cipher suites: which algorithms go together under which number (IPMI 2.0 §22.15.2, table 22-20).

/// How the two sides prove that they know the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// No proof at all.
    None,
    /// RAKP-HMAC-SHA1.
    HmacSha1,
    /// RAKP-HMAC-SHA256.
    HmacSha256,
}

/// How the packets of a session are protected against change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// Not at all.
    None,
    /// HMAC-SHA1-96.
    HmacSha1,
    /// HMAC-SHA256-128.
    HmacSha256,
}

/// How the payloads of a session are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidentiality {
    /// Not at all.
    None,
    /// AES-CBC-128.
    AesCbc128,
}

/// The three algorithms of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CipherSuite {
    /// The suite's number.
    pub id: u8,
    /// How the two sides prove who they are.
    pub authentication: Authentication,
    /// How packets are protected.
    pub integrity: Integrity,
    /// How payloads are hidden.
    pub confidentiality: Confidentiality,
}

impl CipherSuite {
    /// What is tried when the operator chose nothing, best first.
    pub const PREFERRED: [u8; 2] = [17, 3];

    /// The suite of this number, if we speak it.
    pub fn from_id(id: u8) -> Option<Self> {
        use {Authentication as A, Confidentiality as C, Integrity as I};
        let (authentication, integrity, confidentiality) = match id {
            0 => (A::None, I::None, C::None),
            1 => (A::HmacSha1, I::None, C::None),
            2 => (A::HmacSha1, I::HmacSha1, C::None),
            3 => (A::HmacSha1, I::HmacSha1, C::AesCbc128),
            15 => (A::HmacSha256, I::None, C::None),
            16 => (A::HmacSha256, I::HmacSha256, C::None),
            17 => (A::HmacSha256, I::HmacSha256, C::AesCbc128),
            _ => return None,
        };
        Some(Self {
            id,
            authentication,
            integrity,
            confidentiality,
        })
    }
}

impl Authentication {
    /// Its number on the wire (IPMI 2.0 table 13-17).
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::HmacSha1 => 1,
            Self::HmacSha256 => 3,
        }
    }
}

impl Integrity {
    /// Its number on the wire (IPMI 2.0 table 13-18).
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::HmacSha1 => 1,
            Self::HmacSha256 => 4,
        }
    }
}

impl Confidentiality {
    /// Its number on the wire (IPMI 2.0 table 13-19).
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::AesCbc128 => 1,
        }
    }
}
