//! `ironbark driver sign`

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ironbark_package::{Contents, Metadata};
use minisign::{SecretKey, SecretKeyBox};
use serde_json::json;

use super::signing_key;
use crate::cli::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ironbark driver sign acme.wasm --key vendor.key\n  minisign -Vm acme.wasm -p vendor.pub\n\nThe password is asked for, or taken from IRONBARK_KEY_PASSWORD. The second line shows that minisign agrees."
)]
pub(crate) struct Args {
    /// The package.
    file: PathBuf,
    /// The secret key that `driver keygen` made, or minisign.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Writes the package's signature beside it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let file = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("{file} can't be read"))?;
    let not_a_package = || format!("{file} is not a driver package");
    let contents = Contents::read(&bytes).with_context(not_a_package)?;
    let metadata = Metadata::parse(&contents.metadata).with_context(not_a_package)?;
    let key = read_key(&args.key)?;
    let digest = ironbark_drivers::digest_of(&bytes);
    // What is signed with the package: whoever looks at the signature alone sees what it is of.
    let comment = format!("{} {} sha256:{digest}", metadata.name, metadata.version);
    let signature = minisign::sign(
        None,
        &key,
        Cursor::new(&bytes),
        Some(&comment),
        Some("Ironbark driver signature"),
    )
    .with_context(|| format!("{file} can't be signed"))?;
    let mut out = args.file.clone().into_os_string();
    out.push(".minisig");
    let out = PathBuf::from(out);
    std::fs::write(&out, signature.to_string())
        .with_context(|| format!("{} can't be written", out.display()))?;
    match args.output {
        Output::Json => println!(
            "{}",
            json!({"package": args.file, "signature": out, "digest": digest, "trusted_comment": comment})
        ),
        Output::Text => println!("{}: signature of {comment}", out.display()),
    }
    Ok(())
}

/// Reads the key; asks for its password if it has one.
fn read_key(path: &Path) -> Result<SecretKey> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} can't be read", path.display()))?;
    let boxed = || SecretKeyBox::from_string(&text);
    // The library doesn't tell a key with a password from one that is damaged; trying does.
    if let Ok(key) = boxed()?.into_unencrypted_secret_key() {
        return Ok(key);
    }
    let password = signing_key::password()?;
    boxed()?
        .into_secret_key(Some(password.expose().to_owned()))
        .with_context(|| format!("{} can't be used", path.display()))
}
