//! `ironbark driver keygen`

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use minisign::KeyPair;
use serde_json::json;

use super::signing_key;
use crate::cli::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ironbark driver keygen vendor\n  IRONBARK_KEY_PASSWORD=… ironbark driver keygen vendor\n\nKeep vendor.key to yourself; give vendor.pub to whoever shall trust your drivers. Both are keys of minisign."
)]
pub(crate) struct Args {
    /// Where the keys go: `NAME.key` and `NAME.pub`.
    name: String,
    /// Store the secret key without a password: for machines that sign by themselves.
    #[arg(long)]
    no_password: bool,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Makes a pair of keys to sign packages with.
pub(crate) fn run(args: &Args) -> Result<()> {
    let secret_file = PathBuf::from(format!("{}.key", args.name));
    let public_file = PathBuf::from(format!("{}.pub", args.name));
    // Before anybody types a password; `create_new` is what holds.
    for file in [&secret_file, &public_file] {
        if file.exists() {
            bail!(in_the_way(file));
        }
    }
    let keys = if args.no_password {
        KeyPair::generate_unencrypted_keypair()
    } else {
        let password = signing_key::new_password()?;
        KeyPair::generate_encrypted_keypair(Some(password.expose().to_owned()))
    }
    .context("no keys could be made")?;
    let secret = keys.sk.to_box(Some("Ironbark driver secret key"))?;
    write_new(&secret_file, 0o600, &secret.to_string())?;
    write_new(&public_file, 0o644, &keys.pk.to_box()?.to_string())?;
    match args.output {
        Output::Json => println!(
            "{}",
            json!({
                "secret_key": secret_file, "public_key": public_file,
                "encrypted": !args.no_password, "key": keys.pk.to_base64(),
            })
        ),
        Output::Text => println!(
            "{}: keep it to yourself\n{}: give it to whoever shall trust your drivers",
            secret_file.display(),
            public_file.display()
        ),
    }
    Ok(())
}

/// Writes a file that isn't there yet, with these permissions from the start.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    match file {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .with_context(|| format!("{} can't be written", path.display())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(in_the_way(path)),
        Err(error) => Err(error).with_context(|| format!("{} can't be made", path.display())),
    }
}

fn in_the_way(path: &Path) -> String {
    format!(
        "{} exists already, and a key that is lost can't be had again: choose another name, or move it away",
        path.display()
    )
}
