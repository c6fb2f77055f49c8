//! Allocations from request to node, and after the death of the conductor that looks for one; deploy templates in a deployment.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::time::{Duration, Instant};

use common::{World, kind};
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{
    Allocation, AllocationState, DeployTemplate, ErrorKind, Node, PowerState, ProvisionState as S,
    Result, Verb,
};
use ironbark_rpc::{ChangeAllocation, Reply, Request};
use serde_json::{Value, json};

/// Stores an available node of the class `gold`.
async fn available(world: &World, change: impl FnOnce(&mut Node)) -> Node {
    let mut node = Node {
        uuid: new_uuid(),
        driver: "fake-hardware".to_owned(),
        provision_state: S::Available,
        power_state: Some(PowerState::Off),
        resource_class: Some("gold".to_owned()),
        ..Node::default()
    };
    change(&mut node);
    let wanted = node.traits.clone();
    let node = world.db.node_create(&node).await.unwrap();
    let held = world.db.node_reserve(&node.uuid, "test").await.unwrap();
    let mut tx = world.db.reserved(&held).await.unwrap();
    tx.set_traits(&wanted).await.unwrap();
    tx.commit_and_release().await.unwrap();
    world.node(&node.uuid).await
}

fn gold() -> Allocation {
    Allocation {
        uuid: new_uuid(),
        resource_class: Some("gold".to_owned()),
        ..Allocation::default()
    }
}

async fn change(world: &World, change: ChangeAllocation) -> Result<Reply> {
    world.ask(Request::ChangeAllocation { change }).await
}

async fn create(world: &World, new: Allocation) -> Allocation {
    let new = ChangeAllocation::Create(Box::new(new));
    match change(world, new).await.unwrap() {
        Reply::Allocation(stored) => {
            assert_eq!(stored.state, AllocationState::Allocating);
            *stored
        }
        other => panic!("not an allocation: {other:?}"),
    }
}

async fn backfill(world: &World, new: Allocation, node: &Node) -> Result<Allocation> {
    let new = ChangeAllocation::Backfill {
        allocation: Box::new(new),
        node: node.uuid.clone(),
    };
    match change(world, new).await? {
        Reply::Allocation(stored) => Ok(*stored),
        other => panic!("not an allocation: {other:?}"),
    }
}

async fn destroy(world: &World, uuid: &str) -> Result<()> {
    let uuid = uuid.to_owned();
    change(world, ChangeAllocation::Destroy { uuid })
        .await
        .map(drop)
}

async fn find(world: &World, uuid: &str) -> Option<Allocation> {
    let ident = Ident::Uuid(uuid.to_owned());
    world.db.allocation_get(&ident).await.unwrap()
}

