use std::path::Path;

use ironbark_db::testing::{databases, sqlite};
use ironbark_db::{Database, DatabaseConfig, DbError};
use ironbark_model::ErrorKind;
use ironbark_model::ident::Ident;
use sqlx::{AnyConnection, Connection, Executor};

use crate::make::node;

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    for database in databases().await {
        let made = database.node_create(&node()).await.unwrap();
        database.ping().await.unwrap();
        database.close().await;
        let error = database.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{}", database.kind);
        let again = Database::open(&database.config).await.unwrap();
        let ident = Ident::Uuid(made.uuid.clone());
        assert_eq!(again.node_get(&ident).await.unwrap(), Some(made));
        again.close().await;
    }
}

#[tokio::test]
async fn a_newer_database_is_refused_by_name() {
    for database in databases().await {
        let kind = database.kind;
        database.close().await;
        let mut connection = AnyConnection::connect(&database.config.url).await.unwrap();
        connection
            .execute(
                "UPDATE schema_migrations SET version = 9007 WHERE version = \
                 (SELECT MAX(version) FROM schema_migrations)",
            )
            .await
            .unwrap();
        connection.close().await.unwrap();
        let error = Database::open(&database.config).await.unwrap_err();
        assert!(
            matches!(error, DbError::Newer { database: 9007, .. }),
            "{kind}: {error:?}"
        );
        let message = error.to_string();
        assert!(message.contains("9007"), "{kind}: {message}");
        assert!(
            message.contains(env!("CARGO_PKG_VERSION")),
            "{kind}: {message}"
        );
    }
}

#[tokio::test]
async fn a_second_user_of_the_data_folder_is_refused() {
    let database = sqlite().await;
    let error = Database::open(&database.config).await.unwrap_err();
    assert!(matches!(error, DbError::InUse { .. }), "{error:?}");
    let process = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    // Nor is another file in the same folder free.
    let file = database
        .config
        .url
        .replace("ironbark.sqlite", "other.sqlite");
    let error = Database::open(&DatabaseConfig::from_url(file))
        .await
        .unwrap_err();
    assert!(matches!(error, DbError::InUse { .. }), "{error:?}");

    database.close().await;
    Database::open(&database.config)
        .await
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn another_process_is_refused_until_the_first_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    // flock(1) takes the same lock as a second Ironbark would, and ends with its standard input.
    let mut holder = std::process::Command::new("flock")
        .arg(folder.path().join("ironbark.lock"))
        .args(["sh", "-c", "echo locked; exec cat"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("flock(1) is part of every Debian");
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(holder.stdout.take().unwrap()),
        &mut line,
    )
    .unwrap();
    assert_eq!(line, "locked\n");
    let config = DatabaseConfig::sqlite(folder.path().join("ironbark.sqlite"));
    let error = Database::open(&config).await.unwrap_err();
    assert!(matches!(error, DbError::InUse { .. }), "{error:?}");
    drop(holder.stdin.take());
    holder.wait().unwrap();
    Database::open(&config).await.unwrap().close().await;
}

#[tokio::test]
async fn the_data_folder_is_made_and_is_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new folder/50% #1");
    let config = DatabaseConfig::sqlite(data.join("ironbark.sqlite"));
    let database = Database::open(&config).await.unwrap();
    database.node_create(&node()).await.unwrap();
    for (path, expected) in [
        (data.clone(), 0o700),
        (data.join("ironbark.sqlite"), 0o600),
        (data.join("ironbark.sqlite-wal"), 0o600),
    ] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{}", path.display());
    }
    database.close().await;
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let error = Database::open(&DatabaseConfig::from_url("mysql://x/y")).await;
    assert!(matches!(error.unwrap_err(), DbError::Url { scheme } if scheme == "mysql"));
    let below_a_file = DatabaseConfig::sqlite("/dev/null/ironbark.sqlite");
    let error = Database::open(&below_a_file).await.unwrap_err();
    assert!(matches!(error, DbError::Folder { .. }), "{error:?}");
}

#[test]
fn migrations_are_numbered_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let names = |kind: &str| {
        let entries = std::fs::read_dir(root.join(kind)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let sqlite = names("sqlite");
    assert_eq!(sqlite, names("postgres"));
    for (index, name) in sqlite.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", index + 1)), "{name}");
    }
}
