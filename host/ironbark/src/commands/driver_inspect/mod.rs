//! `ironbark driver inspect`

mod text;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ironbark_drivers::digest_of;
use ironbark_package::{Contents, Export, Metadata};
use serde_json::{Value, json};

use super::package_signature::PackageSignature;
use crate::cli::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ironbark driver inspect target/drivers/ipmi.wasm\n  ironbark driver inspect acme.wasm --key vendor.pub\n  ironbark driver inspect acme.wasm --output json\n\nWho signed it is what FILE.minisig says. With --key it is verified, and the exit code says whether the key agrees."
)]
pub(crate) struct Args {
    /// A `.wasm` file.
    file: PathBuf,
    /// The publisher's public key (`.pub`): verify the signature with it.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Shows all of a package, without running it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let file = args.file.as_path();
    let bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let not_a_package = || format!("{} is not a driver package", file.display());
    let contents = Contents::read(&bytes).with_context(not_a_package)?;
    let metadata = Metadata::parse(&contents.metadata).with_context(not_a_package)?;
    let signature = PackageSignature::beside(file, &bytes, args.key.as_deref())?;
    let inspected = Inspected {
        signature,
        size: bytes.len(),
        digest: digest_of(&bytes),
        contents,
        metadata,
    };
    match args.output {
        Output::Json => {
            let document = inspected.to_json(file)?;
            println!("{}", serde_json::to_string_pretty(&document)?);
        }
        Output::Text => print!("{inspected}"),
    }
    match inspected.signature.refusal() {
        Some(reason) if args.key.is_some() => {
            bail!("{} isn't signed by that key: {reason}", file.display())
        }
        _ => Ok(()),
    }
}

/// A package as it was found.
struct Inspected {
    signature: PackageSignature,
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
            "file": file, "size": self.size, "digest": self.digest, "signature": self.signature.to_json(),
            "metadata": metadata,
            "exports": self.contents.exports, "imports": self.contents.imports,
            "declared_only": self.declared_only(), "problem": self.problem(),
        }))
    }
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
            signature: PackageSignature::beside(Path::new("/no/such/acme.wasm"), b"", None)
                .unwrap(),
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
            "not signed: there is no /no/such/acme.wasm.minisig",
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
