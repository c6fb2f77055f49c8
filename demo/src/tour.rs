//! The tour: three machines by IPMI, then a deployment with the fake driver.

use anyhow::{Context, Result};
use ironbark_bmc_sim::Rack;
use reqwest::Method;
use serde_json::json;

use crate::client::Client;

const FAKE_NODE: &str = "demo-fake";

/// Enrols and uses everything, and says what happens.
pub(crate) async fn run(client: &Client, rack: &Rack) -> Result<()> {
    let names: Vec<String> = (1..=rack.bmcs().len())
        .map(|number| format!("demo-{number}"))
        .collect();
    for name in names.iter().map(String::as_str).chain([FAKE_NODE]) {
        client.remove_node(name).await?;
    }
    machines(client, rack, &names).await?;
    deployment(client).await?;
    println!("\nThe tour is over: everything above went through the public API.");
    Ok(())
}

async fn machines(client: &Client, rack: &Rack, names: &[String]) -> Result<()> {
    println!("\nEnrolling {} machines with the ipmi driver", names.len());
    for (index, name) in names.iter().enumerate() {
        let bmc = rack
            .bmc(index)
            .with_context(|| format!("the rack has no machine {index}"))?;
        let credentials = bmc.credentials();
        let body = json!({
            "name": name,
            "driver": "ipmi",
            "driver_info": {
                "ipmi_address": bmc.address().ip().to_string(),
                "ipmi_port": bmc.address().port(),
                "ipmi_username": credentials.username,
                "ipmi_password": credentials.password,
            },
        });
        client.send(Method::POST, "/v1/nodes", Some(&body)).await?;
        provision(client, name, "manage", "manageable").await?;
    }
    for (target, reached) in [("power on", "power on"), ("power off", "power off")] {
        println!("\nSwitching all machines: {target}");
        for name in names {
            let body = json!({"target": target});
            client
                .send(
                    Method::PUT,
                    &format!("/v1/nodes/{name}/states/power"),
                    Some(&body),
                )
                .await?;
        }
        for (index, name) in names.iter().enumerate() {
            client.wait_for(name, "power_state", reached).await?;
            let on = rack.bmc(index).is_some_and(|bmc| bmc.power());
            println!(
                "    the machine itself says: {}",
                if on { "on" } else { "off" }
            );
        }
    }
    Ok(())
}

async fn deployment(client: &Client) -> Result<()> {
    println!("\nDeploying a node with the fake-hardware driver");
    let body = json!({"name": FAKE_NODE, "driver": "fake-hardware"});
    client.send(Method::POST, "/v1/nodes", Some(&body)).await?;
    provision(client, FAKE_NODE, "manage", "manageable").await?;
    provision(client, FAKE_NODE, "provide", "available").await?;
    provision(client, FAKE_NODE, "active", "active").await
}

async fn provision(client: &Client, node: &str, verb: &str, reached: &str) -> Result<()> {
    println!("  {node}: {verb}");
    let body = json!({"target": verb});
    client
        .send(
            Method::PUT,
            &format!("/v1/nodes/{node}/states/provision"),
            Some(&body),
        )
        .await?;
    client.wait_for(node, "provision_state", reached).await
}
