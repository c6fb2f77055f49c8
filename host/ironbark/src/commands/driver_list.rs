//! `ironbark driver list`

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cli::Output;

/// Asks a running service for its packages.
pub(crate) fn run(url: &str, credentials: Option<&str>, output: Output) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let body = runtime.block_on(fetch(url, credentials))?;
    if output == Output::Json {
        println!("{}", serde_json::to_string_pretty(&body)?);
        return Ok(());
    }
    let packages = body
        .get("packages")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if packages.is_empty() {
        println!("No driver packages are active.");
    }
    for package in &packages {
        let text = |key: &str| {
            package
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or("-")
                .to_owned()
        };
        let list = |key: &str| {
            package
                .get(key)
                .and_then(Value::as_array)
                .map_or_else(String::new, |items| {
                    items
                        .iter()
                        .filter_map(Value::as_str)
                        .collect::<Vec<_>>()
                        .join(", ")
                })
        };
        println!(
            "{:<20} {:<10} {:<8} hardware types: {:<24} granted: {}",
            text("name"),
            text("version"),
            text("source"),
            list("hardware_types"),
            list("granted")
        );
    }
    Ok(())
}

async fn fetch(url: &str, credentials: Option<&str>) -> Result<Value> {
    let address = format!("{}/ironbark/v1/packages", url.trim_end_matches('/'));
    let client = reqwest::Client::builder().build().context(
        "no HTTP client can be made: install this machine's certificate authorities (ca-certificates)",
    )?;
    let mut request = client.get(&address);
    if let Some(credentials) = credentials {
        let (user, password) = credentials
            .split_once(':')
            .context("credentials are user:password")?;
        request = request.basic_auth(user, Some(password));
    }
    let answer = request
        .send()
        .await
        .with_context(|| format!("no service answers at {url}; is `ironbark serve` running?"))?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{address} answered {status}: {text}");
    }
    serde_json::from_str(&text)
        .with_context(|| format!("{address} did not answer JSON; is it Ironbark?"))
}
