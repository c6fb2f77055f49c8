//! `POST /v1/heartbeat/{node}`: an agent is alive, and takes commands at `callback_url`.

use axum::http::{StatusCode, Uri};
use ironbark_model::Secret;
use ironbark_rpc::{Carried, Heartbeat, RamdiskRequest, Request};

use super::check_enabled;
use crate::body::{self, Arguments};
use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::gates::ramdisk as gate;
use crate::reply;
use crate::routing::NobodyIs;
use crate::versions::Version;

/// Longest texts, in bytes.
const LONGEST: &[(&str, usize)] = &[
    ("callback_url", 1024),
    ("agent_version", 255),
    ("agent_token", 255),
    ("agent_verify_ca", 64 * 1024),
    ("agent_status", 255),
    ("agent_status_message", 16 * 1024),
];

/// What an agent may say of its work.
const STATUSES: &[&str] = &["start", "end", "error"];

/// What a certificate begins with, as text.
const PEM: &str = "-----BEGIN CERTIFICATE-----";

/// Tells the node's conductor; 202 as soon as it heard it.
pub(crate) async fn hear(context: Context) -> ApiResult {
    check_enabled(&context)?;
    let beat = read(&context)?;
    let node = context.node().await?;
    let request = Request::Ramdisk {
        node: node.uuid.clone(),
        request: RamdiskRequest::Heartbeat(beat),
    };
    context.ask(&node, NobodyIs::NotFound, request).await?;
    reply::empty(StatusCode::ACCEPTED)
}

fn read(context: &Context) -> Result<Heartbeat, ApiError> {
    let known: Vec<&str> = gate::HEARTBEAT.iter().map(|row| row.name).collect();
    let mut arguments = Arguments::read(context, &known)?;
    let mut text = |name: &str| {
        let value = arguments.text(name)?;
        if let Some(value) = &value {
            check(name, value, context.version)?;
        }
        Ok::<_, ApiError>(value)
    };
    let beat = Heartbeat {
        callback_url: text("callback_url")?.ok_or_else(|| body::missing("callback_url"))?,
        agent_token: text("agent_token")?.map(|token| Carried::from(&Secret::new(token))),
        agent_version: text("agent_version")?,
        agent_verify_ca: text("agent_verify_ca")?,
        agent_status: text("agent_status")?,
        agent_status_message: text("agent_status_message")?,
    };
    check_url(&beat.callback_url)?;
    if let Some(status) = &beat.agent_status
        && !STATUSES.contains(&status.as_str())
    {
        return Err(ApiError::invalid(format!(
            "agent_status is one of {}.",
            STATUSES.join(", ")
        )));
    }
    if let Some(certificate) = &beat.agent_verify_ca
        && !certificate.trim_start().starts_with(PEM)
    {
        return Err(ApiError::invalid(
            "agent_verify_ca is a certificate in PEM, as text.",
        ));
    }
    Ok(beat)
}

fn check(name: &str, value: &str, version: Version) -> Result<(), ApiError> {
    let since = gate::HEARTBEAT
        .iter()
        .find(|row| row.name == name)
        .map_or(0, |row| row.since);
    if !version.has(since) {
        return Err(ApiError::invalid(format!(
            "Field \"{name}\" not recognised: a heartbeat has it since version {}.",
            Version::new(since)
        )));
    }
    let longest = LONGEST
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0, |(_, longest)| *longest);
    if value.len() > longest {
        return Err(ApiError::invalid(format!(
            "{name} is longer than {longest} bytes."
        )));
    }
    Ok(())
}

/// Commands are sent there: it must say to whom, and nothing else.
fn check_url(written: &str) -> Result<(), ApiError> {
    let fits = |uri: &Uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && !authority.contains('@')
            && uri.query().is_none()
            && !written.contains('#')
    };
    match written.parse::<Uri>() {
        Ok(uri) if fits(&uri) => Ok(()),
        _ => Err(ApiError::invalid(
            "callback_url is where the agent takes commands, such as https://192.0.2.7:9999.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_a_scheme_a_host_and_a_port() {
        for url in [
            "https://192.0.2.7:9999",
            "https://[2001:db8::7]:9999",
            "http://agent.example/",
            "HTTPS://agent.example:9999",
        ] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "192.0.2.7:9999",
            "ftp://192.0.2.7",
            "https://",
            "https://user:secret@192.0.2.7",
            "https://192.0.2.7/?a=b",
            "https://192.0.2.7/#x",
            "https://192.0.2.7 /",
            "file:///etc/passwd",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn every_text_has_a_bound_and_every_bound_a_text() {
        let names = |(name, _): &(&'static str, usize)| *name;
        let bounded: Vec<&str> = LONGEST.iter().map(names).collect();
        let mut known: Vec<&str> = gate::HEARTBEAT.iter().map(|row| row.name).collect();
        assert_eq!(bounded.len(), known.len());
        known.retain(|name| !bounded.contains(name));
        assert!(known.is_empty(), "{known:?}");
    }
}
