//! What a component is, and what its metadata says it is, must be the same.

use std::collections::BTreeSet;

use ironbark_model::InterfaceKind;
use ironbark_model::step::StepKind;

use crate::component::Contents;
use crate::contract::{Export, interface_name};
use crate::metadata::{Metadata, StepEntry};

/// Imports of the contract that are capabilities: to be asked for.
const CAPABILITIES: &[&str] = &["agent", "boot-media", "ipmi", "redfish", "ssh", "state"];

/// How metadata and component disagree. Messages tell the vendor what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// Declared, and not there.
    #[error("the metadata declares {0}, but the component doesn't export '{0}'")]
    Missing(&'static str),
    /// There, and not declared.
    #[error("the component exports '{0}', but the metadata declares nothing for it")]
    Undeclared(&'static str),
    /// Imported, and not asked for.
    #[error("the component imports '{0}', but its metadata doesn't ask for that capability")]
    OverReach(String),
}

impl Metadata {
    /// Whether the component is what the metadata says, as a host sees it: old packages may only declare interfaces that the first
    /// contract had no export for ([`Export::is_optional`]).
    pub fn check_agreement(&self, contents: &Contents) -> Result<(), Disagreement> {
        let exported = contents.contract_exports();
        let required = self.required_exports(&exported);
        if let Some(export) = required
            .difference(&exported)
            .find(|export| !export.is_optional())
        {
            return Err(Disagreement::Missing(export.as_str()));
        }
        if let Some(export) = exported.difference(&required).next() {
            return Err(Disagreement::Undeclared(export.as_str()));
        }
        for import in &contents.imports {
            if let Some(interface) = interface_name(import)
                && CAPABILITIES.contains(&interface)
                && !self.asks_for(interface)
            {
                return Err(Disagreement::OverReach(interface.to_owned()));
            }
        }
        Ok(())
    }

    /// As [`check_agreement`](Self::check_agreement), for packages that are made now: all that is declared is exported.
    pub fn check_complete(&self, contents: &Contents) -> Result<(), Disagreement> {
        self.check_agreement(contents)?;
        let exported = contents.contract_exports();
        match self
            .required_exports(&exported)
            .difference(&exported)
            .next()
        {
            Some(export) => Err(Disagreement::Missing(export.as_str())),
            None => Ok(()),
        }
    }

    /// The exports that a component with this metadata must have, and no others. Which steps need `steps` depends on what it does export.
    fn required_exports(&self, exported: &BTreeSet<Export>) -> BTreeSet<Export> {
        let mut exports: BTreeSet<Export> = self
            .interfaces
            .iter()
            .filter(|(_, implementations)| !implementations.is_empty())
            .map(|(kind, _)| Export::of_interface(*kind))
            .collect();
        let needs_steps = |step: &StepEntry| {
            !(is_method(step.kind, step.interface, &step.step)
                && exported.contains(&Export::of_interface(step.interface)))
        };
        if self.steps.iter().any(needs_steps) {
            exports.insert(Export::Steps);
        }
        if !self.periodic.is_empty() {
            exports.insert(Export::Periodic);
        }
        exports
    }
}

impl Contents {
    /// The contract's exports that the component has.
    pub fn contract_exports(&self) -> BTreeSet<Export> {
        self.exports
            .iter()
            .filter_map(|name| Export::from_full_name(name))
            .collect()
    }
}

/// Whether a step is run by a function of its own interface, if that is exported, and not by `steps`.
pub fn is_method(kind: StepKind, interface: InterfaceKind, step: &str) -> bool {
    match (interface, step) {
        (InterfaceKind::Deploy, "deploy") => kind == StepKind::Deploy,
        (InterfaceKind::Bios, "apply_configuration" | "factory_reset")
        | (InterfaceKind::Firmware, "update")
        | (
            InterfaceKind::Raid,
            "create_configuration" | "delete_configuration" | "apply_configuration",
        ) => kind != StepKind::Verify,
        _ => false,
    }
}
