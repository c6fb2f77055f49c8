//! `ironbark audit verify`

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use ironbark_model::audit::chain::{AuditHead, Verified, Verifier};
use serde_json::json;

use super::audit_pages::{Pages, block_on, each_line};
use crate::cli::{Output, ServiceArgs};

/// Checks every chain, of a file or of a running service.
pub(crate) fn run(
    file: Option<&Path>,
    service: &ServiceArgs,
    heads: &[String],
    output: Output,
) -> Result<()> {
    let kept = heads
        .iter()
        .map(|text| parse(text))
        .collect::<Result<Vec<_>>>()?;
    let chains = match file {
        Some(file) => verify_file(file, kept),
        None => block_on(verify_service(service, kept)),
    }
    .context("the audit is not as it was written")?;
    match output {
        Output::Json => println!("{}", json!({"ok": true, "chains": chains})),
        Output::Text => {
            println!("The audit is as it was written.");
            for Verified { head, first } in &chains {
                println!(
                    "rows {first} to {} of {}; keep: --head {}:{}:{}",
                    head.seq, head.chain, head.chain, head.seq, head.hash
                );
            }
        }
    }
    Ok(())
}

fn verify_file(file: &Path, kept: Vec<AuditHead>) -> Result<Vec<Verified>> {
    let unreadable = || format!("{} can't be read", file.display());
    let lines = BufReader::new(std::fs::File::open(file).with_context(unreadable)?).lines();
    let mut verifier = Verifier::expecting(kept);
    for line in lines {
        each_line(&line.with_context(unreadable)?, |row, _| {
            Ok(verifier.take(row)?)
        })?;
    }
    Ok(verifier.finish()?)
}

async fn verify_service(service: &ServiceArgs, kept: Vec<AuditHead>) -> Result<Vec<Verified>> {
    let pages = Pages::of(service);
    // Before the rows: what is written meanwhile comes after these.
    let heads = pages.heads().await?;
    let mut chains: Vec<String> = heads
        .iter()
        .chain(&kept)
        .map(|head| head.chain.clone())
        .collect();
    chains.sort();
    chains.dedup();
    let mut verifier = Verifier::expecting(heads.into_iter().chain(kept).collect());
    for chain in chains {
        pages
            .rows(&chain, &[], |row, _| Ok(verifier.take(row)?))
            .await?;
    }
    Ok(verifier.finish()?)
}

/// `CHAIN:SEQ:HASH`; a chain's name may have colons in it.
fn parse(text: &str) -> Result<AuditHead> {
    let parts = || {
        let (rest, hash) = text.rsplit_once(':')?;
        let (chain, seq) = rest.rsplit_once(':')?;
        Some(AuditHead {
            chain: chain.to_owned(),
            seq: seq.parse().ok()?,
            hash: hash.to_owned(),
        })
    };
    parts().with_context(|| format!("{text:?} is not CHAIN:SEQ:HASH, as `audit verify` prints it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_printed() {
        let head = parse("host:1:4711:9f86").unwrap();
        assert_eq!(
            (head.chain.as_str(), head.seq, head.hash.as_str()),
            ("host:1", 4711, "9f86")
        );
        assert!(parse("host").is_err() && parse("host:x:9f").is_err());
    }
}
