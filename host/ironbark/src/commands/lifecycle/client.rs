//! Asking a running service, and saying what it answered.

use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::args::Service;
use crate::cli::Output;

/// A service that is asked.
pub(super) struct Client<'a> {
    service: &'a Service,
    http: reqwest::Client,
}

impl<'a> Client<'a> {
    pub(super) fn new(service: &'a Service) -> Result<Self> {
        let http = reqwest::Client::builder().build().context(
            "no HTTP client can be made: install this machine's certificate authorities (ca-certificates)",
        )?;
        Ok(Self { service, http })
    }

    /// A request below `/ironbark/v1`.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder> {
        let address = format!(
            "{}/ironbark/v1/{path}",
            self.service.url.trim_end_matches('/')
        );
        let mut request = self.http.request(method, address);
        if let Some(credentials) = &self.service.credentials {
            let (user, password) = credentials
                .split_once(':')
                .context("credentials are user:password")?;
            request = request.basic_auth(user, Some(password));
        }
        Ok(request)
    }

    /// Sends it. An answer without a body is null.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Value> {
        match self.attempt(request).await? {
            Ok(answer) => Ok(answer),
            Err((status, message)) => bail!("{message} ({status})"),
        }
    }

    /// Sends it; `None` if there is no such thing.
    pub(super) async fn find(&self, request: RequestBuilder) -> Result<Option<Value>> {
        match self.attempt(request).await? {
            Ok(answer) => Ok(Some(answer)),
            Err((404, _)) => Ok(None),
            Err((status, message)) => Err(anyhow!("{message} ({status})")),
        }
    }

    async fn attempt(&self, request: RequestBuilder) -> Result<Result<Value, (u16, String)>> {
        let url = &self.service.url;
        let answer = request.send().await.with_context(|| {
            format!("no service answers at {url}; is `ironbark serve` running?")
        })?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            return Ok(Err((status.as_u16(), fault(&text))));
        }
        if text.is_empty() {
            return Ok(Ok(Value::Null));
        }
        serde_json::from_str(&text)
            .map(Ok)
            .with_context(|| format!("{url} did not answer JSON; is it Ironbark?"))
    }

    /// Prints an answer as it is, or what `text` makes of it.
    pub(super) fn print(&self, answer: &Value, text: impl FnOnce(&Value) -> String) -> Result<()> {
        match self.service.output {
            Output::Json => println!("{}", serde_json::to_string_pretty(answer)?),
            Output::Text => println!("{}", text(answer).trim_end()),
        }
        Ok(())
    }
}

/// Runs one command's requests.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// What is wrong, out of an answer in Ironic's form: JSON within JSON.
fn fault(text: &str) -> String {
    let inner = || {
        let outer: Value = serde_json::from_str(text).ok()?;
        let inner = outer.get("error_message")?;
        let inner: Value = match inner {
            Value::String(text) => serde_json::from_str(text).ok()?,
            other => other.clone(),
        };
        let said = inner.get("faultstring").or_else(|| inner.get("title"))?;
        Some(said.as_str()?.to_owned())
    };
    inner().unwrap_or_else(|| text.to_owned())
}

/// Text of a field, or a dash.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("-")
}

/// A list of texts.
pub(super) fn list(value: &Value, key: &str) -> String {
    let items = value.get(key).and_then(Value::as_array);
    let texts: Vec<&str> = items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if texts.is_empty() {
        return "-".to_owned();
    }
    texts.join(", ")
}

/// The objects of a list.
pub(super) fn objects<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_shown_as_what_is_wrong() {
        let nested = r#"{"error_message": "{\"faultcode\": \"Client\", \"faultstring\": \"used by rack-1\"}"}"#;
        assert_eq!(fault(nested), "used by rack-1");
        assert_eq!(fault("<html>"), "<html>");
    }
}
