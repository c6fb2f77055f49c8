//! Whether a package asks for more than it was granted: not by the names of capabilities alone, but by what stands under each.
//!
//! What can't be shown to be the same or less is more. So an operator may be asked about a change that gives nothing new, and
//! nothing new is ever given unasked.

use crate::metadata::{Capability, CommandId};
use crate::redfish_rule::{PatternSegment, RedfishRule};

/// Network functions of OEM commands: a list gives those that it names, `ipmi` without a list gives none.
const OEM: std::ops::RangeInclusive<u8> = 0x2E..=0x3E;

impl Capability {
    /// Whether everything that is asked for here is in `granted`, which are entries of the same form.
    pub fn is_within(&self, granted: &[Self]) -> bool {
        let mut same = granted.iter().filter(|one| one.name() == self.name());
        match self.name() {
            "ipmi" => match self.commands() {
                None => same.any(|one| one.commands().is_none()),
                Some(_) => same.next().is_some() && self.new_commands(granted).next().is_none(),
            },
            "ssh" => same.next().is_some() && self.new_templates(granted).next().is_none(),
            "redfish" => same.any(|one| rules_within(self, one)),
            _ => same.next().is_some(),
        }
    }

    /// What is asked for here and isn't in `granted`, for people; empty if it [is within](Self::is_within).
    pub fn beyond(&self, granted: &[Self]) -> String {
        if self.is_within(granted) {
            return String::new();
        }
        let name = self.name();
        let known = granted.iter().any(|one| one.name() == name);
        let new: Vec<String> = match name {
            "ipmi" if self.commands().is_none() => {
                vec!["all commands, not only those of a list".to_owned()]
            }
            "ipmi" => self
                .new_commands(granted)
                .map(|id| id.to_string())
                .collect(),
            "ssh" => self.new_templates(granted).map(str::to_owned).collect(),
            "redfish" => self.new_rules(granted),
            _ => Vec::new(),
        };
        match (known, new.as_slice()) {
            (false, []) => name.to_owned(),
            (false, new) => format!("{name} ({})", new.join(", ")),
            (true, new) => format!("more of {name} than was granted: {}", new.join(", ")),
        }
    }

    fn new_commands<'a>(&'a self, granted: &'a [Self]) -> impl Iterator<Item = &'a CommandId> {
        self.commands().unwrap_or_default().iter().filter(|id| {
            !granted
                .iter()
                .filter(|one| one.name() == self.name())
                .any(|one| match one.commands() {
                    Some(list) => list.contains(id),
                    None => !OEM.contains(&id.netfn),
                })
        })
    }

    fn new_templates<'a>(&'a self, granted: &'a [Self]) -> impl Iterator<Item = &'a str> {
        self.templates()
            .iter()
            .filter(|template| {
                !granted
                    .iter()
                    .any(|one| one.name() == self.name() && one.templates().contains(template))
            })
            .map(String::as_str)
    }

    /// Rules that no granted entry has; if there are none, they allow more in their order, or without what was excluded.
    fn new_rules(&self, granted: &[Self]) -> Vec<String> {
        let new: Vec<String> = self
            .rules()
            .iter()
            .filter(|rule| !granted.iter().any(|one| one.rules().contains(rule)))
            .cloned()
            .collect();
        if new.is_empty() {
            vec!["known rules in another order, or without what they excluded".to_owned()]
        } else {
            new
        }
    }
}

impl std::fmt::Display for CommandId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{:02x}/0x{:02x}", self.netfn, self.command)
    }
}

/// Whether all requests that `asked` allows are allowed by `granted`.
fn rules_within(asked: &Capability, granted: &Capability) -> bool {
    let read = |capability: &Capability| -> Option<Vec<RedfishRule>> {
        capability
            .rules()
            .iter()
            .map(|rule| rule.parse().ok())
            .collect()
    };
    let (Some(asked), Some(granted)) = (read(asked), read(granted)) else {
        return false;
    };
    asked.iter().enumerate().all(|(index, rule)| {
        rule.refuses || allowed_by(rule, asked.get(..index).unwrap_or_default(), &granted)
    })
}

/// Whether `granted` allows all that `rule` allows after the rules `before` it.
fn allowed_by(rule: &RedfishRule, before: &[RedfishRule], granted: &[RedfishRule]) -> bool {
    for theirs in granted {
        if theirs.refuses {
            // What it excludes must not be what the rule allows, or be excluded before.
            let excluded = before
                .iter()
                .any(|earlier| earlier.refuses && covers(earlier, theirs));
            if !(excluded || are_apart(theirs, rule)) {
                return false;
            }
        } else if covers(theirs, rule) {
            return true;
        }
        // What else it allows does no harm.
    }
    false
}