/// Waits until no node is looked for any more.
async fn ended(world: &World, uuid: &str) -> Allocation {
    let began = Instant::now();
    loop {
        let found = find(world, uuid).await.expect("the allocation is there");
        if found.state != AllocationState::Allocating {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{found:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_node_that_fits_is_found_and_marked() {
    let world = World::start().await;
    available(&world, |node| {
        node.resource_class = Some("tin".to_owned());
    })
    .await;
    available(&world, |node| node.maintenance = true).await;
    available(&world, |node| node.provision_state = S::Manageable).await;
    available(&world, |node| node.instance_uuid = Some(new_uuid())).await;
    available(&world, |node| node.power_state = None).await;
    available(&world, |node| node.traits = vec!["CUSTOM_A".to_owned()]).await;
    let traits = vec!["CUSTOM_A".to_owned(), "CUSTOM_B".to_owned()];
    let right = available(&world, |node| {
        node.traits.clone_from(&traits);
        node.lessee = Some("p".to_owned());
    })
    .await;
    let wanted = create(
        &world,
        Allocation {
            traits: traits.clone(),
            owner: Some("p".to_owned()),
            ..gold()
        },
    )
    .await;
    let found = ended(&world, &wanted.uuid).await;
    assert_eq!(found.state, AllocationState::Active, "{found:?}");
    assert_eq!(found.node_uuid.as_deref(), Some(right.uuid.as_str()));
    let node = world.node(&right.uuid).await;
    assert_eq!(node.instance_uuid.as_ref(), Some(&wanted.uuid));
    assert_eq!(node.allocation_uuid.as_ref(), Some(&wanted.uuid));
    assert_eq!(node.instance_info["traits"], json!(traits));
    assert_eq!(node.reservation, None);
    destroy(&world, &wanted.uuid).await.unwrap();
    let node = world.node(&right.uuid).await;
    assert_eq!((node.instance_uuid, node.allocation_uuid), (None, None));
    assert_eq!(find(&world, &wanted.uuid).await, None);
    let gone = destroy(&world, &wanted.uuid).await;
    assert_eq!(kind(gone), Some(ErrorKind::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_node_that_fits_it_ends_in_error_and_can_be_deleted() {
    let world = World::start().await;
    let other = available(&world, |_| {}).await;
    let elsewhere = available(&world, |node| {
        node.resource_class = Some("tin".to_owned());
    })
    .await;
    let wanted = create(
        &world,
        Allocation {
            candidate_nodes: vec![elsewhere.uuid],
            ..gold()
        },
    )
    .await;
    let failed = ended(&world, &wanted.uuid).await;
    assert_eq!(failed.state, AllocationState::Error);
    let error = failed.last_error.unwrap();
    assert!(
        error.contains("gold") && error.contains("candidates"),
        "{error}"
    );
    assert_eq!(world.node(&other.uuid).await.instance_uuid, None);
    destroy(&world, &wanted.uuid).await.unwrap();
    assert_eq!(find(&world, &wanted.uuid).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_may_be_a_child_and_a_namesake_goes_first() {
    let world = World::start().await;
    let parent = available(&world, |node| node.maintenance = true).await;
    let child = available(&world, |node| {
        node.parent_node = Some(parent.uuid.clone());
    })
    .await;
    let wanted = create(
        &world,
        Allocation {
            candidate_nodes: vec![child.uuid.clone()],
            ..gold()
        },
    )
    .await;
    let found = ended(&world, &wanted.uuid).await;
    assert_eq!(found.node_uuid, Some(child.uuid));
    for _ in 0..10 {
        available(&world, |_| {}).await;
    }
    let namesake = available(&world, |node| node.name = Some("web-1".to_owned())).await;
    let wanted = create(
        &world,
        Allocation {
            name: Some("web-1".to_owned()),
            prefers_name: true,
            ..gold()
        },
    )
    .await;
    let found = ended(&world, &wanted.uuid).await;
    assert_eq!(found.node_uuid, Some(namesake.uuid));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_get_a_node_each_as_long_as_there_are_any() {
    let world = World::start().await;
    for _ in 0..5 {
        available(&world, |_| {}).await;
    }
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(create(&world, gold()).await.uuid);
    }
    let mut nodes = Vec::new();
    let mut failed = 0;
    for uuid in &all {
        let found = ended(&world, uuid).await;
        match found.node_uuid {
            Some(node) => nodes.push(node),
            None => failed += 1,
        }
    }
    nodes.sort_unstable();
    nodes.dedup();
    assert_eq!((nodes.len(), failed), (5, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_node_is_waited_for_and_given_up() {
    let world = World::start().await;
    let node = available(&world, |_| {}).await;
    let held = world.db.node_reserve(&node.uuid, "else").await.unwrap();
    let wanted = create(&world, gold()).await;
    let failed = ended(&world, &wanted.uuid).await;
    assert_eq!(failed.state, AllocationState::Error);
    assert!(failed.last_error.unwrap().contains("locked"));
    world.db.node_release(&held).await.unwrap();
    let wanted = create(&world, gold()).await;
    assert_eq!(ended(&world, &wanted.uuid).await.node_uuid, Some(node.uuid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_conductor_goes_on_looking() {
    let mut world = World::start_with(|config| {
        config.node_locked_retry_attempts = 100_000;
    })
    .await;
    let node = available(&world, |_| {}).await;
    let held = world.db.node_reserve(&node.uuid, "else").await.unwrap();
    let wanted = create(&world, gold()).await;
    world.kill();
    let still = find(&world, &wanted.uuid).await.unwrap();
    assert_eq!(still.state, AllocationState::Allocating);
    world.db.node_release(&held).await.unwrap();
    world.restart().await;
    let found = ended(&world, &wanted.uuid).await;
    assert_eq!(found.node_uuid.as_deref(), Some(node.uuid.as_str()));
    assert_eq!(
        world.node(&node.uuid).await.allocation_uuid,
        Some(found.uuid)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_conductors_search_is_taken_over_and_a_living_ones_is_not() {
    let world = World::start().await;
    let living = world.another("conductor-2").await;
    for _ in 0..3 {
        available(&world, |_| {}).await;
    }
    let of = async |host: &str| {
        let new = Allocation {
            conductor: Some(host.to_owned()),
            ..gold()
        };
        world.db.allocation_create(&new).await.unwrap().uuid
    };
    // The living one's is older: the first conductor has seen it when it has seen the orphan.
    let others = of("conductor-2").await;
    let orphan = of("conductor-dead").await;
    world.conductor.context().wake.allocations.notify_one();
    let found = ended(&world, &orphan).await;
    assert_eq!(found.state, AllocationState::Active);
    assert_ne!(found.conductor.as_deref(), Some("conductor-dead"));
    let untouched = find(&world, &others).await.unwrap();
    assert_eq!(untouched.conductor.as_deref(), Some("conductor-2"));
    living.context().wake.allocations.notify_one();
    let found = ended(&world, &others).await;
    assert_eq!(found.state, AllocationState::Active);
    assert_eq!(found.conductor.as_deref(), Some("conductor-2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_in_use_is_allocated_afterwards() {
    let world = World::start().await;
    let instance = new_uuid();
    let used = available(&world, |node| {
        node.provision_state = S::Active;
        node.instance_uuid = Some(instance.clone());
    })
    .await;
    let no_uuid = Allocation {
        uuid: String::new(),
        ..gold()
    };
    let other = backfill(&world, gold(), &used).await;
    assert_eq!(kind(other), Some(ErrorKind::Conflict), "another instance");
    let idle = available(&world, |_| {}).await;
    let refused = backfill(&world, no_uuid.clone(), &idle).await;
    assert_eq!(kind(refused), Some(ErrorKind::Conflict));
    assert_eq!(world.node(&idle.uuid).await.reservation, None);
    let stored = backfill(&world, no_uuid.clone(), &used).await.unwrap();
    assert_eq!(
        (stored.uuid.as_str(), stored.state),
        (instance.as_str(), AllocationState::Active)
    );
    let node = world.node(&used.uuid).await;
    assert_eq!(node.allocation_uuid.as_ref(), Some(&instance));
    assert_eq!(node.reservation, None);
    let again = backfill(&world, no_uuid, &used).await;
    assert_eq!(kind(again), Some(ErrorKind::Conflict));

    // It stays as long as the node is in use.
    let refused = destroy(&world, &instance).await;
    assert_eq!(kind(refused), Some(ErrorKind::Conflict));
    let cut = json!([{"op": "remove", "path": "/instance_uuid"}]);
    let refused = world.patch(&used.uuid, cut.clone()).await;
    assert_eq!(kind(refused), Some(ErrorKind::Conflict));
    let maintained = json!([{"op": "replace", "path": "/maintenance", "value": true}]);
    world.patch(&used.uuid, maintained).await.unwrap();
    world.patch(&used.uuid, cut).await.unwrap();
    assert_eq!(find(&world, &instance).await, None);
    assert_eq!(world.node(&used.uuid).await.allocation_uuid, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owned_allocation_holds_its_nodes_owner() {
    let world = World::start().await;
    let node = available(&world, |node| node.owner = Some("p".to_owned())).await;
    let owned = Allocation {
        owner: Some("p".to_owned()),
        ..gold()
    };
    let wanted = create(&world, owned).await;
    ended(&world, &wanted.uuid).await;
    let sell = json!([{"op": "replace", "path": "/owner", "value": "q"}]);
    let refused = world.patch(&node.uuid, sell.clone()).await;
    assert_eq!(kind(refused), Some(ErrorKind::Conflict));
    destroy(&world, &wanted.uuid).await.unwrap();
    world.patch(&node.uuid, sell).await.unwrap();
}

fn template(name: &str, step: &str) -> DeployTemplate {
    let step = json!({"interface": "deploy", "step": step, "args": {}, "priority": 150});
    DeployTemplate {
        uuid: new_uuid(),
        name: name.to_owned(),
        steps: vec![step.as_object().unwrap().clone()],
        ..DeployTemplate::default()
    }
}

/// What the driver noted of steps that it finished.
async fn finished(world: &World, node: &Node) -> Vec<String> {
    let notes = world.notes(&node.uuid).await;
    notes
        .into_keys()
        .filter(|key| key.starts_with("finished"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instances_traits_bring_deploy_templates_and_a_tear_down_ends_the_allocation() {
    let world = World::start().await;
    for (name, step) in [("CUSTOM_A", "fragile"), ("CUSTOM_B", "fail")] {
        let new = template(name, step);
        world.db.deploy_template_create(&new).await.unwrap();
    }
    let node = world
        .test_node(
            json!({"fake_step_ms": 1}),
            json!({"resource_class": "gold"}),
        )
        .await;
    world.provide(&node.uuid).await;
    let traits =
        ironbark_rpc::TraitChange::Replace(vec!["CUSTOM_A".to_owned(), "CUSTOM_B".to_owned()]);
    world
        .ask(Request::SetTraits {
            node: node.uuid.clone(),
            change: traits,
        })
        .await
        .unwrap();
    let allocate = async |traits: &[&str]| {
        let wanted = Allocation {
            traits: traits.iter().map(|name| (*name).to_owned()).collect(),
            ..gold()
        };
        let uuid = create(&world, wanted).await.uuid;
        assert_eq!(ended(&world, &uuid).await.state, AllocationState::Active);
        uuid
    };
    let before = finished(&world, &node).await;
    assert!(
        !before.contains(&"finished fragile".to_owned()),
        "{before:?}"
    );
    let allocation = allocate(&["CUSTOM_A"]).await;
    let deploy = async |args: Value| world.provision(&node.uuid, Verb::Deploy, args).await;
    deploy(json!({})).await.unwrap();
    world.settled(&node.uuid, S::Active).await;
    let ran = finished(&world, &node).await;
    assert!(ran.contains(&"finished fragile".to_owned()), "{ran:?}");

    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    let freed = world.settled(&node.uuid, S::Available).await;
    assert_eq!((freed.instance_uuid, freed.allocation_uuid), (None, None));
    assert_eq!(find(&world, &allocation).await, None);

    // The operator says that a template's step isn't to run.
    allocate(&["CUSTOM_B"]).await;
    let without = json!({"deploy_steps": [{"interface": "deploy", "step": "fail", "args": {"how": "failed"}, "priority": 0}]});
    deploy(without).await.unwrap();
    world.settled(&node.uuid, S::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_does_not_fit_refuses_the_deployment() {
    let world = World::start().await;
    let new = template("CUSTOM_A", "nonesuch");
    world.db.deploy_template_create(&new).await.unwrap();
    let node = world.fake_node().await;
    world.provide(&node.uuid).await;
    let traits = ironbark_rpc::TraitChange::Add("CUSTOM_A".to_owned());
    let set = Request::SetTraits {
        node: node.uuid.clone(),
        change: traits,
    };
    world.ask(set).await.unwrap();
    let wish = json!([{"op": "add", "path": "/instance_info/traits", "value": ["CUSTOM_A"]}]);
    world.patch(&node.uuid, wish).await.unwrap();
    let refused = world.provision(&node.uuid, Verb::Deploy, json!({})).await;
    assert_eq!(kind(refused), Some(ErrorKind::InvalidParameter));
    let node = world.node(&node.uuid).await;
    assert_eq!(
        (node.provision_state, node.reservation),
        (S::Available, None)
    );
}
