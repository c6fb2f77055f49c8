//! Which resource a request is for, who may use it, and which version it has.

use std::time::Instant;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    accounts, bios, chassis, ethernet, hardware,
    http::Incoming,
    managers,
    reply::{Reply, collection},
    root, secure_boot, sensors, sessions,
    state::{State, System},
    systems, virtual_media,
};

/// Carries a request out.
pub(super) fn answer(state: &mut State, request: &Incoming, now: Instant) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let Some(segments) = segments.strip_prefix(&["redfish", "v1"]) else {
        return Reply::not_found();
    };
    let open = matches!(
        (request.method.as_str(), segments),
        ("GET", []) | ("POST", ["SessionService", "Sessions"])
    );
    if !open && !may(state, request, now) {
        return Reply::error(401, "NoValidSession", "Log in first.");
    }
    match segments {
        ["Chassis", chassis::ENCLOSURE] if state.enclosure.is_some() => {
            of_enclosure(state, request)
        }
        ["Systems", id, ..] | ["Chassis", id, ..] => of_system(state, request, segments, id),
        _ => of_service(state, request, segments, now),
    }
}

/// Whether a request comes with a session's token, or user and password.
fn may(state: &mut State, request: &Incoming, now: Instant) -> bool {
    if let Some(token) = request.header("x-auth-token") {
        return state.sessions.knows(token, now);
    }
    let pair = format!("{}:{}", state.config.username, state.config.password);
    let expected = format!("Basic {}", STANDARD.encode(pair));
    request.header("authorization") == Some(expected.as_str())
}

fn of_service(state: &mut State, request: &Incoming, segments: &[&str], now: Instant) -> Reply {
    let method = request.method.as_str();
    let has_sessions = state.config.sessions;
    match (method, segments) {
        ("GET", []) => Reply::ok(root::show(&state.config)),
        ("GET", ["Systems"]) => Reply::ok(collection(
            "/redfish/v1/Systems",
            "ComputerSystemCollection",
            state.ids(),
        )),
        ("GET", ["Chassis"]) => Reply::ok(collection(
            "/redfish/v1/Chassis",
            "ChassisCollection",
            state.chassis(),
        )),
        ("GET", ["Managers"]) => Reply::ok(collection(
            "/redfish/v1/Managers",
            "ManagerCollection",
            [managers::ID],
        )),
        ("GET", ["Registries"]) => Reply::ok(collection(
            "/redfish/v1/Registries",
            "MessageRegistryFileCollection",
            [bios::REGISTRY],
        )),
        ("GET", ["Registries", bios::REGISTRY]) => Reply::ok(bios::registry_file()),
        ("GET", ["Registries", bios::REGISTRY, "en"]) => Reply::ok(bios::registry()),
        ("GET", ["Managers", managers::ID]) => Reply::ok(managers::show(&state.ids())),
        ("GET", ["AccountService"]) => Reply::ok(accounts::service()),
        ("GET", ["AccountService", "Accounts"]) => Reply::ok(collection(
            "/redfish/v1/AccountService/Accounts",
            "ManagerAccountCollection",
            ["1"],
        )),
        ("GET", ["AccountService", "Accounts", "1"]) => Reply::ok(accounts::account(&state.config)),
        (_, ["SessionService", ..]) if !has_sessions => Reply::not_found(),
        ("GET", ["SessionService"]) => Reply::ok(sessions::service()),
        ("GET", ["SessionService", "Sessions"]) => Reply::ok(state.sessions.list()),
        ("POST", ["SessionService", "Sessions"]) => {
            state.sessions.create(&state.config, &request.body, now)
        }
        ("GET", ["SessionService", "Sessions", id]) => state
            .sessions
            .find(id)
            .map_or_else(Reply::not_found, Reply::ok),
        ("DELETE", ["SessionService", "Sessions", id]) => state.sessions.delete(id),
        ("GET", _) => Reply::not_found(),
        _ => Reply::not_allowed("GET"),
    }
}

fn of_enclosure(state: &mut State, request: &Incoming) -> Reply {
    let systems = state.ids();
    let Some(indicator) = &mut state.enclosure else {
        return Reply::not_found();
    };
    match request.method.as_str() {
        "GET" => Reply::ok(chassis::show_enclosure(indicator, &systems)),
        "PATCH" => chassis::change_indicator(indicator, &request.body),
        _ => Reply::not_allowed("GET, PATCH"),
    }
}

