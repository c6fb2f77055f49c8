//! `ironbark driver inspect`

use std::fmt::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use ironbark_drivers::digest_of;
use ironbark_package::{Capability, Contents, Export, Metadata, Periodic, StepEntry, VendorMethod};
use serde_json::{Value, json};

use crate::cli::Output;

/// Shows all of a package, without running it.
pub(crate) fn run(file: &Path, output: Output) -> Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let not_a_package = || format!("{} is not a driver package", file.display());
    let contents = Contents::read(&bytes).with_context(not_a_package)?;
    let metadata = Metadata::parse(&contents.metadata).with_context(not_a_package)?;
    let inspected = Inspected {
        size: bytes.len(),
        digest: digest_of(&bytes),
        contents,
        metadata,
    };
    match output {
        Output::Json => {
            let document = inspected.to_json(file)?;
            println!("{}", serde_json::to_string_pretty(&document)?);
        }
        Output::Text => print!("{inspected}"),
    }
    Ok(())
}

/// A package as it was found.
struct Inspected {
    size: usize,
    digest: String,
    contents: Contents,
    metadata: Metadata,
}

impl Inspected {
    /// What a host would say against it, before it looks at code.
    fn problem(&self) -> Option<String> {
        let agreement = self.metadata.check_agreement(&self.contents);
        agreement.err().map(|problem| problem.to_string())
    }

    /// Interfaces that are declared and that no function can be called of.
    fn declared_only(&self) -> Vec<&'static str> {
        let exported = self.contents.contract_exports();
        self.metadata
            .interfaces
            .iter()
            .filter(|(_, implementations)| !implementations.is_empty())
            .map(|(kind, _)| Export::of_interface(*kind))
            .filter(|export| !exported.contains(export))
            .map(Export::as_str)
            .collect()
    }

    fn to_json(&self, file: &Path) -> Result<Value> {
        let metadata: Value = serde_json::from_slice(&self.contents.metadata)?;
        Ok(json!({
            "file": file, "size": self.size, "digest": self.digest, "metadata": metadata,
            "exports": self.contents.exports, "imports": self.contents.imports,
            "declared_only": self.declared_only(), "problem": self.problem(),
        }))
    }

    fn write_interfaces(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "Implements:")?;
        let exported = self.contents.contract_exports();
        for (kind, implementations) in &self.metadata.interfaces {
            let names = names(implementations.iter().map(|entry| entry.name.as_str()));
            write!(to, "  {:<12} {names}", kind.as_str())?;
            if !exported.contains(&Export::of_interface(*kind)) {
                write!(to, "  (only declared: the component has no such export)")?;
            }
            let native: Vec<&str> = implementations
                .iter()
                .filter(|entry| entry.native_reboot)
                .map(|entry| entry.name.as_str())
                .collect();
            if !native.is_empty() {
                write!(to, "  (restarts in one go: {})", native.join(", "))?;
            }
            writeln!(to)?;
        }
        for export in exported {
            if matches!(export, Export::Steps | Export::Periodic) {
                writeln!(to, "  {}", export.as_str())?;
            }
        }
        Ok(())
    }

    fn write_hardware_types(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        heading(to, "Hardware types", self.metadata.hardware_types.len())?;
        for hardware_type in &self.metadata.hardware_types {
            writeln!(
                to,
                "  {}  {}",
                hardware_type.name, hardware_type.description
            )?;
            for (kind, implementations) in &hardware_type.interfaces {
                let names = names(implementations.iter().map(|entry| entry.name()));
                writeln!(to, "    {:<12} {names}", kind.as_str())?;
            }
        }
        Ok(())
    }

    fn write_capabilities(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "Asks for:")?;
        if self.metadata.capabilities.is_empty() {
            writeln!(to, "  nothing but call, log and clock")?;
        }
        for capability in &self.metadata.capabilities {
            write_capability(to, capability)?;
        }
        for (capability, names) in &self.metadata.binds {
            for (key, own) in names {
                writeln!(to, "  {own} stands for {capability}_{key}")?;
            }
        }
        Ok(())
    }

    fn write_properties(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let common = ("", &self.metadata.properties);
        let single = self.metadata.properties_of.iter();
        let schemas =
            std::iter::once(common).chain(single.map(|(key, schema)| (key.as_str(), schema)));
        let mut lines = String::new();
        for (of, schema) in schemas {
            let required = schema.get("required").and_then(Value::as_array);
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, property) in properties.into_iter().flatten() {
                let text = |name| {
                    property
                        .get(name)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                };
                let mut remarks = Vec::new();
                if required.is_some_and(|all| all.iter().any(|name| name == key)) {
                    remarks.push("required");
                }
                if property.get("writeOnly") == Some(&Value::Bool(true)) {
                    remarks.push("secret");
                }
                if !of.is_empty() {
                    remarks.push(of);
                }
                writeln!(
                    lines,
                    "  {key:<24} {}{}",
                    text("description"),
                    in_brackets(&remarks)
                )?;
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        write!(to, "Keys of driver_info:\n{lines}")
    }
}

