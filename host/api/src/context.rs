//! One request, as a handler sees it: the version is negotiated, the path matched, the body read.

use axum::http::{Extensions, HeaderMap, Method};
use bytes::Bytes;
use ironbark_model::ident::Ident;
use ironbark_model::{Error, ErrorKind, Node};
use ironbark_rpc::{Opening, Reply, Request, Stream};

use crate::ApiState;
use crate::error::ApiError;
use crate::gates;
use crate::limits::Received;
use crate::query::Query;
use crate::routing::NobodyIs;
use crate::versions::Version;

/// One request. Not `Debug`: body and query may hold secrets.
pub(crate) struct Context {
    pub(crate) state: ApiState,
    pub(crate) version: Version,
    pub(crate) method: Method,
    pub(crate) query: Query,
    /// What links begin with.
    pub(crate) base: String,
    /// `req-…`.
    pub(crate) request_id: String,
    /// Who asks, if users have names here.
    pub(crate) user: Option<String>,
    /// The request's headers.
    pub(crate) headers: HeaderMap,
    /// What the server knows of the connection: how it becomes another one.
    pub(crate) extensions: Extensions,
    pub(crate) params: Vec<(&'static str, String)>,
    /// The last element of the path is a parameter: an old client may have put `.json` behind it.
    pub(crate) ends_in_param: bool,
    pub(crate) received: Received,
}

impl Context {
    /// The request's body, as it came.
    pub(crate) fn body(&self) -> &Bytes {
        &self.received.bytes
    }

    /// Who asks, for a history of who did what.
    pub(crate) fn by(&self) -> String {
        self.user.clone().unwrap_or_else(|| "anonymous".to_owned())
    }

    /// An element of the path, decoded.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// The node that the path names; 404 if there is none.
    pub(crate) async fn node(&self) -> Result<Node, ApiError> {
        let written = self.param("node");
        check_routed(written)?;
        let node = match self.without_suffix("node") {
            Some(stripped) => match self.find_node(stripped).await {
                Err(_) => self.find_node(written).await?,
                found => found?,
            },
            None => self.find_node(written).await?,
        };
        tracing::Span::current().record("node", node.uuid.as_str());
        Ok(node)
    }

    /// The node of this UUID or name; 404 if there is none, or if the version doesn't know names.
    pub(crate) async fn find_node(&self, written: &str) -> Result<Node, ApiError> {
        let ident = ident(written)?;
        if matches!(ident, Ident::Name(_)) && !self.version.has(gates::node::NAMES_SINCE) {
            return Err(Error::node_not_found(written).into());
        }
        let node = self.state.db().node_get(&ident).await?;
        Ok(node.ok_or_else(|| Error::node_not_found(written))?)
    }

    /// An element of the path without a `.json` that the client's version would have taken off: only of the last one.
    pub(crate) fn without_suffix(&self, name: &str) -> Option<&str> {
        let (last, written) = self.params.last()?;
        if self.ends_in_param && *last == name && self.version.strips_json_suffix() {
            written.strip_suffix(".json")
        } else {
            None
        }
    }

    /// Asks the conductor that owns `node`.
    pub(crate) async fn ask(
        &self,
        node: &Node,
        nobody: NobodyIs,
        request: Request,
    ) -> Result<Reply, ApiError> {
        let host = self.state.routing().owner(node, nobody).await?;
        self.ask_host(&host, request).await
    }

    /// Asks this conductor.
    pub(crate) async fn ask_host(&self, host: &str, request: Request) -> Result<Reply, ApiError> {
        let user = self.user.as_deref();
        let answer = self
            .state
            .rpc()
            .call_for(host, &self.request_id, user, request)
            .await;
        self.noted(answer)
    }

    /// Asks the conductor that owns `node` to open a stream.
    pub(crate) async fn open(&self, node: &Node, opening: Opening) -> Result<Stream, ApiError> {
        let routing = self.state.routing();
        let host = routing.owner(node, NobodyIs::NotFound).await?;
        let rpc = self.state.rpc();
        self.noted(rpc.open(&host, &self.request_id, opening).await)
    }

    /// A conductor that isn't there is asked no more.
    fn noted<T>(&self, answer: ironbark_model::Result<T>) -> Result<T, ApiError> {
        if let Err(error) = &answer
            && error.kind() == ErrorKind::NoConductor
        {
            self.state.routing().forget();
        }
        Ok(answer?)
    }
}

/// Reads a UUID or a name that a client gives; 400 if it is neither.
pub(crate) fn ident(written: &str) -> Result<Ident, ApiError> {
    Ok(Ident::parse(written)?)
}

/// As [`ident`], for what the router reads by itself in Ironic: the nodes and port groups of paths.
pub(crate) fn check_routed(written: &str) -> Result<(), ApiError> {
    match ident(written) {
        Ok(_) => Ok(()),
        Err(error) => Err(ApiError::framework(error.status(), error.message())),
    }
}

/// A conductor answered something else than what was asked for.
pub(crate) fn unexpected_reply() -> ApiError {
    Error::internal("The conductor's answer doesn't fit the request.").into()
}
