//! The program: what it prints can be used, and it answers where it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{
    io::{BufRead, BufReader},
    net::UdpSocket,
    process::{Child, Command, Stdio},
    time::Duration,
};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_prints_a_line_for_each_bmc_which_answers_there() {
    let mut running = Running(
        Command::new(env!("CARGO_BIN_EXE_ironbark-bmc-sim"))
            .args(["--count", "2", "--port", "0", "--power-delay-ms", "10"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let lines: Vec<String> = BufReader::new(running.0.stdout.take().unwrap())
        .lines()
        .take(2)
        .map(Result::unwrap)
        .collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(
            (words[0], words[3], words[5]),
            ("ipmitool", "-H", "-p"),
            "{line}"
        );
        let address = format!("{}:{}", words[4], words[6]);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        // ASF presence ping with tag 9, and the beginning of its pong.
        let ping = [6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 9, 0, 0];
        socket.send_to(&ping, address).unwrap();
        let mut pong = [0; 64];
        let length = socket.recv(&mut pong).unwrap();
        assert_eq!(
            pong[..length][..12],
            [6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x40, 9, 0, 16]
        );
    }
}

#[test]
fn its_help_shows_an_example() {
    let output = Command::new(env!("CARGO_BIN_EXE_ironbark-bmc-sim"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && help.contains("ironbark-bmc-sim --count 3"),
        "{help}"
    );
}
