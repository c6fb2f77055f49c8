//! `ironbark driver new`

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::cli::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ironbark driver new acme && cd acme && ironbark driver build\n  ironbark driver new acme --lang js\n\nThe folder has all of Ironbark that the driver is built with."
)]
pub(crate) struct Args {
    /// The driver's name, and the folder's: lower-case letters, digits and hyphens.
    name: String,
    /// The language to write it in.
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Language {
    /// A crate.
    Rust,
    /// JavaScript: a module for Node.js's tools.
    Js,
}

/// Makes a folder with a driver that builds, passes its tests and explains itself.
pub(crate) fn run(args: &Args) -> Result<()> {
    let name = args.name.as_str();
    let language = match args.lang {
        Language::Rust => ironbark_templates::Language::Rust,
        Language::Js => ironbark_templates::Language::JavaScript,
    };
    let files = ironbark_templates::new_driver(language, name)
        .with_context(|| format!("there can't be a driver called {name:?}"))?;
    let folder = Path::new(name);
    match fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{name} exists already: choose another name, or remove it")
        }
        Err(error) => return Err(error).with_context(|| format!("{name} can't be made")),
    }
    for file in &files {
        let path = folder.join(&file.path);
        let write = || {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, file.contents.as_bytes())
        };
        write().with_context(|| format!("{} can't be written", path.display()))?;
    }
    match args.output {
        Output::Json => println!(
            "{}",
            json!({"name": name, "folder": folder, "files": files.len()})
        ),
        Output::Text => println!(
            "{name}/ has a driver; {name}/README.md says what is where. Next:\n  cd {name}\n  ironbark driver build\n  ironbark driver test {name}.wasm"
        ),
    }
    Ok(())
}
