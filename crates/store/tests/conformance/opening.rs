//! Opening a database: what is there stays there, and what cannot be opened is left alone.

use std::time::{Duration, Instant};

use berth_model::{Access, BuildStatus, Clock, EventId, InstanceId, Reason, VariableScope};
use berth_store::testing::PostgresServer;
use berth_store::{Admission, Backend, FoundDatabase, NewBuild, Store, StoreError};
use sqlx::{ConnectOptions, Connection};

use crate::ground::{Ground, push_of, raw};

pub(crate) async fn the_second_opening_finds_everything(ground: Ground) {
    let access = ground.member(1).await;
    let project = ground.project(access, "shop").await;
    ground.push(&project).await;
    let again = ground.another_process().await;
    assert_eq!(again.projects(access).await.unwrap(), [project]);
    let events = ground.store.events_after(EventId(0), 1_000).await.unwrap();
    assert_eq!(Some(*again.signals().subscribe_events().borrow()), events.last().map(|event| event.id));
    again.ping().await.unwrap();
}

/// The address of a database as the first Berth left it, with a little in each table.
async fn first_edition(ground: &Ground) -> String {
    let first_only = tempfile::TempDir::new().unwrap();
    let dialect = if ground.file().is_some() { "sqlite" } else { "postgres" };
    let first = format!("{}/../../migrations/{dialect}/0001_spine.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(first, first_only.path().join("0001_spine.sql")).unwrap();
    let migrations = sqlx::migrate::Migrator::new(first_only.path()).await.unwrap();
    const ROWS: &str = "INSERT INTO \"user\" (role, username, login_name, password_hash, created_at, updated_at) \
                        VALUES ('admin', 'Ada', 'Ada@ÄRGER.example', 'hash', 1, 1); \
                        INSERT INTO session (user_id, token_hash, ttl, created_at, last_used_at, expires_at) \
                        VALUES (1, CAST('01234567890123456789012345678901' AS BYTES), 1000000, 1, 1, 4000000000000000); \
                        INSERT INTO project (user_id, name, branch, repo_url, repo_key, created_at, updated_at) \
                        VALUES (1, 'shop', 'main', 'https://github.com/acme/shop', 'github.com/acme/shop', 1, 1); \
                        INSERT INTO variable (project_id, key, kind, value, created_at, updated_at) \
                        VALUES (1, 'A', 'plain', 'sealed', 1, 1); \
                        INSERT INTO build (project_id, status, trigger, environment, branch, created_at) \
                        VALUES (1, 'superseded', 'push', 'production', 'main', 1); \
                        INSERT INTO log (build_id, first_line, last_line, lines, created_at) VALUES (1, 1, 1, '[]', 1)";
    let url = ground.empty_database();
    match ground.store.backend() {
        Backend::Sqlite => {
            let options: sqlx::sqlite::SqliteConnectOptions = url.parse().unwrap();
            let mut connection = options.create_if_missing(true).connect().await.unwrap();
            migrations.run_direct(None, &mut connection, false).await.unwrap();
            let rows = ROWS.replace("BYTES", "BLOB");
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        Backend::Postgres => {
            let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            migrations.run_direct(None, &mut connection, false).await.unwrap();
            let rows = ROWS.replace("BYTES", "BYTEA");
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
    url
}

/// What somebody had before the first update is there after it.
pub(crate) async fn a_database_of_the_first_edition_is_brought_up_to_date(ground: Ground) {
    let url = first_edition(&ground).await;
    let store = Store::open(&url, ground.clock.clone()).await.unwrap();
    let (ada, hash) = store.user_by_login("ada@Ärger.example").await.unwrap().expect("lower case, in ASCII only");
    assert_eq!((ada.username.as_str(), hash.as_str(), ada.deactivated_at), ("Ada", "hash", None));
    let (session, whose) = store.session_by_token(b"01234567890123456789012345678901").await.unwrap().unwrap();
    assert_eq!((session.user, session.address, whose.id), (ada.id, None, ada.id));
    let projects = store.projects(Access::of(ada.id, ada.role)).await.unwrap();
    assert_eq!((projects.len(), projects[0].name.as_str(), &projects[0].repo_access), (1, "shop", &None));
    let (project, admin) = (&projects[0], Access::of(ada.id, ada.role));
    let variables = store.variables(admin, project.id).await.unwrap();
    assert_eq!((variables[0].key.as_str(), variables[0].scope), ("A", VariableScope::Both));
    let builds = store.builds_of(admin, project.id, 9, None).await.unwrap();
    assert_eq!((builds.len(), builds[0].status, &builds[0].reason), (1, BuildStatus::Superseded, &None));
    assert_eq!(store.last_line(builds[0].id).await.unwrap(), 1, "its log is there");
    let skipped = NewBuild {
        admission: Admission::Skipped { reason: Reason::SkippedBelow { directory: "apps/web".into() }.into() },
        ..push_of(project)
    };
    let skipped = store.enqueue(skipped).await.unwrap();
    assert_eq!((skipped.status, skipped.finished_at.is_some()), (BuildStatus::Skipped, true));
    let again = Store::open(&url, ground.clock.clone()).await.unwrap();
    assert_eq!(again.builds_of(admin, project.id, 9, None).await.unwrap(), [skipped, builds[0].clone()]);
    assert!(again.administrator_exists().await.unwrap());
}

/// Whose a database is can be asked before anything of it is changed: an older Berth's stays one that it can open.
pub(crate) async fn a_database_is_asked_before_it_is_changed(ground: Ground) {
    let url = first_edition(&ground).await;
    let ours = InstanceId::random();
    const CLAIMED: &str = "INSERT INTO setting (name, value, updated_at) VALUES ('instance', '{}', 1)";
    raw(ground.store.backend(), &url, &CLAIMED.replace("{}", ours.as_str())).await;
    let found = FoundDatabase::connect(&url, ground.clock.clone()).await.unwrap();
    assert_eq!(found.instance().await.unwrap(), Some(ours.clone()));
    assert_eq!(found.setting("colour").await.unwrap(), None);
    let migrations = async || raw(ground.store.backend(), &url, "SELECT COUNT(*) FROM _sqlx_migrations").await;
    assert_eq!(migrations().await, Some(1), "asking brought it up to date");
    let store = found.migrate().await.unwrap();
    assert!(migrations().await > Some(1));
    assert_eq!(store.instance().await.unwrap(), Some(ours));
}

/// A new database has nothing to tell, and asking makes no table in it.
pub(crate) async fn an_empty_database_belongs_to_nobody(ground: Ground) {
    let url = ground.empty_database();
    let found = FoundDatabase::connect(&url, ground.clock.clone()).await.unwrap();
    assert_eq!(found.instance().await.unwrap(), None);
    assert_eq!(found.setting("colour").await.unwrap(), None);
    assert_eq!(found.migrate().await.unwrap().instance().await.unwrap(), None);
}

/// C6: the list of migrations is made to look as if the first had never run, so that running it fails half-way.
pub(crate) async fn a_failing_migration_refuses_and_changes_nothing(ground: Ground) {
    let access = ground.member(1).await;
    ground.project(access, "shop").await;
    forget_migrations(&ground).await;
    let refused = Store::open(&ground.url, ground.clock.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Migration(_)), "{refused:?}");
    assert_eq!(ground.store.projects(access).await.unwrap().len(), 1);
    assert_eq!(applied_migrations(&ground).await, 0);
}

/// An older binary started again after an update.
pub(crate) async fn a_newer_database_is_left_alone(ground: Ground) {
    let newer =
        "UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
    with_raw(&ground, newer).await;
    let refused = Store::open(&ground.url, ground.clock.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer), "{refused:?}");
    assert!(refused.to_string().contains("newer Berth"));
}

pub(crate) async fn settings_and_the_instance(ground: Ground) {
    let store = &ground.store;
    let (ours, theirs) = (InstanceId::random(), InstanceId::random());
    assert_eq!(store.instance().await.unwrap(), None);
    store.claim_instance(&ours).await.unwrap();
    store.claim_instance(&ours).await.unwrap();
    assert!(matches!(store.claim_instance(&theirs).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.instance().await.unwrap(), Some(ours));
    store.set_setting("colour", "red").await.unwrap();
    store.set_setting("colour", "blue").await.unwrap();
    assert_eq!(store.setting("colour").await.unwrap().as_deref(), Some("blue"));
    assert_eq!(store.setting("size").await.unwrap(), None);
}

/// C5: what was committed survives a power failure.
#[tokio::test]
async fn sqlite_is_durable_and_private() {
    use std::os::unix::fs::PermissionsExt;

    let ground = Ground::sqlite().await;
    let file = ground.file().unwrap();
    for side in ["", "-wal", "-shm"] {
        let path = format!("{}{side}", file.display());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path}");
    }
    assert_eq!(
        ground.store.durability().await.unwrap(),
        [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")]
            .map(|(name, value)| (name, value.to_owned()))
    );
}

/// A copy is whole, whoever writes meanwhile, and nobody else reads it.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_copied_while_it_is_written() {
    use std::os::unix::fs::PermissionsExt;

    let ground = Ground::sqlite().await;
    let access = ground.member(1).await;
    let shop = ground.project(access, "shop").await;
    let store = ground.store.clone();
    let writing = tokio::spawn(async move {
        for number in 0..200 {
            store.set_setting("number", &number.to_string()).await.unwrap();
        }
    });
    let copy = ground.file().unwrap().with_file_name("copy.db");
    assert_eq!(berth_store::copy_database(&ground.url, &copy).await.unwrap(), Backend::Sqlite);
    writing.await.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let restored = Store::open(&format!("sqlite://{}", copy.display()), ground.clock.clone()).await.unwrap();
    assert_eq!(restored.projects(access).await.unwrap(), [shop]);

    let nowhere = berth_store::copy_database("sqlite:///no/such/berth.db", &copy).await.unwrap_err();
    assert!(matches!(nowhere, StoreError::Misconfigured(_)), "{nowhere:?}");
}

/// Every migration exists in both dialects, and they differ in two words only; and SQLite's `LOWER`
/// is PostgreSQL's in the locale "C": of ASCII. What follows the line that says so is each one's own, and held against
/// the other's by the stories that run on both.
#[test]
fn both_dialects_hold_the_same_tables() {
    let read = |dialect: &str| {
        let directory = format!("{}/../../migrations/{dialect}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let told = |file: &std::path::PathBuf| {
            let text = std::fs::read_to_string(file).unwrap();
            let shared = text.split("-- From here on each database has its own way.").next().unwrap_or_default();
            let sql: Vec<_> = shared.lines().filter(|line| !line.starts_with("--")).map(str::to_owned).collect();
            (file.file_name().unwrap().to_owned(), sql.join("\n"))
        };
        files.iter().map(told).collect::<Vec<_>>()
    };
    let translated = read("sqlite").into_iter().map(|(name, sql)| {
        let sql = sql.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY");
        let sql = sql.replace("LOWER(login_name)", "LOWER(login_name COLLATE \"C\")");
        (name, sql.replace(" BLOB", " BYTEA"))
    });
    assert_eq!(translated.collect::<Vec<_>>(), read("postgres"));
}

/// C2: what SQLite does of itself when the disk is full, a trigger can make it do. It is over with that transaction.
#[tokio::test]
async fn a_transaction_that_sqlite_ended_by_itself_leaves_the_next_alone() {
    let ground = Ground::sqlite().await;
    let full = "CREATE TRIGGER full BEFORE INSERT ON setting WHEN NEW.name = 'much' \
                BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END";
    with_raw(&ground, full).await;
    for number in 0..20 {
        ground.store.set_setting("much", "x").await.unwrap_err();
        ground.store.set_setting("little", &number.to_string()).await.unwrap();
    }
    assert_eq!(ground.store.setting("little").await.unwrap().as_deref(), Some("19"));
    assert_eq!(ground.store.setting("much").await.unwrap(), None);
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let ground = Ground::sqlite().await;
    ground.store.close().await;
    assert!(ground.store.ping().await.unwrap_err().is_unavailable());
    assert!(ground.store.set_setting("a", "b").await.unwrap_err().is_unavailable());
    ground.another_process().await.ping().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_none_is_named_as_such() {
    for url in ["mysql://x", "", "berth.db", "sqlite:///no/such/directory/berth.db"] {
        let refused = Store::open(url, Clock::System).await.unwrap_err();
        assert!(matches!(refused, StoreError::Misconfigured(_)), "{url}: {refused:?}");
    }
}

/// C4: the API can answer 503 in time, and goes on by itself afterwards.
#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_in_bounded_time() {
    let server = tokio::task::spawn_blocking(PostgresServer::start).await.unwrap();
    let url = server.new_database();
    let store = Store::open(&url, Clock::System).await.unwrap();
    assert_eq!(store.backend(), Backend::Postgres);
    store.set_setting("kept", "yes").await.unwrap();
    server.stop();
    for _ in 0..2 {
        let asked = Instant::now();
        assert!(store.ping().await.unwrap_err().is_unavailable());
        assert!(store.set_setting("kept", "no").await.unwrap_err().is_unavailable());
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    }
    let asked = Instant::now();
    assert!(Store::open(&url, Clock::System).await.unwrap_err().is_unavailable());
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    server.resume();
    assert_eq!(store.setting("kept").await.unwrap().as_deref(), Some("yes"));
}

/// The store's futures run on any thread.
#[test]
fn futures_can_move_between_threads() {
    fn moves<T: Send>(_: impl FnOnce(Store) -> T) {}
    moves(|store| async move { store.claim(Duration::ZERO, 1).await });
    moves(|store| async move { store.pending_activations().await });
}

async fn forget_migrations(ground: &Ground) {
    with_raw(ground, "DELETE FROM _sqlx_migrations").await;
}

async fn applied_migrations(ground: &Ground) -> i64 {
    with_raw(ground, "SELECT COUNT(*) FROM _sqlx_migrations").await.unwrap()
}

/// Behind the store's back.
async fn with_raw(ground: &Ground, sql: &'static str) -> Option<i64> {
    raw(ground.store.backend(), &ground.url, sql).await
}
