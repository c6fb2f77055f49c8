//! A client of the REST API that looks closely.

use std::time::Duration;

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior};

use crate::wait::PATIENCE;

/// The microversion that is spoken unless a test says otherwise.
const VERSION: &str = "1.115";
const VERSION_HEADER: &str = "X-OpenStack-Ironic-API-Version";

/// Speaks to one service.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    version: Option<String>,
    credentials: Option<(String, String)>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
    asked: String,
}

impl Client {
    /// A client of the service at this URL.
    pub fn new(url: &str) -> Self {
        Self {
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("an HTTP client"),
            url: url.to_owned(),
            version: Some(VERSION.to_owned()),
            credentials: None,
        }
    }

    /// A client of the service at this `https` URL, which has exactly this certificate (PEM).
    pub fn trusting(url: &str, pem: &str) -> Self {
        let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
        Self {
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .tls_certs_only([certificate])
                .build()
                .expect("an HTTP client"),
            ..Self::new(url)
        }
    }

    /// The same with another microversion, or without the header.
    #[must_use]
    pub fn version(&self, version: Option<&str>) -> Self {
        Self {
            version: version.map(str::to_owned),
            ..self.clone()
        }
    }

    /// The same with other credentials, or without.
    #[must_use]
    pub fn credentials(&self, credentials: Option<(String, String)>) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// Where the service is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request that may find nobody: an error only if there was no answer.
    pub async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Answer> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url));
        if let Some(version) = &self.version {
            request = request.header(VERSION_HEADER, version);
        }
        if let Some((user, password)) = &self.credentials {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let asked = body.map_or_else(
            || format!("{method} {path}"),
            |body| format!("{method} {path} {body}"),
        );
        Answer::read(asked, request.send().await?).await
    }

    /// A request that must be answered.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        match self.attempt(method.clone(), path, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {path}: {error:?}"),
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// PATCH with JSON patch operations.
    pub async fn patch(&self, path: &str, operations: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(operations)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Uploads a driver package, and grants it these capabilities (separated by commas).
    pub async fn upload(&self, bytes: Vec<u8>, grants: &str) -> Answer {
        let path = format!("/ironbark/v1/packages?grant={grants}");
        self.upload_to(&path, bytes).await
    }

    /// Uploads a driver package with this path and query.
    pub async fn upload_to(&self, path: &str, bytes: Vec<u8>) -> Answer {
        let mut request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("Content-Type", "application/wasm")
            .body(bytes);
        if let Some((user, password)) = &self.credentials {
            request = request.basic_auth(user, Some(password));
        }
        let sent = request.send().await.expect("an answer to an upload");
        Answer::read(format!("POST {path}"), sent)
            .await
            .expect("the whole answer to an upload")
    }

    /// Creates a node.
    pub async fn create_node(&self, body: &Value) -> Value {
        self.post("/v1/nodes", body).await.expect(201)
    }

    /// A node.
    pub async fn node(&self, ident: &str) -> Value {
        self.get(&format!("/v1/nodes/{ident}")).await.expect(200)
    }

    /// Asks for a power action.
    pub async fn power(&self, node: &str, target: &str) -> Answer {
        self.put(
            &format!("/v1/nodes/{node}/states/power"),
            &json!({"target": target}),
        )
        .await
    }

    /// Asks for a power action and waits until the node shows `reached` and is at rest.
    pub async fn power_to(&self, node: &str, target: &str, reached: &str) -> Value {
        self.power(node, target).await.expect(202);
        self.wait_for_node(node, &format!("{target} to reach {reached}"), |node| {
            node["power_state"] == reached && at_rest(node)
        })
        .await
    }

    /// Asks for a provisioning verb.
    pub async fn verb(&self, node: &str, body: &Value) -> Answer {
        self.put(&format!("/v1/nodes/{node}/states/provision"), body)
            .await
    }

    /// Asks for a provisioning verb and waits until the node is in `reached` and at rest.
    pub async fn provision(&self, node: &str, verb: &str, reached: &str) -> Value {
        self.provision_with(node, &json!({"target": verb}), reached)
            .await
    }

    /// [`Client::provision`] with the whole body of the request.
    pub async fn provision_with(&self, node: &str, body: &Value, reached: &str) -> Value {
        self.verb(node, body).await.expect(202);
        self.settled(node, reached).await
    }

    /// Waits until the node is in `reached` and at rest; panics at once if it failed on the way.
    pub async fn settled(&self, node: &str, reached: &str) -> Value {
        self.wait_for_node(node, &format!("to be {reached}"), |node| {
            let state = node["provision_state"].as_str().unwrap_or_default();
            if state == reached && node["reservation"].is_null() {
                return true;
            }
            let failed = state.ends_with("failed") || state == "error";
            assert!(
                !failed || state == reached,
                "wanted {reached}, got {state}: {}",
                node["last_error"]
            );
            false
        })
        .await
    }

    /// Waits until a node is as it should be; shows it if it never is.
    pub async fn wait_for_node(
        &self,
        ident: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        self.wait_for_node_within(PATIENCE, ident, what, wanted)
            .await
    }

    /// [`Client::wait_for_node`] with another patience.
    pub async fn wait_for_node_within(
        &self,
        patience: Duration,
        ident: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Instant::now() + patience;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let node = self.node(ident).await;
            if wanted(&node) {
                return node;
            }
            assert!(
                Instant::now() < deadline,
                "{ident}: {what}: not within {patience:?}: {node:#}"
            );
        }
    }
}

impl Answer {
    async fn read(asked: String, response: reqwest::Response) -> reqwest::Result<Self> {
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await?,
            asked,
        })
    }

    /// The body as JSON, null if there is none; panics if the status is another.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: not JSON ({error}): {}", self.asked, self.text))
    }

    /// The text of an error with this status, taken out as python-ironicclient does: the body's `error_message` is a
    /// string that is itself JSON.
    pub fn refused(&self, status: u16) -> String {
        let body = self.expect(status);
        let inner = body["error_message"]
            .as_str()
            .unwrap_or_else(|| panic!("{}: error_message is no string: {body}", self.asked));
        let inner: Value = serde_json::from_str(inner).unwrap_or_else(|error| {
            panic!(
                "{}: error_message is no JSON ({error}): {inner}",
                self.asked
            )
        });
        let text = inner["faultstring"]
            .as_str()
            .or_else(|| inner["description"].as_str());
        text.unwrap_or_else(|| panic!("{}: no text in {inner}", self.asked))
            .to_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Nobody works on the node.
fn at_rest(node: &Value) -> bool {
    node["reservation"].is_null() && node["target_power_state"].is_null()
}