fn of_system(state: &mut State, request: &Incoming, segments: &[&str], id: &str) -> Reply {
    let fault = state.faults.power;
    let changed_meanwhile = request.method == "PATCH" && state.faults.changed_meanwhile.strikes();
    let weak = state.config.weak_etags;
    let Some(system) = state.system(id) else {
        return Reply::not_found();
    };
    if changed_meanwhile {
        system.version += 1;
    }
    if let Some(condition) = request.header("if-match")
        && !matches(system, condition)
    {
        return Reply::error(412, "PreconditionFailed", "The ETag does not match.");
    }
    let body = &request.body;
    let maybe = |found: Option<Value>| found.map_or_else(Reply::not_found, Reply::ok);
    let reply = match (request.method.as_str(), segments) {
        ("GET", ["Systems", _]) => Reply::ok(systems::show(system, fault)),
        ("PATCH", ["Systems", _]) => systems::change(system, body),
        ("POST", ["Systems", _, "Actions", "ComputerSystem.Reset"]) => {
            systems::reset(system, body, fault)
        }
        ("GET", ["Systems", _, "Bios"]) => Reply::ok(bios::show(system)),
        ("GET", ["Systems", _, "Bios", "Settings"]) => Reply::ok(bios::settings(system)),
        ("PATCH", ["Systems", _, "Bios", "Settings"]) => bios::change(system, body),
        ("POST", ["Systems", _, "Bios", "Actions", "Bios.ResetBios"]) => bios::reset(system),
        ("GET", ["Systems", _, "SecureBoot"]) => Reply::ok(secure_boot::show(system)),
        ("PATCH", ["Systems", _, "SecureBoot"]) => secure_boot::change(system, body),
        (
            "POST",
            [
                "Systems",
                _,
                "SecureBoot",
                "Actions",
                "SecureBoot.ResetKeys",
            ],
        ) => secure_boot::reset_keys(body),
        ("GET", ["Systems", _, "EthernetInterfaces"]) => Reply::ok(ethernet::list(system)),
        ("GET", ["Systems", _, "EthernetInterfaces", name]) => maybe(ethernet::show(system, name)),
        ("GET", ["Systems", _, "VirtualMedia"]) => Reply::ok(virtual_media::list(system)),
        ("GET", ["Systems", _, "VirtualMedia", virtual_media::ID]) => {
            Reply::ok(virtual_media::show(system))
        }
        (
            "POST",
            [
                "Systems",
                _,
                "VirtualMedia",
                virtual_media::ID,
                "Actions",
                action,
            ],
        ) => virtual_media::act(system, action, body),
        ("GET", ["Systems", _, rest @ ..]) => maybe(hardware::show(system, rest)),
        ("GET", ["Chassis", _]) => Reply::ok(chassis::show(system)),
        ("PATCH", ["Chassis", _]) => chassis::change(system, body),
        ("GET", ["Chassis", _, "Thermal"]) => Reply::ok(sensors::thermal(system)),
        ("GET", ["Chassis", _, "Power"]) => Reply::ok(sensors::power(system)),
        ("GET", ["Chassis", _, "Sensors"]) => Reply::ok(sensors::list(system)),
        ("GET", ["Chassis", _, "Sensors", sensor]) => maybe(sensors::show(system, sensor)),
        ("GET", _) => Reply::not_found(),
        _ => Reply::not_allowed("GET"),
    };
    versioned(reply, system, weak)
}

/// Shows the system's version with what can be changed and was read.
fn versioned(mut reply: Reply, system: &System, weak: bool) -> Reply {
    let Some(body) = reply.body.as_mut().filter(|_| reply.status == 200) else {
        return reply;
    };
    let etag = format!("{}\"{}\"", if weak { "W/" } else { "" }, system.version);
    if let Some(body) = body.as_object_mut() {
        body.insert("@odata.etag".to_owned(), json!(etag));
    }
    reply.with("etag", etag)
}

/// Whether a condition names the system's version. It is a strict service: a weak ETag never matches.
fn matches(system: &System, condition: &str) -> bool {
    condition == "*" || condition == format!("\"{}\"", system.version)
}
