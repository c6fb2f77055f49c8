//! What must hold before anything is started.

use anyhow::{Result, bail};

use crate::config::{AuthStrategy, Settings};

/// Refuses settings that contradict each other, or that would leave the API open.
pub(crate) fn check(settings: &Settings) -> Result<()> {
    let api = &settings.api;
    let open = api.auth_strategy == AuthStrategy::Noauth;
    let on_loopback = api.listen.ip().is_loopback();
    if open && !on_loopback {
        bail!(
            "without authentication the API listens on loopback only, not on {}: \
             give it users ([api] auth_strategy = \"http_basic\" and htpasswd_file, or --htpasswd FILE)",
            api.listen
        );
    }
    if !open && api.htpasswd_file.is_none() {
        bail!("[api] auth_strategy = \"http_basic\" needs [api] htpasswd_file");
    }
    if api.tls_cert.is_some() != api.tls_key.is_some() {
        bail!("[api] tls_cert and tls_key go together: both or none");
    }
    if !on_loopback && api.tls_cert.is_none() && !api.behind_proxy {
        bail!(
            "passwords would cross the network in the clear on {}: give --tls-cert and --tls-key, \
             or --behind-proxy if a proxy in front terminates TLS",
            api.listen
        );
    }
    let rate = settings.drivers.canary_max_fault_rate.unwrap_or_default();
    if !(0.0..=1.0).contains(&rate) {
        bail!("[drivers] canary_max_fault_rate is a share of the calls, from 0 to 1, not {rate}");
    }
    let conductor = &settings.conductor;
    for (key, value) in [
        ("console_token_lifetime", conductor.console_token_lifetime),
        ("console_idle_timeout", conductor.console_idle_timeout),
        ("console_session_limit", conductor.console_session_limit),
    ] {
        if value.is_some_and(|seconds| seconds.0.is_zero()) {
            bail!("[conductor] {key} is a number of seconds, more than 0");
        }
    }
    super::parts::ipmi(settings)?;
    super::parts::redfish(settings)?;
    super::hypervisors::ssh(settings)?;
    super::parts::default_interfaces(&settings.drivers.default_interfaces)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

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
        assert!(
            check(&open)
                .unwrap_err()
                .to_string()
                .contains("loopback only")
        );
    }

    #[test]
    fn off_loopback_needs_tls_or_a_proxy() {
        let users = |settings: &mut Settings| {
            settings.api.listen = "0.0.0.0:6385".parse().unwrap();
            settings.api.auth_strategy = AuthStrategy::HttpBasic;
            settings.api.htpasswd_file = Some(PathBuf::from("users"));
        };
        assert!(
            check(&settings(users))
                .unwrap_err()
                .to_string()
                .contains("in the clear")
        );
        let proxy = settings(|settings| {
            users(settings);
            settings.api.behind_proxy = true;
        });
        check(&proxy).unwrap();
        let tls = settings(|settings| {
            users(settings);
            settings.api.tls_cert = Some(PathBuf::from("cert"));
            settings.api.tls_key = Some(PathBuf::from("key"));
        });
        check(&tls).unwrap();
    }
}
