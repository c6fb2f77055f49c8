//! The conductor's end: bytes in, bytes out.

use async_trait::async_trait;
use bytes::Bytes;
use ironbark_model::{Error, Result, Timestamp};
use serde::de::DeserializeOwned;

use crate::message::{Envelope, Outcome, Reply, VERSION};
use crate::stream::{Opening, Pipe, Stream};

/// What carries requests out.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Carries out one request.
    async fn handle(&self, envelope: Envelope) -> Result<Reply>;

    /// Opens a stream, and serves it in the background if it can be opened. Who serves none refuses.
    async fn open(&self, envelope: Envelope<Opening>, stream: Stream) -> Result<()> {
        drop((envelope, stream));
        Err(Error::unsupported("This conductor serves no streams."))
    }
}

/// Reads a message, has it handled, and writes the answer. Never fails: what goes wrong is in the answer.
pub async fn serve_bytes(handler: &dyn Handler, message: &[u8]) -> Bytes {
    let outcome = match decode(message) {
        Ok(envelope) => match handler.handle(envelope).await {
            Ok(reply) => Outcome::Ok(reply),
            Err(error) => Outcome::Err(error),
        },
        Err(error) => Outcome::Err(error),
    };
    encode(&outcome)
}

/// As [`serve_bytes`], for the opening of a stream over `pipe`.
pub async fn open_bytes(handler: &dyn Handler, message: &[u8], pipe: Pipe) -> Bytes {
    let outcome = match decode(message) {
        Ok(envelope) => match handler.open(envelope, Stream::over(pipe)).await {
            Ok(()) => Outcome::Ok(Reply::Done),
            Err(error) => Outcome::Err(error),
        },
        Err(error) => Outcome::Err(error),
    };
    encode(&outcome)
}

fn decode<R: DeserializeOwned>(message: &[u8]) -> Result<Envelope<R>> {
    // The version comes first: a newer message may have a form that this version can't read.
    #[derive(serde::Deserialize)]
    struct Header {
        version: u32,
    }
    let unreadable = |error: serde_json::Error| {
        Error::internal("The request to the conductor could not be read.").caused_by(error)
    };
    let header: Header = serde_json::from_slice(message).map_err(unreadable)?;
    if header.version > VERSION {
        return Err(Error::internal(format!(
            "The request has message version {}, this conductor knows up to {VERSION}: upgrade conductors before APIs.",
            header.version
        )));
    }
    let envelope: Envelope<R> = serde_json::from_slice(message).map_err(unreadable)?;
    if envelope.deadline <= Timestamp::now() {
        return Err(Error::overloaded(
            "The request reached its conductor too late; try again.",
        ));
    }
    Ok(envelope)
}

fn encode(outcome: &Outcome) -> Bytes {
    match serde_json::to_vec(outcome) {
        Ok(bytes) => Bytes::from(bytes),
        // Maps with string keys always serialise; the text keeps the caller from waiting if that ever changes.
        Err(_) => Bytes::from_static(
            br#"{"err":{"kind":"internal","message":"The conductor's answer could not be written."}}"#,
        ),
    }
}
