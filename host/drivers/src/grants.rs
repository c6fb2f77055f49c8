//! What the operator lets a package do. Nothing is granted by asking.

use std::collections::BTreeSet;

use ironbark_package::{Capability, Metadata};
use ironbark_sandbox::{Granted, IPMI_GROUPS, IpmiPolicy};

use crate::error::PackageError;

/// Always there, so neither asked for nor granted.
const FREE: &[&str] = &["call", "log", "clock"];

/// The operator's decision on a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grants {
    /// Everything that the package asks for: `--yes`, and what putting a file into the folder means.
    AsAsked,
    /// These capabilities, by name: `ipmi`, `state`, `ipmi:users`, …
    Only(BTreeSet<String>),
}

impl Grants {
    /// These capabilities.
    pub fn only<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }

    /// Names of what a package with this metadata asks for.
    pub fn asked_by(metadata: &Metadata) -> BTreeSet<String> {
        asked(metadata)
    }

    /// Names of what a package with this metadata gets.
    pub(crate) fn resolve(&self, metadata: &Metadata) -> Result<BTreeSet<String>, PackageError> {
        let asked = asked(metadata);
        for name in &asked {
            check_name(name)?;
        }
        match self {
            Self::AsAsked => Ok(asked),
            Self::Only(names) => {
                let names: BTreeSet<String> = names
                    .iter()
                    .filter(|name| !FREE.contains(&name.as_str()))
                    .cloned()
                    .collect();
                match names.difference(&asked).next() {
                    Some(name) => Err(PackageError::Grant(
                        name.clone(),
                        "the package doesn't ask for it",
                    )),
                    None => Ok(names),
                }
            }
        }
    }
}

/// Names of what a package asks for.
pub(crate) fn asked(metadata: &Metadata) -> BTreeSet<String> {
    metadata
        .capabilities
        .iter()
        .map(|capability| capability.name().to_owned())
        .filter(|name| !FREE.contains(&name.as_str()))
        .collect()
}

/// The sandbox's form of what was granted.
pub(crate) fn sandbox_grants(names: &BTreeSet<String>, metadata: &Metadata) -> Granted {
    let ipmi = names.contains("ipmi").then(|| {
        let mut policy = IpmiPolicy::new();
        for group in names.iter().filter_map(|name| name.strip_prefix("ipmi:")) {
            policy.grant_group(group);
        }
        for capability in &metadata.capabilities {
            if let Capability::Detailed {
                name,
                commands: Some(commands),
                ..
            } = capability
                && name == "ipmi"
            {
                policy.restrict_to(commands.iter().map(|id| (id.netfn, id.command)));
            }
        }
        policy
    });
    Granted {
        ipmi,
        state: names.contains("state"),
    }
}

fn check_name(name: &str) -> Result<(), PackageError> {
    match name.strip_prefix("ipmi:") {
        Some(group) if !IPMI_GROUPS.iter().any(|known| known.name == group) => Err(
            PackageError::Grant(name.to_owned(), "there is no such group of IPMI commands"),
        ),
        _ => Ok(()),
    }
}
