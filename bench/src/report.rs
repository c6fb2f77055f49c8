//! The figures, as a table and as JSON.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

/// All rows, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// Said of each row, after what it is: at which size it was measured.
    remark: String,
    /// Seconds and MiB, of the mixed load.
    memory: Vec<(f64, f64)>,
}

#[derive(Debug)]
struct Row {
    what: String,
    figure: f64,
    unit: &'static str,
    must: Option<f64>,
    median_ms: Option<f64>,
    p99_ms: Option<f64>,
    rate: Option<f64>,
}

/// The value that this part of them is at most.
pub(crate) fn percentile(latencies: &mut [Duration], part: f64) -> Option<Duration> {
    latencies.sort();
    let index = ((latencies.len() as f64 * part) as usize).min(latencies.len().saturating_sub(1));
    latencies.get(index).copied()
}

impl Report {
    /// From now on rows say this after what they are.
    pub(crate) fn remark(&mut self, remark: impl Into<String>) {
        self.remark = remark.into();
    }

    /// Memory over time, for programs to plot.
    pub(crate) fn memory(&mut self, samples: Vec<(f64, f64)>) {
        self.memory = samples;
    }

    /// What a row measured.
    pub(crate) fn figure(&self, what: &str) -> Option<f64> {
        self.rows
            .iter()
            .find(|row| row.what == what)
            .map(|row| row.figure)
    }

    /// A figure by itself. `must` is the bound that it has to reach.
    pub(crate) fn row(&mut self, what: &str, must: Option<f64>, figure: f64, unit: &'static str) {
        self.add(Row {
            what: what.to_owned(),
            figure,
            unit,
            must,
            median_ms: None,
            p99_ms: None,
            rate: None,
        });
    }

    /// CPU time for each operation, with the latencies of all operations if there are any, and how many were done a second.
    pub(crate) fn operations(
        &mut self,
        what: &str,
        must: impl Into<Option<f64>>,
        cpu: Duration,
        count: usize,
        wall: Duration,
        mut latencies: Vec<Duration>,
    ) {
        let mut at =
            |part: f64| percentile(&mut latencies, part).map(|latency| latency.as_secs_f64() * 1e3);
        self.add(Row {
            what: what.to_owned(),
            figure: cpu.as_secs_f64() * 1000.0 / count.max(1) as f64,
            unit: "CPU-ms",
            must: must.into(),
            median_ms: at(0.5),
            p99_ms: at(0.99),
            rate: Some(count as f64 / wall.as_secs_f64()),
        });
    }

    fn add(&mut self, mut row: Row) {
        row.what.push_str(&self.remark);
        eprintln!("  {}: {:.3} {}", row.what, row.figure, row.unit);
        self.rows.push(row);
    }

    /// The table, in Markdown.
    pub(crate) fn print(&self) {
        println!("| operation | measured | must reach | | median ms | p99 ms | per second |");
        println!("|---|---|---|---|---|---|---|");
        let number =
            |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
        for row in &self.rows {
            let verdict = match row.must {
                Some(must) if row.figure <= must => "reached",
                Some(_) => "MISSED",
                None => "",
            };
            println!(
                "| {} | {:.3} {} | {} | {verdict} | {} | {} | {} |",
                row.what,
                row.figure,
                row.unit,
                row.must.map_or_else(String::new, |must| must.to_string()),
                number(row.median_ms),
                number(row.p99_ms),
                row.rate
                    .map_or_else(String::new, |rate| format!("{rate:.0}")),
            );
        }
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Result<String> {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "operation": row.what, "measured": row.figure, "unit": row.unit, "must": row.must,
                    "median_ms": row.median_ms, "p99_ms": row.p99_ms, "per_second": row.rate,
                })
            })
            .collect();
        let memory: Vec<_> = self
            .memory
            .iter()
            .map(|(seconds, mib)| json!({"seconds": seconds, "mib": mib}))
            .collect();
        Ok(serde_json::to_string_pretty(
            &json!({"rows": rows, "memory": memory}),
        )?)
    }
}