impl fmt::Display for Inspected {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metadata = &self.metadata;
        let licence = if metadata.licence.is_empty() {
            "no licence named"
        } else {
            &metadata.licence
        };
        writeln!(
            to,
            "{} {} by {} ({licence})",
            metadata.name, metadata.version, metadata.vendor
        )?;
        if !metadata.description.is_empty() {
            writeln!(to, "  {}", metadata.description)?;
        }
        writeln!(to, "  {} bytes, SHA-256 {}", self.size, self.digest)?;
        if let Some(problem) = self.problem() {
            writeln!(to, "  A host would refuse it: {problem}.")?;
        }
        self.write_capabilities(to)?;
        self.write_interfaces(to)?;
        self.write_hardware_types(to)?;
        self.write_properties(to)?;
        heading(to, "Steps", metadata.steps.len())?;
        for step in &metadata.steps {
            write_step(to, step)?;
        }
        heading(to, "Vendor methods", metadata.vendor_methods.len())?;
        for method in &metadata.vendor_methods {
            write_method(to, method)?;
        }
        heading(to, "Periodic tasks", metadata.periodic.len())?;
        for task in &metadata.periodic {
            write_task(to, task)?;
        }
        writeln!(
            to,
            "Exports: {}",
            names(self.contents.exports.iter().map(String::as_str))
        )?;
        writeln!(
            to,
            "Imports: {}",
            names(self.contents.imports.iter().map(String::as_str))
        )
    }
}

fn write_capability(to: &mut fmt::Formatter<'_>, capability: &Capability) -> fmt::Result {
    write!(to, "  {:<12} {}", capability.name(), capability.why())?;
    writeln!(to)?;
    if capability.name() == "ipmi" {
        match capability.commands() {
            None => writeln!(to, "    any command but those of the ipmi:… groups")?,
            Some(commands) => {
                let commands: Vec<String> = commands
                    .iter()
                    .map(|id| format!("{:02x}h/{:02x}h", id.netfn, id.command))
                    .collect();
                writeln!(
                    to,
                    "    commands (network function/number) {}",
                    commands.join(", ")
                )?;
            }
        }
    }
    for rule in capability.rules() {
        writeln!(to, "    {rule}")?;
    }
    if !capability.templates().is_empty() {
        writeln!(to, "    templates {}", capability.templates().join(", "))?;
    }
    Ok(())
}

fn write_step(to: &mut fmt::Formatter<'_>, step: &StepEntry) -> fmt::Result {
    let mut remarks = vec![format!("priority {}", step.priority)];
    if let Some(implementation) = &step.implementation {
        remarks.insert(0, format!("of {implementation}"));
    }
    if step.requires_ramdisk {
        remarks.push("needs the ramdisk".to_owned());
    }
    if step.abortable == Some(true) {
        remarks.push("abortable".to_owned());
    }
    remarks.push(format!("on interrupt: {}", step.on_interrupt));
    writeln!(
        to,
        "  {:<8} {}.{}{}",
        step.kind.as_str(),
        step.interface,
        step.step,
        in_brackets(&remarks)
    )?;
    for (name, info) in step.argsinfo.iter().flatten() {
        let required = if info.required { " (required)" } else { "" };
        writeln!(to, "    {name}{required}: {}", info.description)?;
    }
    Ok(())
}

fn write_method(to: &mut fmt::Formatter<'_>, method: &VendorMethod) -> fmt::Result {
    let scope = match method.scope {
        ironbark_package::VendorScope::Node => "node",
        ironbark_package::VendorScope::Driver => "driver",
    };
    let mut remarks = vec![
        format!("of {}", method.implementation),
        format!("scope {scope}"),
    ];
    remarks.push(
        if method.is_async {
            "asynchronous"
        } else {
            "synchronous"
        }
        .to_owned(),
    );
    if !method.require_exclusive_lock {
        remarks.push("shared lock".to_owned());
    }
    writeln!(
        to,
        "  {:<24} {}{}",
        method.name,
        names(method.http_methods.iter().map(String::as_str)),
        in_brackets(&remarks)
    )?;
    if !method.description.is_empty() {
        writeln!(to, "    {}", method.description)?;
    }
    Ok(())
}

