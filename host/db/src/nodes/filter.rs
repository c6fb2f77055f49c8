//! Turns a [`NodeFilter`] into conditions.

use crate::NodeFilter;
use crate::page::Conditions;
use crate::sql::Bind;

/// The filter's conditions on the table `nodes`. `prefix` stands before each column.
pub(super) fn conditions(filter: &NodeFilter, prefix: &str) -> Conditions {
    let mut all = Conditions::default();
    let column = |name: &str| format!("{prefix}{name}");

    for (name, value) in [
        ("instance_uuid", &filter.instance_uuid),
        ("instance_name", &filter.instance_name),
        ("driver", &filter.driver),
        ("resource_class", &filter.resource_class),
        ("fault", &filter.fault),
        ("conductor_group", &filter.conductor_group),
        ("owner", &filter.owner),
        ("lessee", &filter.lessee),
        ("parent_node", &filter.parent_node),
        ("chassis_uuid", &filter.chassis_uuid),
    ] {
        if let Some(value) = value {
            all.equals(&column(name), value);
        }
    }
    for (name, values) in [
        ("uuid", &filter.uuids),
        ("name", &filter.names),
        ("driver", &filter.drivers),
        ("shard", &filter.shards),
        ("reservation", &filter.reserved_by),
    ] {
        if let Some(values) = values {
            all.one_of(&column(name), values.iter().map(String::as_str));
        }
    }
    if let Some(state) = filter.provision_state {
        all.equals(&column("provision_state"), state.as_str());
    }
    if let Some(states) = &filter.provision_states {
        let states = states.iter().map(|state| state.as_str());
        all.one_of(&column("provision_state"), states);
    }
    for (name, flag) in [
        ("maintenance", filter.maintenance),
        ("retired", filter.retired),
        ("console_enabled", filter.console_enabled),
    ] {
        if let Some(flag) = flag {
            all.add(format!("{prefix}{name} = {}", i32::from(flag)));
        }
    }
    for (name, there) in [
        ("instance_uuid", filter.associated),
        ("shard", filter.sharded),
        ("reservation", filter.reserved),
        ("target_power_state", filter.power_target_set),
    ] {
        match there {
            Some(true) => all.add(format!("{prefix}{name} IS NOT NULL")),
            Some(false) => all.add(format!("{prefix}{name} IS NULL")),
            None => {}
        }
    }
    for (name, time) in [
        ("provision_updated_at", filter.provision_updated_before),
        ("inspection_started_at", filter.inspection_started_before),
        ("updated_at", filter.updated_before),
    ] {
        if let Some(time) = time {
            let placeholder = all.bind(Bind::Int(time.0));
            all.add(format!("{prefix}{name} < {placeholder}"));
        }
    }
    if let Some(project) = &filter.project {
        let owner = all.bind(Bind::Text(project.clone()));
        let lessee = all.bind(Bind::Text(project.clone()));
        all.add(format!(
            "({prefix}owner = {owner} OR {prefix}lessee = {lessee})"
        ));
    }
    if let Some(text) = &filter.description_contains {
        all.contains(&column("description"), text);
    }
    if !filter.include_children && filter.parent_node.is_none() {
        all.add(format!("{prefix}parent_node IS NULL"));
    }
    all
}
