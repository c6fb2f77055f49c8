//! `ironbark driver install`

use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ironbark_package::{Capability, Contents, Metadata};
use reqwest::Method;
use serde::Deserialize as _;
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

    // What another publisher's package was granted says nothing of this one.
    let known = installed.as_ref().filter(|_| !args.take_over);
    let grant = decide(args, &metadata, known)?;
    let mut request = client
        .request(Method::POST, "packages")?
        .header("Content-Type", "application/wasm")
        .query(&[("activate", !args.no_activate), ("force", args.force)])
        .query(&[("take_over", args.take_over)])
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
    let known = Known::read(installed)?;
    let asked: Vec<&Capability> = metadata
        .capabilities
        .iter()
        .filter(|capability| !FREE.contains(&capability.name()))
        .collect();
    let fresh: Vec<&Capability> = asked
        .iter()
        .copied()
        .filter(|capability| !known.was_decided(capability))
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
        eprintln!("  {}", known.described(capability));
    }
    if fresh.is_empty() {
        eprintln!("  nothing");
        return Ok(None);
    }
    if args.yes || agreed()? {
        // What was denied before stays denied.
        let names: BTreeSet<&str> = asked
            .iter()
            .filter(|capability| capability.is_within(&known.granted) || fresh.contains(capability))
            .map(|capability| capability.name())
            .collect();
        return Ok(Some(names.into_iter().collect::<Vec<_>>().join(",")));
    }
    bail!(
        "{} is not installed. Grant less of it with --grant, or all with --yes.",
        metadata.name
    )
}

/// What somebody decided about already.
#[derive(Default)]
struct Known {
    /// What the active version asks for.
    asked: Vec<Capability>,
    /// What the package is granted, exactly.
    granted: Vec<Capability>,
}

impl Known {
    fn read(installed: Option<&Value>) -> Result<Self> {
        let Some(package) = installed else {
            return Ok(Self::default());
        };
        let entries = |of: &Value, key| -> Result<Vec<Capability>> {
            let read = objects(of, key).iter().map(Capability::deserialize);
            read.collect::<Result<_, _>>()
                .with_context(|| format!("the service's answer has no {key} that can be read"))
        };
        let active = objects(package, "versions")
            .iter()
            .find(|version| version.get("active") == Some(&Value::Bool(true)));
        Ok(Self {
            asked: active
                .map_or_else(|| Ok(Vec::new()), |active| entries(active, "capabilities"))?,
            granted: entries(package, "grants")?,
        })
    }

    /// It was granted, or the active version asks for it and was denied it: all of it, or this much.
    fn was_decided(&self, capability: &Capability) -> bool {
        let has = |list: &[Capability]| list.iter().any(|one| one.name() == capability.name());
        capability.is_within(&self.granted)
            || capability.is_within(&self.asked)
            || (has(&self.asked) && !has(&self.granted))
    }

    /// With what is new in it, if something was granted under its name already.
    fn described(&self, capability: &Capability) -> String {
        let known = self
            .granted
            .iter()
            .any(|one| one.name() == capability.name());
        let mut text = if known {
            capability.beyond(&self.granted)
        } else {
            described(capability)
        };
        if !capability.why().is_empty() {
            text.push_str(": ");
            text.push_str(capability.why());
        }
        text
    }
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
    let installed = objects(answer, "versions")
        .iter()
        .find(|known| text(known, "version") == version);
    let is = |key| installed.map_or("-", |known| text(known, key));
    if text(answer, "version") == version {
        format!("{name}@{version} is active.")
    } else if is("state") == "awaiting approval" {
        format!(
            "{name}@{version} is installed and awaits approval, since it {}; {} goes on. Grant it with `ironbark driver \
             grant {name}@{version} …`, then `ironbark driver activate {name}@{version}`.",
            is("reason"),
            text(answer, "version")
        )
    } else {
        format!(
            "{name}@{version} is installed. `ironbark driver activate {name}@{version}` makes it the active version."
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(capabilities: Value) -> Metadata {
        let metadata = json!({
            "name": "acme", "version": "2.0.0", "vendor": "Acme", "capabilities": capabilities,
            "interfaces": {"power": [{"name": "acme"}]},
        });
        Metadata::parse(metadata.to_string().as_bytes()).unwrap()
    }

    fn args(more: &[&str]) -> InstallArgs {
        #[derive(clap::Parser)]
        struct Command {
            #[command(flatten)]
            args: InstallArgs,
        }
        let all = ["install", "acme.wasm"].iter().chain(more);
        <Command as clap::Parser>::try_parse_from(all).unwrap().args
    }

    /// What a service answers of a package whose active version asks for this and was granted that.
    fn installed(asked: &Value, granted: &Value) -> Value {
        json!({
            "name": "acme", "grants": granted,
            "versions": [{"version": "1.0.0", "active": true, "capabilities": asked}],
        })
    }

    #[test]
    #[rustfmt::skip]
    fn who_installs_is_shown_what_is_new_under_a_known_name() {
        let few = json!([{"name": "redfish", "rules": ["GET /redfish/v1/Systems/{system}"]}]);
        let more = json!([{"name": "redfish", "rules": ["* /redfish/v1/**"], "why": "firmware"}]);
        let service = installed(&few, &few);
        let known = Known::read(Some(&service)).unwrap();
        let asked = metadata(more.clone());
        let shown = known.described(asked.capabilities.first().unwrap());
        assert_eq!(shown, "more of redfish than was granted: * /redfish/v1/**: firmware");
        let yes = decide(&args(&["--yes"]), &asked, Some(&service)).unwrap();
        assert_eq!(yes.as_deref(), Some("redfish"), "agreed to, it is granted");
        let same = decide(&args(&[]), &metadata(few), Some(&service)).unwrap();
        assert_eq!(same, None, "nothing is new: nobody is asked");
        let less = decide(&args(&[]), &asked, Some(&installed(&more, &more))).unwrap();
        assert_eq!(less, None);
    }

    #[test]
    fn what_was_denied_is_not_asked_about_again_nor_granted_with_the_rest() {
        let both = json!(["ipmi", "state"]);
        let service = installed(&both, &json!(["ipmi"]));
        let asked = metadata(json!(["ipmi", "state", "agent"]));
        let yes = decide(&args(&["--yes"]), &asked, Some(&service)).unwrap();
        assert_eq!(yes.as_deref(), Some("agent,ipmi"));
        let same = decide(&args(&[]), &metadata(both), Some(&service)).unwrap();
        assert_eq!(same, None);
    }
}
