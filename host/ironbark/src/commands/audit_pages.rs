//! Reading the audit of a running service, page after page.

use anyhow::{Context, Result, bail};
use ironbark_model::audit::AuditRow;
use ironbark_model::audit::chain::AuditHead;
use reqwest::header::ACCEPT;
use serde::Deserialize;

use crate::cli::ServiceArgs;

/// The audit of a running service.
pub(super) struct Pages<'a> {
    http: reqwest::Client,
    service: &'a ServiceArgs,
}

impl<'a> Pages<'a> {
    pub(super) fn of(service: &'a ServiceArgs) -> Self {
        Self {
            http: reqwest::Client::new(),
            service,
        }
    }

    /// The newest row of each chain.
    pub(super) async fn heads(&self) -> Result<Vec<AuditHead>> {
        #[derive(Deserialize)]
        struct Answer {
            chains: Vec<AuditHead>,
        }
        let text = self.get("/chains", &[]).await?;
        let answer: Answer = serde_json::from_str(&text)
            .context("the service did not answer with chains; is it Ironbark?")?;
        Ok(answer.chains)
    }

    /// Calls `each` with every row of the chain and the line that it came as.
    pub(super) async fn rows(
        &self,
        chain: &str,
        filters: &[(&str, Option<String>)],
        mut each: impl FnMut(&AuditRow, &str) -> Result<()>,
    ) -> Result<()> {
        let mut query = vec![("chain", chain.to_owned())];
        for (name, value) in filters {
            query.extend(value.clone().map(|value| (*name, value)));
        }
        let mut marker = None;
        loop {
            let mut page = query.clone();
            page.extend(marker.map(|marker: i64| ("marker", marker.to_string())));
            let text = self.get("", &page).await?;
            let Some(last) = each_line(&text, &mut each)? else {
                return Ok(());
            };
            marker = Some(last.id);
        }
    }

    async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<String> {
        let url = &self.service.url;
        let address = format!("{}/ironbark/v1/audit{path}", url.trim_end_matches('/'));
        let address = reqwest::Url::parse_with_params(&address, query)
            .with_context(|| format!("{address} is not a URL"))?;
        let mut request = self.http.get(address.clone());
        if path.is_empty() {
            request = request.header(ACCEPT, "application/x-ndjson");
        }
        if let Some(credentials) = &self.service.credentials {
            let (user, password) = credentials
                .split_once(':')
                .context("credentials are user:password")?;
            request = request.basic_auth(user, Some(password));
        }
        let answer = request.send().await.with_context(|| {
            format!("no service answers at {url}; is `ironbark serve` running?")
        })?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{address} answered {status}: {text}");
        }
        Ok(text)
    }
}

/// Calls `each` with every row and its line; answers with the last row.
pub(super) fn each_line(
    text: &str,
    mut each: impl FnMut(&AuditRow, &str) -> Result<()>,
) -> Result<Option<AuditRow>> {
    let mut last = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let row: AuditRow = serde_json::from_str(line)
            .with_context(|| format!("this is not a row of the audit: {line}"))?;
        each(&row, line)?;
        last = Some(row);
    }
    Ok(last)
}

/// Runs `work` to its end.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
