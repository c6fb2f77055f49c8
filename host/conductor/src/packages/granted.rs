//! What a package is granted: names of capabilities, and what exactly under each name.

use std::collections::BTreeSet;

use ironbark_model::lifecycle::{PackageGrants, PackageVersion};
use ironbark_model::{Error, Result};
use ironbark_package::{Capability, Metadata};
use serde::Deserialize as _;
use serde_json::Value;

/// Always there, so neither asked for nor granted.
const FREE: &[&str] = &["call", "log", "clock"];

/// What a package is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) names: BTreeSet<String>,
    /// What exactly; `None`: whatever a version asks for under these names.
    entries: Option<Vec<Capability>>,
}

impl Granted {
    /// Under these names, whatever a version asks for: for a version of which it is known that it has them.
    pub(super) fn by_name(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            names: names.into_iter().collect(),
            entries: None,
        }
    }

    /// These entries.
    pub(super) fn exactly(entries: Vec<Capability>) -> Self {
        let mut granted = Self {
            names: BTreeSet::new(),
            entries: Some(Vec::new()),
        };
        entries.iter().for_each(|entry| granted.add(entry));
        granted
    }

    /// As it is stored.
    pub(super) fn from_row(row: PackageGrants) -> Result<Self> {
        let entries = row.entries.map(|entries| read(&entries)).transpose()?;
        Ok(Self {
            names: row.names.into_iter().collect(),
            entries,
        })
    }

    /// As it is stored; it is known then what exactly.
    pub(super) fn to_row(&self) -> Result<PackageGrants> {
        Ok(PackageGrants {
            names: self.names.iter().cloned().collect(),
            entries: self.entries.as_deref().map(written).transpose()?,
        })
    }

    /// What exactly is granted, as far as that is known.
    pub(super) fn entries(&self) -> &[Capability] {
        self.entries.as_deref().unwrap_or_default()
    }

    /// Whether it is known what exactly is granted.
    pub(super) fn is_exact(&self) -> bool {
        self.entries.is_some()
    }

    /// Whether all that is asked for here is granted.
    pub(super) fn has(&self, asked: &Capability) -> bool {
        self.names.contains(asked.name())
            && self
                .entries
                .as_deref()
                .is_none_or(|entries| asked.is_within(entries))
    }

    /// Names of what a version with this metadata gets.
    pub(super) fn of(&self, metadata: &Metadata) -> BTreeSet<String> {
        asked_by(metadata)
            .filter(|asked| self.has(asked))
            .map(|asked| asked.name().to_owned())
            .collect()
    }

    /// Grants this too.
    pub(super) fn add(&mut self, entry: &Capability) {
        self.names.insert(entry.name().to_owned());
        if let Some(entries) = &mut self.entries
            && !entry.is_within(entries)
        {
            let entry = without_reason(entry);
            entries.retain(|known| !known.is_within(std::slice::from_ref(&entry)));
            entries.push(entry);
        }
    }

    /// Grants only what has one of these names.
    pub(super) fn keep(&mut self, keeps: impl Fn(&str) -> bool) {
        self.names.retain(|name| keeps(name));
        if let Some(entries) = &mut self.entries {
            entries.retain(|entry| keeps(entry.name()));
        }
    }
}

/// What a version with this metadata asks for.
pub(super) fn asked_by(metadata: &Metadata) -> impl Iterator<Item = &Capability> {
    metadata
        .capabilities
        .iter()
        .filter(|asked| !FREE.contains(&asked.name()))
}

/// What an installed version asks for: only the names, if nobody knows more.
pub(super) fn asked_of(version: &PackageVersion) -> Result<Vec<Capability>> {
    let mut entries = read(&version.capabilities)?;
    entries.retain(|entry| !FREE.contains(&entry.name()));
    for name in &version.asked {
        if !entries.iter().any(|entry| entry.name() == name) {
            entries.push(Capability::Name(name.clone()));
        }
    }
    Ok(entries)
}

/// As they are stored.
pub(super) fn written(entries: &[Capability]) -> Result<Vec<Value>> {
    let written = entries.iter().map(serde_json::to_value).collect();
    let written: std::result::Result<Vec<Value>, _> = written;
    written.map_err(|error| Error::internal("A grant can't be written as JSON.").caused_by(error))
}

fn read(entries: &[Value]) -> Result<Vec<Capability>> {
    let read = entries.iter().map(Capability::deserialize).collect();
    let read: std::result::Result<Vec<Capability>, _> = read;
    read.map_err(|error| Error::internal("A stored grant can't be read.").caused_by(error))
}

/// What the vendor said it is for is no part of what is granted.
fn without_reason(entry: &Capability) -> Capability {
    match entry {
        Capability::Name(name) => Capability::Name(name.clone()),
        Capability::Detailed {
            name,
            commands,
            rules,
            templates,
            ..
        } => Capability::Detailed {
            name: name.clone(),
            commands: commands.clone(),
            rules: rules.clone(),
            templates: templates.clone(),
            why: String::new(),
        },
    }
}
