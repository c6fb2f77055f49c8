//! What must hold before anything is started.

use anyhow::{Context, Result, anyhow};
use ironbark_db::DatabaseConfig;

use super::{hypervisors, limits, listener, parts};
use crate::config::{At, AuthStrategy, Origins, Settings};
use crate::logging;

/// Refuses settings that contradict each other, that can't be, or that would leave the API open; names where they were made.
pub(crate) fn check(settings: &Settings, origins: &Origins) -> Result<()> {
    checked(settings).map_err(|error| origins.name(error))
}

fn checked(settings: &Settings) -> Result<()> {
    front_door(settings)?;
    listener::tls(settings)?;
    parts::api(settings)?;
    logging::filter(&settings.log.level)?;
    let rate = settings.drivers.canary_max_fault_rate.unwrap_or_default();
    if !(0.0..=1.0).contains(&rate) {
        return Err(anyhow!("a share of the calls, from 0 to 1, not {rate}"))
            .context(At::of(["drivers", "canary_max_fault_rate"]));
    }
    let conductor = &settings.conductor;
    for (key, value) in [
        ("console_token_lifetime", conductor.console_token_lifetime),
        ("console_idle_timeout", conductor.console_idle_timeout),
        ("console_session_limit", conductor.console_session_limit),
    ] {
        if value.is_some_and(|seconds| seconds.0.is_zero()) {
            return Err(anyhow!("a number of seconds, more than 0"))
                .context(At::of(["conductor", key]));
        }
    }
    if let Some(url) = &settings.database.url {
        let checked = DatabaseConfig::from_url(url).check();
        checked.context(At::of(["database", "url"]))?;
    }
    parts::ipmi(settings)?;
    parts::redfish(settings)?;
    hypervisors::ssh(settings)?;
    limits::check(&settings.drivers)?;
    parts::default_interfaces(&settings.drivers.default_interfaces)?;
    Ok(())
}

/// Who gets in, and how.
fn front_door(settings: &Settings) -> Result<()> {
    let api = &settings.api;
    let open = api.auth_strategy == AuthStrategy::Noauth;
    let on_loopback = api.listen.ip().is_loopback();
    if open && !on_loopback {
        return Err(anyhow!(
            "without authentication the API listens on loopback only, not on {}: \
             give it users ([api] auth_strategy = \"http_basic\" and htpasswd_file, or --htpasswd FILE)",
            api.listen
        ))
        .context(At::of(["api", "listen"]));
    }
    if !open && api.htpasswd_file.is_none() {
        return Err(anyhow!("\"http_basic\" needs [api] htpasswd_file"))
            .context(At::of(["api", "auth_strategy"]));
    }
    if api.tls_cert.is_some() != api.tls_key.is_some() {
        let alone = if api.tls_cert.is_some() {
            "tls_cert"
        } else {
            "tls_key"
        };
        return Err(anyhow!("tls_cert and tls_key go together: both or none"))
            .context(At::of(["api", alone]));
    }
    if !on_loopback && api.tls_cert.is_none() && !api.behind_proxy {
        return Err(anyhow!(
            "passwords would cross the network in the clear on {}: give --tls-cert and --tls-key, \
             or --behind-proxy if a proxy in front terminates TLS",
            api.listen
        ))
        .context(At::of(["api", "listen"]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn check(settings: &Settings) -> Result<()> {
        super::check(settings, &Origins::default())
    }

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings::default();
        change(&mut settings);
        settings
    }

    #[test]
    fn the_default_is_good() {
        check(&Settings::default()).unwrap();
    }

    #[test]
    fn a_share_of_calls_is_from_none_to_all() {
        for (rate, good) in [
            (0.0, true),
            (0.25, true),
            (1.0, true),
            (5.0, false),
            (-0.1, false),
        ] {
            let settings = settings(|settings| settings.drivers.canary_max_fault_rate = Some(rate));
            assert_eq!(check(&settings).is_ok(), good, "{rate}");
        }
    }

    #[test]
    fn consoles_have_bounds() {
        let with = |seconds| {
            settings(|settings| {
                settings.conductor.console_idle_timeout = Some(crate::config::Seconds(
                    std::time::Duration::from_secs(seconds),
                ));
            })
        };
        check(&with(5)).unwrap();
        assert!(check(&with(0)).is_err());
    }

    #[test]
    fn an_open_api_stays_on_loopback() {
        let open = settings(|settings| settings.api.listen = "0.0.0.0:6385".parse().unwrap());
        assert!(format!("{:#}", check(&open).unwrap_err()).contains("loopback only"));
    }

    #[test]
    fn off_loopback_needs_tls_or_a_proxy() {
        let users = |settings: &mut Settings| {
            settings.api.listen = "0.0.0.0:6385".parse().unwrap();
            settings.api.auth_strategy = AuthStrategy::HttpBasic;
            settings.api.htpasswd_file = Some(PathBuf::from("users"));
        };
        assert!(
            format!("{:#}", front_door(&settings(users)).unwrap_err()).contains("in the clear")
        );
        let proxy = settings(|settings| {
            users(settings);
            settings.api.behind_proxy = true;
        });
        front_door(&proxy).unwrap();
        let tls = settings(|settings| {
            users(settings);
            settings.api.tls_cert = Some(PathBuf::from("cert"));
            settings.api.tls_key = Some(PathBuf::from("key"));
        });
        front_door(&tls).unwrap();
    }
}
