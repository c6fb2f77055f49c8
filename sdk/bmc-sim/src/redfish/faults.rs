//! What can go wrong with a Redfish service: everything that tests inject, in one place.

use std::time::Duration;

use crate::{Chance, PowerFault};

/// The faults of one service. The default is a service without faults. They can be changed at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Before a request is looked at, all sessions are gone.
    pub expire_sessions: Chance,
    /// Before a PATCH is looked at, somebody else changes the resource: the ETag doesn't match any more.
    pub changed_meanwhile: Chance,
    /// How requests are answered in place of being carried out.
    pub answers: Chance,
    /// With what, if `answers` strikes.
    pub answer: Misbehaviour,
    /// Requests that are carried out, but whose connection is reset before the answer.
    pub lose_answers: Chance,
    /// Only requests whose path contains this are answered wrongly, lost or slow; every one if it is empty.
    pub only: String,
    /// Every answer comes so late.
    pub slow: Duration,
    /// What is wrong with the machines' power.
    pub power: PowerFault,
}

/// A wrong answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Misbehaviour {
    /// This status, with an error body.
    Status(u16),
    /// 503, with `Retry-After` in so many seconds, if it says so.
    Unavailable(Option<u64>),
    /// 200 with this text as its body, said to be JSON.
    Text(String),
    /// 200 with a web page.
    Html,
    /// A redirect to this URL.
    Redirect(String),
    /// 200 and so many bytes of JSON, without saying before how many.
    Giant(usize),
    /// 200, and a header that says that so many bytes will come.
    AnnouncedGiant(usize),
    /// 200, and more headers than anybody needs.
    ManyHeaders(usize),
    /// 200 with a body that is said to be packed.
    Compressed,
    /// Bytes that are not HTTP.
    Garbage,
    /// Nothing, ever.
    Silence,
    /// The beginning of a body, and then nothing.
    HalfABody,
    /// A reset of the connection.
    #[default]
    Reset,
}
