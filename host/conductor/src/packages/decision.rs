//! What a version gets when it is installed, and what somebody has to decide first. Pure.

use std::collections::BTreeSet;

use ironbark_model::Result;
use ironbark_model::lifecycle::PackageVersion;
use ironbark_model::package::DriverPackage;
use ironbark_package::Capability;

use super::granted::{Granted, asked_of};

/// What the operator grants with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All that it asks for, but for what was denied to the version before.
    AsAsked,
    /// All that it asks for.
    All,
    /// These.
    Named(BTreeSet<String>),
    /// What was granted before.
    AsBefore,
}

/// The active version, as far as it matters: what it wasn't granted of what it asks for was denied on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) asked: Vec<Capability>,
    pub(super) granted: Vec<String>,
}

/// What a version gets, and what somebody has to decide first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Names of what this version gets.
    pub(super) granted: BTreeSet<String>,
    /// What was neither granted nor denied.
    pub(super) undecided: Vec<Capability>,
    /// What its package is granted, if this version becomes the active one or is the first.
    pub(super) after: Granted,
    /// What its package is granted otherwise: nothing less than before.
    pub(super) beside: Granted,
}

impl Decision {
    /// `before` is what the package was granted, if anything was decided; `seen` is its active version.
    pub(super) fn new(
        wanted: &Wanted,
        asked: &[Capability],
        before: Option<&Granted>,
        seen: Option<&Seen>,
    ) -> Self {
        let nothing = Granted::exactly(Vec::new());
        let before = before.unwrap_or(&nothing);
        let names = |asked: &mut dyn Iterator<Item = &Capability>| -> BTreeSet<String> {
            asked.map(|one| one.name().to_owned()).collect()
        };
        let granted = match wanted {
            Wanted::AsAsked => {
                let denied =
                    |one: &&Capability| seen.is_some_and(|seen| seen.was_denied(one, before));
                names(&mut asked.iter().filter(|one| !denied(one)))
            }
            Wanted::All => names(&mut asked.iter()),
            // Not only those that are asked for: what can't be granted is an error.
            Wanted::Named(named) => named.clone(),
            Wanted::AsBefore => names(&mut asked.iter().filter(|one| before.has(one))),
        };
        let undecided = seen.map_or_else(Vec::new, |seen| {
            asked
                .iter()
                .filter(|one| !granted.contains(one.name()) && !seen.is_decided(one, before))
                .cloned()
                .collect()
        });
        let mut beside = before.clone();
        if *wanted != Wanted::AsBefore {
            for one in asked.iter().filter(|one| granted.contains(one.name())) {
                beside.add(one);
            }
        }
        let mut after = beside.clone();
        if *wanted != Wanted::AsBefore {
            // What this version doesn't ask for is other versions' business.
            let is_asked = |name: &str| asked.iter().any(|one| one.name() == name);
            after.keep(|name| granted.contains(name) || !is_asked(name));
        }
        Self {
            granted,
            undecided,
            after,
            beside,
        }
    }

    /// Why it has to wait, for people.
    pub(super) fn reason(undecided: &[Capability], before: Option<&Granted>) -> String {
        let known = before.map(Granted::entries).unwrap_or_default();
        let new: Vec<String> = undecided.iter().map(|one| one.beyond(known)).collect();
        format!("asks for {}", new.join("; "))
    }
}

impl Seen {
    /// What is known of it; without its version only what it has.
    pub(super) fn of(active: &DriverPackage, versions: &[PackageVersion]) -> Result<Self> {
        let known = versions
            .iter()
            .find(|version| version.digest == active.digest);
        let named = || active.granted.iter().cloned().map(Capability::Name);
        Ok(Self {
            asked: known.map_or_else(|| Ok(named().collect()), asked_of)?,
            granted: active.granted.clone(),
        })
    }

    /// The operator knew of this, and said no: to all of it, or to this much.
    fn was_denied(&self, asked: &Capability, before: &Granted) -> bool {
        let has = self.granted.iter().any(|name| name == asked.name());
        !has && self.is_decided(asked, before)
    }

