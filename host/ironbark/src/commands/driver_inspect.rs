//! `ironbark driver inspect`

use std::path::Path;

use anyhow::{Context, Result};
use ironbark_package::{Contents, Metadata};
use serde_json::json;

use crate::cli::Output;

/// Shows all of a package, without running it.
pub(crate) fn run(file: &Path, output: Output) -> Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let not_a_package = || format!("{} is not a driver package", file.display());
    let contents = Contents::read(&bytes).with_context(not_a_package)?;
    let metadata = Metadata::parse(&contents.metadata).with_context(not_a_package)?;
    match output {
        Output::Json => {
            let metadata: serde_json::Value = serde_json::from_slice(&contents.metadata)?;
            let all = json!({
                "file": file, "size": bytes.len(), "metadata": metadata,
                "exports": contents.exports, "imports": contents.imports,
            });
            println!("{}", serde_json::to_string_pretty(&all)?);
        }
        Output::Text => print_text(bytes.len(), &contents, &metadata),
    }
    Ok(())
}

fn print_text(size: usize, contents: &Contents, metadata: &Metadata) {
    println!(
        "{} {} by {} ({}), {size} bytes",
        metadata.name, metadata.version, metadata.vendor, metadata.licence
    );
    if !metadata.description.is_empty() {
        println!("  {}", metadata.description);
    }
    println!("Asks for:");
    if metadata.capabilities.is_empty() {
        println!("  nothing but call, log and clock");
    }
    for capability in &metadata.capabilities {
        println!("  {}", capability.name());
    }
    println!("Hardware types:");
    for hardware_type in &metadata.hardware_types {
        println!("  {}  {}", hardware_type.name, hardware_type.description);
        for (kind, implementations) in &hardware_type.interfaces {
            println!(
                "    {:<12} {}",
                kind.as_str(),
                names(implementations.iter().map(|entry| entry.name()))
            );
        }
    }
    println!("Implements:");
    for (kind, implementations) in &metadata.interfaces {
        println!(
            "  {:<12} {}",
            kind.as_str(),
            names(implementations.iter().map(|entry| entry.name.as_str()))
        );
    }
    if !metadata.steps.is_empty() {
        println!("Steps:");
        for step in &metadata.steps {
            println!(
                "  {:<8} {}.{} (priority {}, on interrupt: {})",
                step.kind.as_str(),
                step.interface,
                step.step,
                step.priority,
                step.on_interrupt
            );
        }
    }
    if !metadata.vendor_methods.is_empty() {
        println!("Vendor methods:");
        for method in &metadata.vendor_methods {
            println!(
                "  {:<24} {} {}",
                method.name,
                names(method.http_methods.iter().map(String::as_str)),
                method.description
            );
        }
    }
    if !metadata.periodic.is_empty() {
        println!("Periodic tasks:");
        for task in &metadata.periodic {
            println!("  {} on {}", task.name, task.on);
        }
    }
    println!(
        "Exports: {}",
        names(contents.exports.iter().map(String::as_str))
    );
    println!(
        "Imports: {}",
        names(contents.imports.iter().map(String::as_str))
    );
}

fn names<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
