//! The program: what it prints can be used, and it answers where it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpStream, UdpSocket},
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
fn it_speaks_redfish_where_it_says() {
    let mut running = Running(
        Command::new(env!("CARGO_BIN_EXE_ironbark-bmc-sim"))
            .args(["--redfish", "--port", "0", "--systems", "2"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.trim_end().rsplit(' ').next().unwrap();
    let (address, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    assert_eq!(path, "redfish/v1/Systems/1");
    let mut socket = TcpStream::connect(address).unwrap();
    socket
        .write_all(b"GET /redfish/v1/ HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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
