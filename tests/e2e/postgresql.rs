//! The tour with PostgreSQL for state.

use ironbark_tests::{Service, Setup, Stage, have, rack};
use serde_json::Value;

use crate::tour;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_works_on_postgresql_and_survives_a_kill() {
    if !have("postgres") {
        return;
    }
    let stage = Stage::shared().await;
    let rack = rack(2).await;
    let database = ironbark_db::testing::postgres()
        .await
        .expect("a PostgreSQL server");
    let setup = Setup::default().set("database", "url", database.config.url.clone());
    let mut service = Service::start(&stage, setup).await;
    let client = service.client().clone();
    tour::machines(&client, rack.bmcs()).await;
    tour::life(&client).await;
    service.kill().await;
    service.restart().await;
    let listed = client.get("/v1/nodes?driver=ipmi").await.expect(200);
    assert_eq!(listed["nodes"].as_array().unwrap().len(), 2);
    let node = client.power_to("machine-0", "power on", "power on").await;
    assert_eq!(node["last_error"], Value::Null);
    let left: Vec<_> = std::fs::read_dir(service.data())
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    assert!(left.iter().all(|name| !name.contains("sqlite")), "{left:?}");
    // The password of the database is a secret like any other.
    if let Some(password) = password(&database.config.url) {
        assert!(!service.log().contains(password));
    }
}

fn password(url: &str) -> Option<&str> {
    let (user, _) = url.split_once("://")?.1.split_once('@')?;
    user.split_once(':')
        .map(|(_, password)| password)
        .filter(|password| !password.is_empty())
}
