//! `ironbark publisher trust`, `list` and `remove`

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::json;

use super::args::PublisherCommand;
use super::client::{Client, list, objects, text};
use super::show;

/// Runs one of them.
pub(super) async fn run(command: PublisherCommand) -> Result<()> {
    match command {
        PublisherCommand::Trust {
            name,
            key,
            packages,
            expires,
            service,
        } => {
            let public_key = std::fs::read_to_string(&key)
                .with_context(|| format!("{} can't be read", key.display()))?;
            let mut body = json!({"name": name, "public_key": public_key, "packages": packages});
            if let (Some(expires), Some(body)) = (expires, body.as_object_mut()) {
                body.insert("expires_at".to_owned(), json!(expires.to_string()));
            }
            let client = Client::new(&service)?;
            let request = client.request(Method::POST, "publishers")?.json(&body);
            let answer = client.send(request).await?;
            client.print(&answer, |answer| {
                format!(
                    "{} is trusted with packages named {}.",
                    text(answer, "name"),
                    list(answer, "packages")
                )
            })
        }
        PublisherCommand::List { service } => {
            let client = Client::new(&service)?;
            let answer = client
                .send(client.request(Method::GET, "publishers")?)
                .await?;
            client.print(&answer, |answer| {
                let publishers = objects(answer, "publishers");
                if publishers.is_empty() {
                    return "No publisher is trusted.".to_owned();
                }
                let mut shown = String::new();
                for publisher in publishers {
                    // Writing into a string can't fail.
                    let _ = writeln!(
                        shown,
                        "{:<20} {} packages: {:<24} expires: {}",
                        text(publisher, "name"),
                        text(publisher, "public_key"),
                        list(publisher, "packages"),
                        text(publisher, "expires_at")
                    );
                }
                shown
            })
        }
        PublisherCommand::History { name, service } => {
            show::history(&format!("publishers/{name}"), &service).await
        }
        PublisherCommand::Remove {
            name,
            quarantine,
            service,
        } => {
            let client = Client::new(&service)?;
            let request = client
                .request(Method::DELETE, &format!("publishers/{name}"))?
                .query(&[("quarantine", quarantine)]);
            let answer = client.send(request).await?;
            client.print(&answer, |answer| {
                let signed = objects(answer, "packages");
                let mut shown = format!("{name} is trusted no longer.");
                for version in signed {
                    let _ = write!(
                        shown,
                        "\n  {}@{} {}",
                        text(version, "package"),
                        text(version, "version"),
                        if quarantine {
                            "is quarantined"
                        } else {
                            "can't be activated any more"
                        }
                    );
                }
                shown
            })
        }
    }
}
