//! `ironbark audit export`

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

use super::audit_pages::{Pages, block_on};
use crate::cli::ServiceArgs;

/// Writes rows as JSON lines.
pub(crate) fn run(
    service: &ServiceArgs,
    filters: &[(&str, Option<String>)],
    out: Option<&Path>,
) -> Result<()> {
    let mut out: Box<dyn Write> = match out {
        None => Box::new(BufWriter::new(io::stdout().lock())),
        Some(file) => {
            let file = std::fs::File::create(file)
                .with_context(|| format!("{} can't be written", file.display()))?;
            Box::new(BufWriter::new(file))
        }
    };
    let pages = Pages::of(service);
    block_on(async {
        for head in pages.heads().await? {
            let write = |_: &_, line: &str| Ok(writeln!(out, "{line}")?);
            pages.rows(&head.chain, filters, write).await?;
        }
        Ok(())
    })?;
    Ok(out.flush()?)
}
