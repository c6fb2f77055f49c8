//! The System's processors (DSP0268, Processor).

use ironbark_driver::Result;
use serde_json::{Value, json};

use super::members_of;
use crate::{
    resource::{at, text, text_at},
    service::{Resource, Service},
    system::System,
};

/// Architectures by what Redfish calls their instructions.
const ARCHITECTURES: &[(&str, &str)] = &[
    ("x86-64", "x86_64"),
    ("x86", "i686"),
    ("ARM-A64", "aarch64"),
    ("ARM-A32", "arm"),
    ("PowerISA", "ppc64le"),
];

/// All of them together.
#[derive(Debug, Default)]
pub(super) struct Processors {
    /// Threads, or cores of those that don't say how many threads they have.
    pub(super) count: Option<u64>,
    /// `x86_64`, `aarch64`, …
    pub(super) architecture: Option<String>,
    model: Option<String>,
    mhz: Option<u64>,
}

impl Processors {
    pub(super) fn inventory(&self) -> Value {
        json!({
            "count": self.count,
            "architecture": self.architecture,
            "model_name": self.model,
            "frequency": self.mhz.map(|mhz| mhz.to_string()),
        })
    }
}

/// # Errors
/// No answer, or one that makes no sense.
pub(super) fn read(service: &impl Service, system: &System) -> Result<Processors> {
    let mut all = Processors::default();
    for processor in members_of(service, &system.part("Processors"))? {
        if text(&processor, "ProcessorType").is_some_and(|kind| kind != "CPU") {
            continue;
        }
        let threads = number(&processor, "TotalThreads").or(number(&processor, "TotalCores"));
        if let Some(threads) = threads {
            all.count = Some(all.count.unwrap_or(0).saturating_add(threads));
        }
        all.architecture = all.architecture.or(architecture(&processor));
        all.model = all.model.or(text(&processor, "Model").map(str::to_owned));
        all.mhz = all.mhz.or(number(&processor, "MaxSpeedMHz"));
    }
    let summary = |name: &str| number(&system.resource, &format!("ProcessorSummary/{name}"));
    all.count = all
        .count
        .or(summary("LogicalProcessorCount"))
        .or(summary("Count"));
    let model = text_at(&system.resource, "ProcessorSummary/Model");
    all.model = all.model.or(model.map(str::to_owned));
    Ok(all)
}

fn architecture(processor: &Resource) -> Option<String> {
    let instructions = text(processor, "InstructionSet")?;
    let found = ARCHITECTURES
        .iter()
        .find(|(name, _)| *name == instructions)?;
    Some(found.1.to_owned())
}

fn number(resource: &Resource, pointer: &str) -> Option<u64> {
    at(resource, pointer)
        .and_then(Value::as_u64)
        .filter(|number| *number > 0)
}
