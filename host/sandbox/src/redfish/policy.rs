//! The rules that were granted.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_package::{PatternSegment, RedfishRule};

use super::ownership::{Owned, Ownership};
use super::path::ResourcePath;
use crate::capabilities::RedfishMethod;

/// Resources that no rule alone gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedfishGroup {
    /// Its name in grants, after `redfish:`.
    pub name: &'static str,
    /// What it gives, for the operator who decides.
    pub description: &'static str,
    /// Segments that belong to it, in lower case, wherever they stand in a path.
    segments: &'static [&'static str],
}

/// The group that no segment tells: chassis and managers of the node that are other nodes' as well.
const SHARED: &str = "shared";

/// All groups.
pub const REDFISH_GROUPS: &[RedfishGroup] = &[
    RedfishGroup {
        name: "accounts",
        description: "reading and changing the service's users, roles and passwords (AccountService)",
        segments: &[
            "accountservice",
            "remoteaccountservice",
            "accounts",
            "remoteaccounts",
            "externalaccountproviders",
            "roles",
        ],
    },
    RedfishGroup {
        name: "sessions",
        description: "reading, opening and closing the service's sessions (SessionService)",
        segments: &["sessionservice", "sessions"],
    },
    RedfishGroup {
        name: SHARED,
        description: "changing the node's chassis and managers also where they are other nodes' as well: enclosures of blades, BMCs of several systems",
        segments: &[],
    },
];

/// The requests that a package may send.
#[derive(Clone, Debug, Default)]
pub struct RedfishPolicy {
    rules: Arc<[RedfishRule]>,
    groups: BTreeSet<&'static str>,
}

impl RedfishPolicy {
    /// What these rules allow, in their order; nothing else.
    pub fn new(rules: impl IntoIterator<Item = RedfishRule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            groups: BTreeSet::new(),
        }
    }

    /// Adds the group of this name (without `redfish:`); `false` if there is none.
    pub fn grant_group(&mut self, name: &str) -> bool {
        match REDFISH_GROUPS.iter().find(|group| group.name == name) {
            Some(group) => {
                self.groups.insert(group.name);
                true
            }
            None => false,
        }
    }

    /// Whether chassis and managers of the node may be changed though they are other nodes' as well.
    pub(crate) fn may_change_shared(&self) -> bool {
        self.groups.contains(SHARED)
    }

    /// Whether the request may be sent; why not, for the operator.
    pub(crate) fn check(
        &self,
        method: RedfishMethod,
        path: &ResourcePath,
        own: &Ownership,
    ) -> Result<(), String> {
        own.check(path)?;
        for group in REDFISH_GROUPS {
            if group.has(path) && !self.groups.contains(group.name) {
                return Err(format!("it needs the grant 'redfish:{}'", group.name));
            }
        }
        let decides = self.rules.iter().find(|rule| {
            rule.method.is_none_or(|name| name == method.as_str())
                && matches(rule, path.segments(), own)
        });
        match decides {
            Some(rule) if !rule.refuses => Ok(()),
            Some(_) => Err("a rule of the driver's metadata excludes it".to_owned()),
            None => Err("no rule of the driver's metadata allows it".to_owned()),
        }
    }
}

impl RedfishGroup {
    fn has(&self, path: &ResourcePath) -> bool {
        path.segments().iter().any(|segment| {
            self.segments
                .contains(&segment.to_ascii_lowercase().as_str())
        })
    }
}

