//! What packages may use: `[drivers]` for all of them, `[drivers.limits.NAME]` for one.

use anyhow::{Context, Result, ensure};
use ironbark_sandbox::Limits;

use crate::config::{At, DriverSettings, PackageLimits};

/// Most memory that a package may be given, in MiB: each call may need as much address space.
const MAX_MEMORY_MIB: u32 = 1024;

/// Refuses limits that can't be.
pub(super) fn check(set: &DriverSettings) -> Result<()> {
    let all = of_all(set, &Limits::default())?;
    for (name, own) in &set.limits {
        of_package(name, own, &all)?;
    }
    Ok(())
}

/// The limits of packages that have none of their own.
pub(super) fn of_all(set: &DriverSettings, base: &Limits) -> Result<Limits> {
    let all = PackageLimits {
        call_timeout: set.call_timeout,
        call_cpu_limit: set.call_cpu_limit,
        memory_limit_mib: set.memory_limit_mib,
        live_calls: set.live_calls_per_package,
        host_calls: set.host_calls,
        host_calls_per_second: set.host_calls_per_second,
        transfer_limit_kib: set.transfer_limit_kib,
        log_lines_per_second: set.log_lines_per_second,
    };
    of_one(&["drivers"], &all, base)
}

/// `base` with what is set for the package of this name.
pub(super) fn of_package(name: &str, own: &PackageLimits, base: &Limits) -> Result<Limits> {
    of_one(&["drivers", "limits", name], own, base)
}

fn of_one(section: &[&str], set: &PackageLimits, base: &Limits) -> Result<Limits> {
    let mut limits = base.clone();
    limits.cpu = set.call_cpu_limit.map_or(limits.cpu, |seconds| seconds.0);
    limits.default_deadline = set
        .call_timeout
        .map_or(limits.default_deadline, |seconds| seconds.0);
    if let Some(mib) = set.memory_limit_mib {
        let checked = || -> Result<()> {
            ensure!(
                (1..=MAX_MEMORY_MIB).contains(&mib),
                "{mib}: from 1 to {MAX_MEMORY_MIB} are possible"
            );
            Ok(())
        };
        checked().with_context(|| At::of(section.iter().copied().chain(["memory_limit_mib"])))?;
        limits.memory = usize::try_from(mib)?.saturating_mul(1024 * 1024);
    }
    if let Some(kib) = set.transfer_limit_kib {
        limits.transfer = usize::try_from(kib)?.saturating_mul(1024);
    }
    limits.live_calls = set.live_calls.or(limits.live_calls);
    limits.host_calls = set.host_calls.unwrap_or(limits.host_calls);
    limits.host_calls_per_second = set
        .host_calls_per_second
        .unwrap_or(limits.host_calls_per_second);
    limits.log_lines_per_second = set
        .log_lines_per_second
        .unwrap_or(limits.log_lines_per_second);
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Settings;

    fn settings(text: &str) -> DriverSettings {
        toml::from_str::<Settings>(text).expect("settings").drivers
    }

    #[test]
    fn a_package_has_its_own_and_for_the_rest_what_all_have() {
        let set = settings(
            "[drivers]\ncall_timeout = 90\nhost_calls_per_second = 50\n\
             [drivers.limits.acme]\nmemory_limit_mib = 64\nlive_calls = 3\ncall_timeout = 240",
        );
        let all = of_all(&set, &Limits::default()).expect("good");
        assert_eq!(all.default_deadline, Duration::from_secs(90));
        assert_eq!((all.memory, all.live_calls), (24 << 20, None));
        let acme = of_package("acme", set.limits.get("acme").expect("it"), &all).expect("good");
        assert_eq!(acme.memory, 64 << 20);
        assert_eq!(acme.live_calls.map(std::num::NonZero::get), Some(3));
        assert_eq!(acme.default_deadline, Duration::from_secs(240));
        assert_eq!(acme.host_calls_per_second, 50);
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let set = settings("[drivers.limits.acme]\nmemory_limit_mib = 5000");
        let error = format!("{:#}", check(&set).unwrap_err());
        assert!(
            error.starts_with("[drivers.limits.acme] memory_limit_mib: 5000"),
            "{error}"
        );
        for text in [
            "[drivers.limits.acme]\nmemory = 5",
            "[drivers.limits.acme]\nlive_calls = 0",
            "[drivers]\ntime_zone = \"Mars/Olympus\"",
        ] {
            assert!(toml::from_str::<Settings>(text).is_err(), "{text}");
        }
    }
}
