//! The few calls of the REST API that the tour needs.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// How long one change may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Speaks to one service, as any client would.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(crate) fn new(url: &str) -> Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            url: url.to_owned(),
        })
    }

    /// Sends a request; an answer that isn't a success is an error with the service's own text.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        match self.try_send(method.clone(), path, body).await? {
            (status, text) if status.is_success() => {
                if text.is_empty() {
                    Ok(Value::Null)
                } else {
                    serde_json::from_str(&text)
                        .with_context(|| format!("{path} did not answer JSON"))
                }
            }
            (status, text) => bail!("{method} {path}: {status}: {text}"),
        }
    }

    /// Takes a node of an earlier run away, in whatever state it is.
    pub(crate) async fn remove_node(&self, name: &str) -> Result<()> {
        let (status, _) = self
            .try_send(Method::GET, &format!("/v1/nodes/{name}"), None)
            .await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        let reason = json!({"reason": "a new tour begins"});
        self.send(
            Method::PUT,
            &format!("/v1/nodes/{name}/maintenance"),
            Some(&reason),
        )
        .await?;
        self.send(Method::DELETE, &format!("/v1/nodes/{name}"), None)
            .await?;
        Ok(())
    }

    /// Polls a node until `field` is `wanted`, and shows each state on the way. An error if the node says that it failed.
    pub(crate) async fn wait_for(&self, node: &str, field: &str, wanted: &str) -> Result<()> {
        let wait = async {
            let mut shown = String::new();
            let mut tick = tokio::time::interval(Duration::from_millis(50));
            loop {
                tick.tick().await;
                let states = self
                    .send(Method::GET, &format!("/v1/nodes/{node}/states"), None)
                    .await?;
                let text = |key: &str| states.get(key).and_then(Value::as_str).map(str::to_owned);
                let now = text(field).unwrap_or_else(|| "unknown".to_owned());
                if now != shown {
                    println!("    {node}: {now}");
                    shown.clone_from(&now);
                }
                if now == wanted && text(&format!("target_{field}")).is_none() {
                    return Ok(());
                }
                if let Some(error) = text("last_error") {
                    bail!("{node}: {error}");
                }
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(outcome) => outcome,
            Err(_) => bail!(
                "{node} did not reach {wanted:?} within {} s",
                PATIENCE.as_secs()
            ),
        }
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, String)> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .header("X-OpenStack-Ironic-API-Version", "1.115");
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("no answer to {path}"))?;
        Ok((answer.status(), answer.text().await?))
    }
}
