//! What the program refuses to start with, and whom it lets in.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use ironbark_tests::{Client, Service, Setup, Stage, ironbark};
use serde_json::json;
use sqlx::Connection;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_authentication_it_binds_loopback_only() {
    let stage = Stage::shared().await;
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:6385"] {
        let said = Service::refused(
            &stage,
            Setup::default().argument("--listen").argument(listen),
        )
        .await;
        assert!(
            said.contains(listen.rsplit_once(':').unwrap().0.trim_matches(['[', ']'])),
            "{said}"
        );
        assert!(
            said.contains("authentication") || said.contains("auth"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_authentication_it_still_wants_tls_or_a_proxy_off_loopback() {
    let stage = Stage::shared().await;
    let htpasswd = htpasswd(&stage);
    let setup = || {
        Setup::default()
            .set("api", "auth_strategy", "http_basic")
            .set("api", "htpasswd_file", htpasswd.clone())
            .argument("--listen")
            .argument("0.0.0.0:0")
    };
    let said = Service::refused(&stage, setup()).await;
    assert!(
        said.contains("--tls-cert") || said.contains("TLS"),
        "{said}"
    );
    assert!(said.contains("--behind-proxy"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_basic_lets_in_who_is_in_the_file() {
    let stage = Stage::shared().await;
    let setup = Setup::default()
        .set("api", "auth_strategy", "http_basic")
        .set("api", "htpasswd_file", htpasswd(&stage))
        .credentials("operator", "open sesame");
    let service = Service::start(&stage, setup).await;
    let known = service.client();
    known.get("/v1/nodes").await.expect(200);
    known
        .create_node(&json!({"driver": "fake-hardware", "name": "mine"}))
        .await;

    let nobody = known.credentials(None);
    let wrong = known.credentials(Some(("operator".to_owned(), "open says me".to_owned())));
    let unknown = known.credentials(Some(("mallory".to_owned(), "open sesame".to_owned())));
    for stranger in [&nobody, &wrong, &unknown] {
        let answer = stranger.get("/v1/nodes").await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert_eq!(challenge, "Basic realm=\"Baremetal API\"");
        let answer = stranger.delete("/v1/nodes/mine").await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert_eq!(stranger.upload(vec![0], "").await.status, 401);
    }
    known.node("mine").await;
    // Public: the root documents, and the health check.
    nobody.get("/").await.expect(200);
    nobody.get("/v1").await.expect(200);
    assert_eq!(nobody.get("/healthcheck").await.status, 200);
    assert!(
        !service.log().contains("open sesame"),
        "a password is in the log"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_certificate_it_listens_anywhere_and_speaks_nothing_but_tls() {
    let stage = Stage::shared().await;
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (stage.path("cert.pem"), stage.path("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let setup = |certificate: &std::path::Path| {
        Setup::default()
            .set("api", "auth_strategy", "http_basic")
            .set("api", "htpasswd_file", htpasswd(&stage))
            .credentials("operator", "open sesame")
            .certificate(&made.cert.pem())
            .everywhere()
            .argument("--tls-cert")
            .argument(certificate.display().to_string())
            .argument("--tls-key")
            .argument(key.display().to_string())
    };
    let service = Service::start(&stage, setup(&cert)).await;
    let client = service.client();
    client.get("/v1/nodes").await.expect(200);
    let stranger = client.credentials(None);
    assert_eq!(stranger.get("/v1/nodes").await.status, 401);
    let clear = Client::new(&format!("http://{}", service.listen()));
    let answer = clear.attempt(reqwest::Method::GET, "/v1", None).await;
    assert!(answer.is_err(), "it speaks in the clear: {answer:?}");

    let said = Service::refused(&stage, setup(&key)).await;
    assert!(said.contains("not a certificate and its key"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_names_file_line_and_key() {
    let stage = Stage::shared().await;
    let cases = [
        ("api", "max_limmit", toml::Value::from(5), "max_limmit"),
        (
            "conductor",
            "heartbeat_interval",
            toml::Value::from("soon"),
            "heartbeat_interval",
        ),
        ("api", "listen", toml::Value::from("nowhere"), "listen"),
    ];
    for (section, key, value, named) in cases {
        let said = Service::refused(&stage, Setup::bare().set(section, key, value)).await;
        assert!(said.contains("ironbark.toml, line 2"), "{said}");
        assert!(said.contains(named), "{said}");
    }
    let said = Service::refused(
        &stage,
        Setup::bare().variable("IRONBARK_API_LISTENN", "127.0.0.1:0"),
    )
    .await;
    assert!(said.contains("IRONBARK_API_LISTENN"), "{said}");
}

/// Values that read as what they should be, and still can't be: what is said, by whoever reads them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reads_well_but_can_not_be_is_named_with_file_line_and_key() {
    let stage = Stage::shared().await;
    let file = stage.path("check.toml");
    let data = stage.path("never-made");
    let cases = [
        (
            "[conductor]\nhost = \"a\"\n\n[bmc]\nallowed_networks = [\"10.0.0.0/99\"]\n",
            "line 5: [bmc] allowed_networks: ",
        ),
        (
            "[drivers]\nmemory_limit_mib = 5000\n",
            "line 2: [drivers] memory_limit_mib: 5000",
        ),
        (
            "[drivers.limits.acme]\nlive_calls = 2\nmemory_limit_mib = 0\n",
            "line 3: [drivers.limits.acme] memory_limit_mib: 0",
        ),
        (
            "[drivers.default_interfaces]\npowers = \"fake\"\n",
            "line 2: [drivers.default_interfaces] powers: ",
        ),
        (
            "[drivers]\n\ncanary_max_fault_rate = 5.0\n",
            "line 3: [drivers] canary_max_fault_rate: ",
        ),
        ("[log]\nlevel = \"a=b=c\"\n", "line 2: [log] level: "),
        (
            "[api]\nauth_strategy = \"http_basic\"\n",
            "line 2: [api] auth_strategy: ",
        ),
        (
            "[api]\nauth_strategy = \"http_basic\"\nhtpasswd_file = \"/nowhere/users\"\n",
            "line 3: [api] htpasswd_file: ",
        ),
        (
            "[api]\ntls_key = \"/nowhere/key\"\ntls_cert = \"/nowhere/cert\"\n",
            "line 3: [api] tls_cert: ",
        ),
        (
            "[api]\nlisten = \"0.0.0.0:6385\"\n",
            "line 2: [api] listen: ",
        ),
        (
            "[database]\nurl = \"mysql://me:hunter2@db/ironbark\"\n",
            "line 2: [database] url: ",
        ),
        (
            "[ssh.templates.virsh]\npower-on = [\"virsh\", \"start\"]\n",
            "line 2: [ssh.templates.virsh] power-on: ",
        ),
    ];
    for (text, named) in cases {
        std::fs::write(&file, text).unwrap();
        let config = file.to_str().unwrap();
        let (good, said) = run(&["config", "check", "--config", config]).await;
        assert!(!good, "{text}{said}");
        assert!(said.contains(&format!("check.toml, {named}")), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        let folder = data.to_str().unwrap();
        let served = run(&["serve", "--config", config, "--data-dir", folder]).await;
        assert_eq!(served, (false, said), "serve says otherwise");
        assert!(!data.exists(), "it began: {text}");
    }
    for (name, value) in [
        ("IRONBARK_DRIVERS_MEMORY_LIMIT_MIB", "5000"),
        ("IRONBARK_LOG_LEVEL", "a=b=c"),
    ] {
        let setup = Setup::bare().variable(name, value);
        let said = Service::refused(&stage, setup).await;
        let named = format!("the environment variable {name}: [");
        assert!(said.contains(&named), "{said}");
    }
    let said = Service::refused(
        &stage,
        Setup::bare().argument("--database").argument("mysql://db"),
    )
    .await;
    assert!(said.contains("--database: [database] url: "), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_keeps_off_the_data_folder() {
    let stage = Stage::shared().await;
    let first = Service::start(&stage, Setup::default()).await;
    let folder = first.data().display().to_string();
    let (good, said) = run(&["serve", "--data-dir", &folder, "--listen", "127.0.0.1:0"]).await;
    assert!(!good, "{said}");
    assert!(said.contains(&folder), "{said}");
    assert!(
        said.contains(&first.pid().as_raw_nonzero().to_string()),
        "{said}"
    );
    first.client().get("/v1/nodes").await.expect(200);
    let mode = std::fs::metadata(first.data())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(
        mode & 0o077,
        0,
        "others can look into the data folder: {mode:o}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_newer_program_is_refused_by_name() {
    let stage = Stage::shared().await;
    let mut service = Service::start(&stage, Setup::default()).await;
    assert!(service.terminate().await.success());
    let mut database = service.database().await;
    let changed = sqlx::query(
        "INSERT INTO schema_migrations (version, description, installed_on, success, checksum, execution_time) \
         SELECT 9000, 'from the future', installed_on, success, checksum, execution_time FROM schema_migrations LIMIT 1",
    )
    .execute(&mut database)
    .await
    .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    database.close().await.unwrap();
    let folder = service.data().display().to_string();
    let (good, said) = run(&["serve", "--data-dir", &folder, "--listen", "127.0.0.1:0"]).await;
    assert!(!good, "{said}");
    assert!(said.contains("9000") && said.contains("newer"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_looks_at_a_running_service() {
    let stage = Stage::shared().await;
    let service = Service::start(&stage, Setup::default()).await;
    let url = service.client().url().to_owned();
    let (good, said) = run(&["driver", "list", "--url", &url]).await;
    assert!(good, "{said}");
    assert!(said.contains("ipmi") && said.contains("fake"), "{said}");
    let (good, said) = run(&["--version"]).await;
    assert!(good && said.starts_with("ironbark "), "{said}");
}

/// A htpasswd file with one user, as `htpasswd -B` writes it.
fn htpasswd(stage: &Stage) -> String {
    let hash = bcrypt::hash("open sesame", 4).unwrap();
    let file = stage.path("htpasswd");
    std::fs::write(
        &file,
        format!("operator:{}\n", hash.replacen("$2b$", "$2y$", 1)),
    )
    .unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}

/// Runs the program until it ends: whether it ended well, and all that it said.
async fn run(arguments: &[&str]) -> (bool, String) {
    let running = Command::new(ironbark())
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(ironbark_tests::PATIENCE, running)
        .await
        .expect("the program ends")
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}