/// Whether all requests that match `inner` match `outer`.
fn covers(outer: &RedfishRule, inner: &RedfishRule) -> bool {
    if outer.method.is_some() && outer.method != inner.method {
        return false;
    }
    let mut theirs = inner.pattern.iter();
    for wanted in &outer.pattern {
        if *wanted == PatternSegment::Rest {
            return true;
        }
        let covered = match (wanted, theirs.next()) {
            (_, None | Some(PatternSegment::Rest)) => false,
            (PatternSegment::Any, Some(_)) => true,
            // Refusals don't care about case.
            (PatternSegment::Literal(text), Some(PatternSegment::Literal(other))) => {
                text == other || (outer.refuses && text.eq_ignore_ascii_case(other))
            }
            (wanted, Some(other)) => wanted == other,
        };
        if !covered {
            return false;
        }
    }
    theirs.next().is_none()
}

/// Whether no request can match both.
fn are_apart(one: &RedfishRule, other: &RedfishRule) -> bool {
    if one.method.is_some() && other.method.is_some() && one.method != other.method {
        return true;
    }
    let (mut ones, mut others) = (one.pattern.iter(), other.pattern.iter());
    loop {
        match (ones.next(), others.next()) {
            (Some(PatternSegment::Rest), _) | (_, Some(PatternSegment::Rest)) | (None, None) => {
                return false;
            }
            (Some(_), None) | (None, Some(_)) => return true,
            (Some(PatternSegment::Literal(text)), Some(PatternSegment::Literal(theirs)))
                if !text.eq_ignore_ascii_case(theirs) =>
            {
                return true;
            }
            // A bound resource may have any name.
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn entry(value: Value) -> Capability {
        serde_json::from_value(value).unwrap()
    }

    fn redfish(rules: &[&str]) -> Capability {
        entry(json!({"name": "redfish", "rules": rules}))
    }

    fn ipmi(commands: &[(u8, u8)]) -> Capability {
        let list: Vec<Value> = commands
            .iter()
            .map(|(netfn, command)| json!({"netfn": netfn, "command": command}))
            .collect();
        entry(json!({"name": "ipmi", "commands": list}))
    }

    fn ssh(templates: &[&str]) -> Capability {
        entry(json!({"name": "ssh", "templates": templates}))
    }

    #[test]
    fn a_name_is_within_itself_whatever_it_is_for() {
        let state = entry(json!({"name": "state", "why": "notes"}));
        assert!(state.is_within(&[entry(json!("state"))]));
        assert!(!state.is_within(&[entry(json!("agent"))]));
        assert_eq!(state.beyond(&[]), "state");
    }

    #[test]
    fn commands_are_compared_one_by_one() {
        let any = entry(json!("ipmi"));
        let (few, more) = (ipmi(&[(0, 1)]), ipmi(&[(0, 1), (0, 2)]));
        assert!(few.is_within(std::slice::from_ref(&more)));
        assert!(!more.is_within(std::slice::from_ref(&few)));
        assert!(more.is_within(&[few.clone(), ipmi(&[(0, 2)])]), "together");
        assert!(
            !any.is_within(std::slice::from_ref(&more)),
            "no list is all"
        );
        assert!(more.is_within(std::slice::from_ref(&any)));
        // Of OEM commands a list gives what no list doesn't.
        let oem = ipmi(&[(0, 1), (0x2E, 1)]);
        assert!(!oem.is_within(std::slice::from_ref(&any)));
        assert!(oem.beyond(&[any]).ends_with("granted: 0x2e/0x01"));
        assert!(more.beyond(&[few]).ends_with("granted: 0x00/0x02"));
    }

    #[test]
    fn templates_are_compared_one_by_one() {
        let (few, more) = (ssh(&["on"]), ssh(&["on", "destroy"]));
        assert!(few.is_within(std::slice::from_ref(&more)));
        assert!(!more.is_within(std::slice::from_ref(&few)));
        assert_eq!(more.beyond(&[few]), "more of ssh than was granted: destroy");
        assert_eq!(more.beyond(&[]), "ssh (on, destroy)");
    }

    #[test]
    #[rustfmt::skip]
    fn rules_are_within_if_they_allow_no_more() {
        let granted = redfish(&[
            "!* /redfish/v1/Systems/{system}/SecureBoot/**", "GET /redfish/v1/**", "* /redfish/v1/Systems/{system}/**",
        ]);
        for (rules, expected) in [
            (&["GET /redfish/v1/**"][..], false),
            (&["!* /redfish/v1/Systems/{system}/SecureBoot/**", "GET /redfish/v1/**"], true),
            (&["!* /redfish/v1/**", "GET /redfish/v1/Systems"], true),
            (&["GET /redfish/v1/Managers/*"], true),
            (&["PATCH /redfish/v1/Managers/*"], false),
            (&["GET /redfish/v1/Systems/{system}"], true),
            (&["PATCH /redfish/v1/Systems/{system}/Bios/Settings"], true),
            (&["PATCH /redfish/v1/Systems/{system}/*"], false),
            (&["!* /redfish/v1/Systems/{system}/secureboot/**", "PATCH /redfish/v1/Systems/{system}/*"], true),
            (&["PATCH /redfish/v1/Systems/*/Bios"], false),
            (&["* /redfish/v1/**"], false),
            (&["* /redfish/**"], false),
            (&["GET /redfish"], false),
        ] {
            assert_eq!(redfish(rules).is_within(std::slice::from_ref(&granted)), expected, "{rules:?}");
        }
        assert!(granted.is_within(std::slice::from_ref(&granted)), "itself");
        let wider = redfish(&["GET /redfish/v1/**", "* /redfish/v1/**"]);
        assert_eq!(wider.beyond(std::slice::from_ref(&granted)), "more of redfish than was granted: * /redfish/v1/**");
        let reordered = redfish(&["GET /redfish/v1/**", "!* /redfish/v1/Systems/{system}/SecureBoot/**"]);
        assert!(reordered.beyond(&[granted]).contains("another order"));
    }

    /// What a rule makes of a request, as the sandbox does it, for a system of the id 1.
    fn allows(rules: &[RedfishRule], method: &str, segments: &[&str]) -> bool {
        let matches = |rule: &RedfishRule| {
            if rule.method.is_some_and(|name| name != method) {
                return false;
            }
            let mut at = 0;
            for wanted in &rule.pattern {
                let Some(segment) = segments.get(at) else {
                    return *wanted == PatternSegment::Rest;
                };
                let fits = match wanted {
                    PatternSegment::Rest => return true,
                    PatternSegment::Any => true,
                    PatternSegment::Literal(text) if rule.refuses => {
                        text.eq_ignore_ascii_case(segment)
                    }
                    PatternSegment::Literal(text) => text == segment,
                    PatternSegment::System => segments.get(..=at) == Some(&["redfish", "1"]),
                    PatternSegment::Chassis | PatternSegment::Manager => false,
                };
                if !fits {
                    return false;
                }
                at += 1;
            }
            at == segments.len()
        };
        let decides = rules.iter().find(|rule| matches(rule));
        decides.is_some_and(|rule| !rule.refuses)
    }

    fn rule_text() -> impl Strategy<Value = String> {
        let segment = prop::sample::select(vec!["a", "A", "1", "*", "{system}"]);
        (
            any::<bool>(),
            prop::sample::select(vec!["GET", "PUT", "*"]),
            prop::collection::vec(segment, 0..3),
            any::<bool>(),
        )
            .prop_map(|(refuses, method, segments, rest)| {
                let mut text = format!("{}{method} /redfish", if refuses { "!" } else { "" });
                for segment in segments.into_iter().chain(rest.then_some("**")) {
                    text.push('/');
                    text.push_str(segment);
                }
                text
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn what_is_within_allows_nothing_more(
            asked in prop::collection::vec(rule_text(), 1..4),
            granted in prop::collection::vec(rule_text(), 1..4),
        ) {
            let entry = |rules: &[String]| redfish(&rules.iter().map(String::as_str).collect::<Vec<_>>());
            let within = entry(&asked).is_within(&[entry(&granted)]);
            let read = |rules: &[String]| -> Vec<RedfishRule> {
                rules.iter().map(|rule| rule.parse().unwrap()).collect()
            };
            let (asked, granted) = (read(&asked), read(&granted));
            let names = ["a", "A", "1"];
            let mut paths = vec![vec!["redfish"]];
            for first in names {
                paths.push(vec!["redfish", first]);
                for second in names {
                    paths.push(vec!["redfish", first, second]);
                    paths.push(vec!["redfish", first, second, "b"]);
                }
            }
            for method in ["GET", "PUT"] {
                for path in &paths {
                    let gains = allows(&asked, method, path) && !allows(&granted, method, path);
                    prop_assert!(!(within && gains), "{} {:?}", method, path);
                }
            }
        }
    }
}