fn matches(rule: &RedfishRule, segments: &[String], own: &Ownership) -> bool {
    let mut at = 0;
    for wanted in &rule.pattern {
        if *wanted == PatternSegment::Rest {
            return true;
        }
        let (Some(segment), Some(until_here)) = (segments.get(at), segments.get(..=at)) else {
            return false;
        };
        let fits = match wanted {
            // Some services don't care about case: what is refused is refused in any spelling.
            PatternSegment::Literal(text) if rule.refuses => text.eq_ignore_ascii_case(segment),
            PatternSegment::Literal(text) => text == segment,
            PatternSegment::Any | PatternSegment::Rest => true,
            PatternSegment::System => own.is(Owned::System, until_here),
            PatternSegment::Chassis => own.is(Owned::Chassis, until_here),
            PatternSegment::Manager => own.is(Owned::Manager, until_here),
        };
        if !fits {
            return false;
        }
        at += 1;
    }
    at == segments.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capabilities::RedfishResources;

    fn own() -> Ownership {
        Ownership::new(&RedfishResources {
            system: "/redfish/v1/Systems/1".into(),
            chassis: vec!["/redfish/v1/Chassis/1".into()],
            managers: vec!["/redfish/v1/Managers/1".into()],
        })
        .unwrap()
    }

    fn policy(rules: &[&str]) -> RedfishPolicy {
        RedfishPolicy::new(rules.iter().map(|rule| rule.parse().unwrap()))
    }

    fn check(policy: &RedfishPolicy, method: RedfishMethod, path: &str) -> Result<(), String> {
        policy.check(method, &ResourcePath::parse(path)?, &own())
    }

    #[test]
    fn nothing_is_allowed_that_no_rule_allows() {
        let policy = policy(&["GET /redfish/v1/Systems/{system}"]);
        assert_eq!(
            check(&policy, RedfishMethod::Get, "/redfish/v1/Systems/1"),
            Ok(())
        );
        assert_eq!(
            check(&policy, RedfishMethod::Get, "/redfish/v1/Systems/1/"),
            Ok(())
        );
        assert!(check(&policy, RedfishMethod::Patch, "/redfish/v1/Systems/1").is_err());
        assert!(check(&policy, RedfishMethod::Get, "/redfish/v1/Systems/1/Bios").is_err());
        assert!(check(&policy, RedfishMethod::Get, "/redfish/v1").is_err());
        assert!(check(&RedfishPolicy::default(), RedfishMethod::Get, "/redfish/v1").is_err());
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let policy = policy(&[
            "!* /redfish/v1/Systems/{system}/SecureBoot/**",
            "!PATCH /redfish/v1/Systems/*/Bios",
            "* /redfish/v1/Systems/{system}/**",
            "!* /redfish/v1/Systems/{system}/Bios/**",
        ]);
        let path = |rest: &str| format!("/redfish/v1/Systems/1{rest}");
        for (method, rest) in [
            (RedfishMethod::Get, ""),
            (RedfishMethod::Get, "/Bios"),
            (RedfishMethod::Patch, "/Bios/Settings"),
            (RedfishMethod::Post, "/Actions/ComputerSystem.Reset"),
        ] {
            assert_eq!(check(&policy, method, &path(rest)), Ok(()), "{rest}");
        }
        for (method, rest) in [
            (RedfishMethod::Get, "/SecureBoot"),
            (RedfishMethod::Get, "/secureboot"),
            (
                RedfishMethod::Post,
                "/SecureBoot/Actions/SecureBoot.ResetKeys",
            ),
            (RedfishMethod::Patch, "/Bios"),
            (RedfishMethod::Patch, "/BIOS"),
        ] {
            let reason = check(&policy, method, &path(rest)).unwrap_err();
            assert!(reason.contains("excludes"), "{rest}: {reason}");
        }
    }

    #[test]
    fn no_rule_however_wide_gives_another_nodes_resources() {
        let policy = policy(&["* /redfish/v1/Systems/2/**", "* /redfish/**"]);
        for path in [
            "/redfish/v1/Systems/2",
            "/redfish/v1/Systems/2/Bios",
            "/redfish/v1/Chassis/2",
            "/redfish/v1/Managers",
        ] {
            assert!(check(&policy, RedfishMethod::Get, path).is_err(), "{path}");
        }
        assert_eq!(
            check(&policy, RedfishMethod::Get, "/redfish/v1/Systems/1"),
            Ok(())
        );
    }

    #[test]
    fn accounts_and_sessions_need_their_group() {
        for (path, group) in [
            ("/redfish/v1/AccountService", "accounts"),
            ("/redfish/v1/accountservice/Accounts/2", "accounts"),
            ("/redfish/v1/%41ccountService/Accounts", "accounts"),
            ("/redfish/v1/Managers/1/RemoteAccountService", "accounts"),
            ("/redfish/v1/Systems/1/Oem/Accounts/1", "accounts"),
            ("/redfish/v1/SessionService/Sessions", "sessions"),
            ("/redfish/v1/Sessions", "sessions"),
        ] {
            let mut policy = policy(&["* /redfish/**"]);
            let reason = check(&policy, RedfishMethod::Post, path).unwrap_err();
            assert!(
                reason.contains(&format!("'redfish:{group}'")),
                "{path}: {reason}"
            );
            assert!(policy.grant_group(group));
            assert_eq!(check(&policy, RedfishMethod::Post, path), Ok(()), "{path}");
        }
        assert!(!RedfishPolicy::default().grant_group("everything"));
    }

    proptest! {
        #[test]
        fn what_passes_the_bound_rules_is_this_systems(
            prefix in "/redfish/v1/[Ss](ystems|YSTEMS)",
            rest in "[/a-zA-Z0-9.%;?#]{0,24}",
        ) {
            let policy = policy(&["GET /redfish/v1/Systems/{system}/**"]);
            let text = format!("{prefix}{rest}");
            if check(&policy, RedfishMethod::Get, &text).is_ok() {
                let sent = ResourcePath::parse(&text).unwrap().to_text();
                let below = sent.strip_prefix("/redfish/v1/Systems/1");
                prop_assert!(below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])), "{}", sent);
            }
        }
    }
}
