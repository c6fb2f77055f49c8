//! One client with one warm connection.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use reqwest::Method;
use serde_json::Value;

/// How long a change may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Speaks to the service at the newest microversion.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    url: String,
}

impl Http {
    pub(crate) fn new(url: String) -> Result<Self> {
        Ok(Self {
            client: reqwest::Client::builder().timeout(PATIENCE).build()?,
            url,
        })
    }

    /// The service's address, without a scheme.
    pub(crate) fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Another client of the same service, with connections of its own.
    pub(crate) fn another(&self) -> Result<Self> {
        Self::new(self.url.clone())
    }

    /// Sends a request, and gives the body and how long it took.
    pub(crate) async fn timed(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(String, Duration)> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("X-OpenStack-Ironic-API-Version", "1.115");
        if let Some(body) = body {
            request = request.json(body);
        }
        let start = Instant::now();
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        let took = start.elapsed();
        if !status.is_success() {
            bail!("{path} answered {status}: {text}");
        }
        Ok((text, took))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<(String, Duration)> {
        self.timed(Method::GET, path, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<()> {
        self.timed(Method::PUT, path, Some(body)).await.map(|_| ())
    }

    /// Polls the list of nodes with this prefix until `reached` holds for `count` of them.
    pub(crate) async fn wait_for(
        &self,
        fields: &str,
        count: usize,
        reached: impl Fn(&Value) -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        while start.elapsed() < PATIENCE {
            tick.tick().await;
            let (text, _) = self.get(&format!("/v1/nodes?fields={fields}")).await?;
            let body: Value = serde_json::from_str(&text)?;
            let nodes = body
                .get("nodes")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            if nodes.iter().filter(|node| reached(node)).count() >= count {
                return Ok(());
            }
        }
        bail!(
            "the nodes did not get there within {} s",
            PATIENCE.as_secs()
        )
    }
}

/// Whether a node of the answer has this value.
pub(crate) fn has(node: &Value, field: &str, wanted: &str) -> bool {
    node.get(field).and_then(Value::as_str) == Some(wanted)
}
