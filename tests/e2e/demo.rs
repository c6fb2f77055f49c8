//! `cargo xtask demo`, from where everything is built: the tour, a second one on the same data, what it says to try next, Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use ironbark_tests::{
    PATIENCE, Stage, clients, eventually, have, ironbark, share_compiled, target,
};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_works_twice_and_what_it_prints_can_be_typed() {
    let stage = Stage::shared().await;
    let folder = stage.folder();
    let listen = free_address();
    share_compiled(&folder.join("demo-data"));
    let toured = within(demo(folder, listen).arg("--once").output()).await;
    let said = text(&toured);
    assert!(toured.status.success(), "{said}");
    took_the_tour(&said);
    assert!(!said.contains("Try next"), "{said}");
    assert!(!answers(listen), "it left its service behind");

    // On the same data, and to stay.
    let file = folder.join("said");
    let mut staying = demo(folder, listen)
        .stdout(std::fs::File::create(&file).unwrap())
        .spawn()
        .unwrap();
    let read = || std::fs::read_to_string(&file).unwrap();
    eventually("what to try next", async || {
        let ended = staying.try_wait().unwrap();
        assert!(ended.is_none(), "it ended ({ended:?}): {}", read());
        read().contains("baremetal driver list").then_some(())
    })
    .await;
    let said = read();
    took_the_tour(&said);
    let lines: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    let of = |program: &str| {
        lines
            .iter()
            .filter(|line| line.starts_with(program))
            .count()
    };
    assert!(of("curl ") >= 4 && of("openstack ") >= 5, "{said}");
    for line in lines {
        try_it(line).await;
    }

    interrupt(&staying);
    let status = within(staying.wait()).await;
    assert!(status.success(), "{status}: {}", read());
    assert!(read().ends_with("Stopping\n"), "{}", read());
    let log = std::fs::read_to_string(folder.join("demo-data/ironbark.log")).unwrap();
    assert!(log.contains("stopping"), "{log}");
    assert!(!log.contains("told to stop again"), "{log}");
    assert!(!answers(listen), "it left its service behind");
}

/// It showed each machine's and each node's states as they were reached.
fn took_the_tour(said: &str) {
    for machine in ["demo-1", "demo-2", "demo-3"] {
        for state in ["manageable", "power on", "power off"] {
            let reached = format!("{machine}: {state}\n");
            assert!(said.contains(&reached), "{reached}: {said}");
        }
    }
    assert_eq!(
        said.matches("the machine itself says: on").count(),
        3,
        "{said}"
    );
    assert_eq!(
        said.matches("the machine itself says: off").count(),
        3,
        "{said}"
    );
    assert!(said.contains("demo-fake: available\n"), "{said}");
    assert!(said.contains("demo-fake: active\n"), "{said}");
}

/// A line that it printed, typed into a shell as it stands.
async fn try_it(line: &str) {
    let mut path: Vec<PathBuf> = Vec::new();
    if line.starts_with("openstack ") {
        if !have("clients") {
            return;
        }
        path.push(clients());
    } else if !line.starts_with("curl ") || !have("curl") {
        return;
    }
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let output = Command::new("sh")
        .args(["-c", line])
        .env("PATH", std::env::join_paths(path).unwrap())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = within(output).await;
    let said = text(&output);
    assert!(output.status.success(), "$ {line}\n{said}");
    assert!(!said.contains("error_message"), "$ {line}\n{said}");
}

fn demo(folder: &Path, listen: SocketAddr) -> Command {
    let program = target().join("debug").join("ironbark-demo");
    assert!(
        program.is_file(),
        "{program:?} isn't there: run `cargo xtask build`"
    );
    let mut command = Command::new(program);
    command
        .arg("--ironbark")
        .arg(ironbark())
        .args(["--listen", &listen.to_string(), "--data-dir"])
        .arg(folder.join("demo-data"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("IRONBARK_") {
            command.env_remove(name);
        }
    }
    command
}

/// Ctrl-C: a terminal tells everybody in the group.
fn interrupt(child: &Child) {
    let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    kill_process_group(pid, Signal::INT).unwrap();
}

fn answers(listen: SocketAddr) -> bool {
    std::net::TcpStream::connect(listen).is_ok()
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

async fn within<T>(running: impl Future<Output = std::io::Result<T>>) -> T {
    let done = tokio::time::timeout(PATIENCE, running).await;
    done.expect("it ends").unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}
