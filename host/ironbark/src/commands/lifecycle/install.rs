//! `ironbark driver install`

use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ironbark_package::{Capability, Contents, Metadata};
use reqwest::Method;
use serde_json::Value;

use super::args::InstallArgs;
use super::client::{Client, objects, text};

/// Always there, so neither asked for nor granted.
const FREE: &[&str] = &["call", "log", "clock"];

/// Shows what a package asks for, and installs it if that is granted.
pub(super) async fn run(args: &InstallArgs) -> Result<()> {
    let file = args.file.as_path();
    let bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let not_a_package = || format!("{} is not a driver package", file.display());
    let contents = Contents::read(&bytes).with_context(not_a_package)?;
    let metadata = Metadata::parse(&contents.metadata).with_context(not_a_package)?;
    let signature = signature(args)?;
    let client = Client::new(&args.service)?;
    let path = format!("packages/{}", metadata.name);
    let installed = client.find(client.request(Method::GET, &path)?).await?;

    let grant = decide(args, &metadata, installed.as_ref())?;
    let mut request = client
        .request(Method::POST, "packages")?
        .header("Content-Type", "application/wasm")
        .query(&[("activate", !args.no_activate), ("force", args.force)])
        .body(bytes);
    if let Some(grant) = grant {
        request = request.query(&[("grant", grant)]);
    }
    if let Some(signature) = signature {
        request = request.header("X-Ironbark-Signature", STANDARD.encode(signature));
    }
    let answer = client.send(request).await?;
    client.print(&answer, |answer| outcome(answer, &metadata))
}

/// What goes into the query: what is granted, or nothing if that is as before.
fn decide(
    args: &InstallArgs,
    metadata: &Metadata,
    installed: Option<&Value>,
) -> Result<Option<String>> {
    if let Some(named) = &args.grant {
        return Ok(Some(named.join(",")));
    }
    let known = known(installed);
    let fresh: Vec<&Capability> = metadata
        .capabilities
        .iter()
        .filter(|capability| !FREE.contains(&capability.name()))
        .filter(|capability| !known.contains(capability.name()))
        .collect();
    // Not into the answer, which a program may read.
    eprintln!(
        "{} {} by {} asks for{}:",
        metadata.name,
        metadata.version,
        metadata.vendor,
        if installed.is_some() {
            " what it was not asked about yet"
        } else {
            ""
        }
    );
    for capability in &fresh {
        eprintln!("  {}", described(capability));
    }
    if fresh.is_empty() {
        eprintln!("  nothing");
        return Ok(None);
    }
    if args.yes || agreed()? {
        // What was denied before stays denied.
        let granted = installed.map(|package| objects(package, "granted"));
        let granted = granted.unwrap_or_default().iter().filter_map(Value::as_str);
        let asked = |name: &&str| metadata.capabilities.iter().any(|one| one.name() == *name);
        let names: BTreeSet<&str> = granted
            .filter(asked)
            .chain(fresh.iter().map(|capability| capability.name()))
            .collect();
        return Ok(Some(names.into_iter().collect::<Vec<_>>().join(",")));
    }
    bail!(
        "{} is not installed. Grant less of it with --grant, or all with --yes.",
        metadata.name
    )
}

/// What somebody decided about already: all that the active version asks for.
fn known(installed: Option<&Value>) -> BTreeSet<&str> {
    let versions = installed.map(|package| objects(package, "versions"));
    versions
        .unwrap_or_default()
        .iter()
        .filter(|version| version.get("active") == Some(&Value::Bool(true)))
        .flat_map(|version| objects(version, "asked"))
        .filter_map(Value::as_str)
        .collect()
}

fn described(capability: &Capability) -> String {
    let mut text = capability.name().to_owned();
    let mut only = Vec::new();
    if let Some(commands) = capability.commands() {
        only.push(format!("{} commands", commands.len()));
    }
    only.extend(capability.rules().iter().cloned());
    only.extend(capability.templates().iter().cloned());
    if !only.is_empty() {
        text.push_str(&format!(" (only {})", only.join(", ")));
    }
    if !capability.why().is_empty() {
        text.push_str(": ");
        text.push_str(capability.why());
    }
    text
}

/// Asks whoever sits there.
fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is there to ask: grant this with --yes, or less of it with --grant");
    }
    eprint!("Grant this and install it? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The signature that was named, or the one beside the package.
fn signature(args: &InstallArgs) -> Result<Option<String>> {
    let path = match &args.signature {
        Some(path) => path.clone(),
        None => {
            let beside = beside(&args.file);
            if !beside.exists() {
                return Ok(None);
            }
            beside
        }
    };
    std::fs::read_to_string(&path)
        .map(Some)
        .with_context(|| format!("the signature {} can't be read", path.display()))
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".minisig");
    PathBuf::from(name)
}

fn outcome(answer: &Value, metadata: &Metadata) -> String {
    let (name, version) = (&metadata.name, &metadata.version);
    let state = objects(answer, "versions")
        .iter()
        .find(|known| text(known, "version") == version)
        .map_or("-", |known| text(known, "state"));
    if text(answer, "version") == version {
        format!("{name}@{version} is active.")
    } else if state == "awaiting approval" {
        format!(
            "{name}@{version} is installed and awaits approval; {} goes on. Grant what it asks for with `ironbark driver \
             grant {name} …`, then `ironbark driver activate {name}@{version}`.",
            text(answer, "version")
        )
    } else {
        format!(
            "{name}@{version} is installed. `ironbark driver activate {name}@{version}` makes it the active version."
        )
    }
}
