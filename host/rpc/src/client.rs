//! The API's end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ironbark_model::{Error, Result, Timestamp};
use serde::Serialize;

use crate::message::{Envelope, Outcome, Reply, Request, VERSION};
use crate::stream::{Opening, Stream};
use crate::transport::Transport;

/// Sends requests to conductors. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    within: Duration,
}

impl Client {
    /// A client that waits at most `within` for each answer.
    pub fn new(transport: Arc<dyn Transport>, within: Duration) -> Self {
        Self { transport, within }
    }

    /// Asks the conductor `host`, as part of the API request `request_id`.
    pub async fn call(&self, host: &str, request_id: &str, request: Request) -> Result<Reply> {
        self.call_for(host, request_id, None, request).await
    }

    /// As [`Client::call`], for this user of the API.
    pub async fn call_for(
        &self,
        host: &str,
        request_id: &str,
        user: Option<&str>,
        request: Request,
    ) -> Result<Reply> {
        let message = self.written(request_id, user, request)?;
        let answer = self.transport.call(host, message, self.within).await?;
        read(&answer)
    }

    /// Asks the conductor `host` to open a stream, as part of the API request `request_id`.
    pub async fn open(&self, host: &str, request_id: &str, opening: Opening) -> Result<Stream> {
        let message = self.written(request_id, None, opening)?;
        let (answer, pipe) = self.transport.open(host, message, self.within).await?;
        read(&answer)?;
        Ok(Stream::over(pipe))
    }

    fn written<R: Serialize>(
        &self,
        request_id: &str,
        user: Option<&str>,
        request: R,
    ) -> Result<Bytes> {
        let envelope = Envelope {
            version: VERSION,
            request_id: request_id.to_owned(),
            user: user.map(str::to_owned),
            deadline: Timestamp::now().plus(self.within),
            request,
        };
        serde_json::to_vec(&envelope)
            .map(Bytes::from)
            .map_err(|error| Error::internal("The request could not be written.").caused_by(error))
    }
}

fn read(answer: &[u8]) -> Result<Reply> {
    let outcome: Outcome = serde_json::from_slice(answer).map_err(|error| {
        Error::internal("The conductor's answer could not be read.").caused_by(error)
    })?;
    match outcome {
        Outcome::Ok(reply) => Ok(reply),
        Outcome::Err(error) => Err(error),
    }
}
