//! What a person sees of a package.

use std::fmt::{self, Write as _};

use ironbark_package::{Capability, Export, Periodic, StepEntry, VendorMethod};
use serde_json::Value;

use super::Inspected;

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
        write!(to, "{}", self.signature)?;
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

impl Inspected {
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
