//! `ironbark config check`

use std::path::Path;

use anyhow::Result;

use crate::cli::Output;
use crate::config;

/// Says whether the configuration holds, and the most important of it.
pub(crate) fn run(file: Option<&Path>, output: Output) -> Result<()> {
    let (settings, origins) = config::load(file, std::env::vars())?;
    crate::serve::check(&settings, &origins)?;
    let data_dir = crate::serve::data_dir(&settings);
    match output {
        Output::Json => println!(
            "{}",
            serde_json::json!({
                "ok": true,
                "listen": settings.api.listen.to_string(),
                "data_dir": data_dir,
                "auth_strategy": if settings.api.auth_strategy == config::AuthStrategy::Noauth { "noauth" } else { "http_basic" },
            })
        ),
        Output::Text => println!(
            "The configuration is good: the API listens on {}, data is in {}.",
            settings.api.listen,
            data_dir.display()
        ),
    }
    Ok(())
}
