//! Bombs that no driver in Rust can be: a table that grows and grows, and components that take long to compile. While they go on, nobody else
//! waits longer than beside the drivers of `hostile`.

use ironbark_tests::{Client, Service, Setup, Stage, enrol};
use serde_json::{Value, json};

use crate::guest::{Guest, bombs, table_bomb};
use crate::hostile::{Measured, short_calls};
use crate::hostile_rest::{Attacker, measure};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_table_that_grows() {
    let stage = Stage::alone().await;
    let (service, client) = started(&stage).await;
    let package = bombs::packaged(&table_bomb().build(), &metadata("table").to_string());
    client.upload(package, "").await.expect(201);
    let mut attackers = Vec::new();
    for name in ["table-0", "table-1"] {
        let body = json!({"name": name, "driver": "hostile-table"});
        client.create_node(&body).await;
        attackers.push(Attacker::Node(name.to_owned(), "it needed more memory"));
    }
    measure(&client, &attackers).await;
    assert!(!service.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_what_takes_long_to_compile() {
    let stage = Stage::alone().await;
    let (service, client) = started(&stage).await;
    let driver = bombs::packaged(&Guest::default().build(), &metadata("bomb").to_string());
    // Each takes seconds to compile, and is then found to be no component after all.
    for (what, bomb) in [
        ("functions", bombs::many_functions(20_000)),
        ("parameters", bombs::many_parameters(1_000, 100)),
        ("one function", bombs::giant_function(48 * 1024)),
        ("blocks within blocks", bombs::nested_blocks(40, 4_900)),
    ] {
        eprintln!("{what}:");
        let bomb = bombs::in_vain(&driver, &bomb);
        measure(&client, &[Attacker::Upload(bomb, "can't be compiled")]).await;
    }
    // These would take minutes, or all memory.
    eprintln!("refused before they are compiled:");
    measure(
        &client,
        &[
            Attacker::Upload(
                bombs::with_module(&driver, &bombs::many_types(10_000, 1_000)),
                "as bytes of code",
            ),
            Attacker::Upload(
                bombs::with_module(&driver, &bombs::nested_blocks(1, 100_000)),
                "blocks within blocks",
            ),
            Attacker::Upload(
                bombs::with_component(&driver, &bombs::doubling(60)),
                "parts when it is instantiated",
            ),
        ],
    )
    .await;
    assert!(!service.log().contains("panicked"));
}

async fn started(stage: &Stage) -> (Service, Client) {
    let setup = Setup::default()
        // A driver in quarantine does no harm.
        .set("drivers", "quarantine_faults", 0)
        .set("log", "level", "warn");
    let service = Service::start(stage, short_calls(setup)).await;
    let client = service.client().clone();
    enrol(&client, &json!({"name": "calm", "driver": "fake-hardware"})).await;
    // Caches, connections, first instances.
    Measured::default().more(&client).await;
    (service, client)
}

/// Of a package with one power implementation and a hardware type, of the same name.
fn metadata(name: &str) -> Value {
    let name = format!("hostile-{name}");
    json!({
        "name": name, "version": "0.1.0", "vendor": "Ironbark tests",
        "interfaces": {"power": [{"name": name}]},
        "hardware_types": [{"name": name, "interfaces": {"power": [name], "management": ["noop"], "deploy": ["noop"]}}]
    })
}