fn write_task(to: &mut fmt::Formatter<'_>, task: &Periodic) -> fmt::Result {
    let when = match (task.spacing, &task.cron) {
        (Some(seconds), _) => format!("every {seconds} s"),
        (None, Some(cron)) => format!("at {cron}"),
        (None, None) => String::new(),
    };
    let scope = match task.scope {
        ironbark_package::PeriodicScope::Node => "for each node",
        ironbark_package::PeriodicScope::Conductor => "on each conductor",
    };
    writeln!(to, "  {} on {}, {when}, {scope}", task.name, task.on)
}

/// A heading, if something comes below.
fn heading(to: &mut fmt::Formatter<'_>, text: &str, entries: usize) -> fmt::Result {
    if entries == 0 {
        return Ok(());
    }
    writeln!(to, "{text}:")
}

fn in_brackets<T: AsRef<str>>(remarks: &[T]) -> String {
    if remarks.is_empty() {
        return String::new();
    }
    let remarks: Vec<&str> = remarks.iter().map(AsRef::as_ref).collect();
    format!(" ({})", remarks.join(", "))
}

fn names<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn inspected(exports: &[&str]) -> Inspected {
        let metadata = json!({
            "name": "acme", "version": "1.0.0", "vendor": "Acme", "licence": "Apache-2.0",
            "interfaces": {"power": [{"name": "acme", "native_reboot": true}], "bios": [{"name": "acme"}]},
            "hardware_types": [{"name": "acme-x", "interfaces": {"power": ["acme"], "deploy": ["noop"]}}],
            "properties": {"type": "object", "required": ["acme_key"], "properties": {
                "acme_key": {"description": "Key.", "writeOnly": true}
            }},
            "capabilities": [
                {"name": "ipmi", "commands": [{"netfn": 46, "command": 1}], "why": "Eco mode."},
                {"name": "redfish", "rules": ["GET /redfish/v1/Systems/{system}"]},
                {"name": "ssh", "templates": ["power-on"]}
            ],
            "steps": [{"kind": "clean", "interface": "bios", "step": "factory_reset", "requires_ramdisk": false}],
            "periodic": [{"name": "watch", "on": "power/acme", "spacing": 60}]
        });
        Inspected {
            size: 1,
            digest: "d".to_owned(),
            metadata: Metadata::parse(metadata.to_string().as_bytes()).unwrap(),
            contents: Contents {
                metadata: metadata.to_string().into_bytes(),
                imports: vec!["ironbark:driver/ipmi@0.1.0".to_owned()],
                exports: exports
                    .iter()
                    .map(|name| format!("ironbark:driver/{name}@0.1.0"))
                    .collect(),
            },
        }
    }

    #[test]
    fn a_person_sees_all_that_it_asks_for_and_is() {
        let text = inspected(&["power", "bios", "periodic"]).to_string();
        for part in [
            "acme 1.0.0 by Acme (Apache-2.0)",
            "2eh/01h",
            "Eco mode.",
            "GET /redfish/v1/Systems/{system}",
            "templates power-on",
            "restarts in one go: acme",
            "acme-x",
            "Key. (required, secret)",
            "bios.factory_reset (priority 0, on interrupt: fail)",
            "watch on power/acme, every 60 s, for each node",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(
            !text.contains("refuse") && !text.contains("only declared"),
            "{text}"
        );
    }

    #[test]
    fn what_is_only_declared_and_what_lies_is_said() {
        let old = inspected(&["power", "steps", "periodic"]);
        assert_eq!(old.declared_only(), ["bios"]);
        assert_eq!(old.problem(), None);
        assert!(old.to_string().contains("only declared"));
        let lying = inspected(&["bios", "periodic"]);
        assert!(lying.problem().unwrap().contains("doesn't export 'power'"));
        assert!(lying.to_string().contains("A host would refuse it"));
        let json = lying.to_json(Path::new("acme.wasm")).unwrap();
        assert!(json.get("problem").unwrap().is_string());
    }
}
