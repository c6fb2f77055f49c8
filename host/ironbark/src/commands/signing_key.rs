//! Where the password of a signing key comes from.

use anyhow::{Context, Result, ensure};
use ironbark_model::Secret;

/// The variable that has it where nobody can type.
const VARIABLE: &str = "IRONBARK_KEY_PASSWORD";
/// What `minisign` accepts.
const MOST: usize = 1024;

/// The password of a key that there is.
pub(crate) fn password() -> Result<Secret> {
    match from_environment() {
        Some(password) => Ok(password),
        None => ask("Password of the key: "),
    }
}

/// A password for a new key: asked for twice.
pub(crate) fn new_password() -> Result<Secret> {
    let password = match from_environment() {
        Some(password) => password,
        None => {
            let first = ask("Password for the new key: ")?;
            ensure!(first == ask("Once more: ")?, "the passwords differ");
            first
        }
    };
    ensure!(
        !password.is_empty(),
        "the password is empty: give one, or use --no-password"
    );
    ensure!(
        password.expose().len() <= MOST,
        "the password has more than {MOST} bytes"
    );
    Ok(password)
}

fn from_environment() -> Option<Secret> {
    std::env::var(VARIABLE).ok().map(Secret::new)
}

fn ask(prompt: &str) -> Result<Secret> {
    rpassword::prompt_password(prompt)
        .map(Secret::new)
        .with_context(|| format!("there is no terminal to ask for a password: set {VARIABLE}"))
}