    /// The operator knows of this.
    fn is_decided(&self, asked: &Capability, before: &Granted) -> bool {
        let knows_name = self.asked.iter().any(|one| one.name() == asked.name());
        knows_name && (!before.names.contains(asked.name()) || asked.is_within(&self.asked))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn named(names: &[&str]) -> Vec<Capability> {
        let named = names.iter().map(|&name| Capability::Name(name.to_owned()));
        named.collect()
    }

    fn entry(value: Value) -> Capability {
        serde_json::from_value(value).unwrap()
    }

    fn decide(
        wanted: &Wanted,
        asked: &[Capability],
        before: &[Capability],
        active: Option<&[Capability]>,
    ) -> Decision {
        let before = Granted::exactly(before.to_vec());
        let seen = active.map(|asked| Seen {
            asked: asked.to_vec(),
            granted: before.names.iter().cloned().collect(),
        });
        let before = active.is_some().then_some(&before);
        Decision::new(wanted, asked, before, seen.as_ref())
    }

    #[test]
    fn a_first_version_gets_what_the_operator_says() {
        let asked = named(&["ipmi", "state"]);
        let first = |wanted| decide(&wanted, &asked, &[], None);
        let none = first(Wanted::AsBefore);
        assert_eq!((none.granted, none.undecided), (set(&[]), vec![]));
        assert_eq!(none.after, Granted::exactly(vec![]));
        let all = first(Wanted::AsAsked);
        assert_eq!(all.granted, set(&["ipmi", "state"]));
        assert_eq!(all.after, Granted::exactly(asked.clone()));
        let one = first(Wanted::Named(set(&["ipmi"])));
        assert_eq!((one.granted, one.undecided), (set(&["ipmi"]), vec![]));
        assert_eq!(one.after, Granted::exactly(named(&["ipmi"])));
    }

    #[test]
    fn an_update_that_asks_for_more_waits() {
        let ipmi = named(&["ipmi"]);
        let more = named(&["ipmi", "state"]);
        let decided = decide(&Wanted::AsBefore, &more, &ipmi, Some(&ipmi));
        assert_eq!(decided.granted, set(&["ipmi"]));
        assert_eq!(decided.undecided, named(&["state"]));
        assert_eq!(Decision::reason(&decided.undecided, None), "asks for state");
        let all = Wanted::Named(set(&["ipmi", "state"]));
        let decided = decide(&all, &more, &ipmi, Some(&ipmi));
        assert_eq!((decided.granted.len(), decided.undecided), (2, vec![]));
        // The same as before never waits.
        let decided = decide(&Wanted::AsBefore, &ipmi, &ipmi, Some(&ipmi));
        assert_eq!(
            (decided.granted, decided.undecided),
            (set(&["ipmi"]), vec![])
        );
    }

    #[test]
    #[rustfmt::skip]
    fn an_update_that_asks_for_more_under_a_name_waits_too() {
        let few = json!({"name": "ipmi", "commands": [{"netfn": 0, "command": 1}]});
        let more = json!({"name": "ipmi", "commands": [{"netfn": 0, "command": 1}, {"netfn": 46, "command": 1}]});
        let (on, wild) = (json!({"name": "ssh", "templates": ["on"]}), json!({"name": "ssh", "templates": ["on", "rm"]}));
        let own = json!({"name": "redfish", "rules": ["GET /redfish/v1/Systems/{system}"]});
        let every = json!({"name": "redfish", "rules": ["* /redfish/v1/**"]});
        for (before, now, waits) in [
            (&few, &more, true), (&few, &json!("ipmi"), true), (&json!("ipmi"), &more, true), (&more, &few, false),
            (&json!("ipmi"), &few, false), (&on, &wild, true), (&wild, &on, false), (&own, &every, true),
            (&every, &own, false), (&own, &own, false),
        ] {
            let (before, now) = (vec![entry(before.clone())], vec![entry(now.clone())]);
            let decided = decide(&Wanted::AsBefore, &now, &before, Some(&before));
            assert_eq!(decided.undecided.is_empty(), !waits, "{before:?} → {now:?}");
            assert_eq!(decided.granted.is_empty(), waits);
            assert_eq!(decided.after, Granted::exactly(before), "nothing is granted by asking");
        }
    }

    #[test]
    fn what_was_denied_stays_denied_and_is_not_asked_again() {
        let (ipmi, both) = (named(&["ipmi"]), named(&["ipmi", "state"]));
        for wanted in [Wanted::AsAsked, Wanted::AsBefore] {
            let decided = decide(&wanted, &both, &ipmi, Some(&both));
            assert_eq!(
                (decided.granted, decided.undecided),
                (set(&["ipmi"]), vec![])
            );
        }
        let decided = decide(&Wanted::All, &both, &ipmi, Some(&both));
        assert_eq!(decided.granted, set(&["ipmi", "state"]));
    }

    #[test]
    fn what_a_version_does_not_ask_for_stays_granted_to_the_others() {
        let both = named(&["ipmi", "state"]);
        let decided = decide(&Wanted::All, &named(&["ipmi"]), &both, Some(&both));
        assert_eq!(decided.after, Granted::exactly(both.clone()));
        let less = decide(&Wanted::Named(set(&["state"])), &both, &both, Some(&both));
        assert_eq!(less.after, Granted::exactly(named(&["state"])));
        assert_eq!(less.beside, Granted::exactly(both), "until it is active");
    }
}
