//! What Vigie asks of its database is proved before it ships: every statement in the sources is one that the migrated schema
//! takes, as `.sqlx` says it, and that its service may carry out.
//!
//! Read from the sources as text. `./deploy/local/prepare-sql` runs this with `VIGIE_PREPARE_SQL`: then `.sqlx` is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Executor, PgConnection, SqlSafeStr};
use vigie_platform::database::role_of;
use vigie_tests::Store;

/// Files with statements that are put together when they run, and how many. Only a test that runs them proves them.
const BUILT: [(&str, usize); 9] = [
    ("console/src/incidents.rs", 1),
    ("console/src/listing.rs", 1),
    ("console/src/observatory/figures.rs", 4),
    ("console/src/page/board.rs", 2),
    ("console/src/page/cell/lists.rs", 1),
    ("console/src/page/relief.rs", 1),
    ("edge/src/credential.rs", 1),
    ("edge/src/security.rs", 1),
    ("platform/src/consumer/inbox.rs", 6),
];

/// What is asked as somebody else: the beginning of the file's name, part of the statement, and whose role it takes.
const AS_ANOTHER: [(&str, &str, &str); 2] =
    [("directory/", "join directory.shared", "follower"), ("edge/", "", "authenticator")];

/// A statement of a source.
#[derive(Debug, Clone)]
struct Statement {
    file: String,
    text: String,
    /// Its types are those of `.sqlx`; else what it is given and gives is seen when it runs.
    is_checked: bool,
}

impl Statement {
    /// The service whose file it is in.
    fn service(&self) -> &str {
        self.file.split('/').next().unwrap_or_default()
    }

    fn kept_as(&self) -> String {
        format!("query-{}.json", self.hash())
    }

    fn hash(&self) -> String {
        Sha256::digest(self.text.as_bytes()).iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
    }

    /// What the macro would keep of it.
    async fn described(&self, connection: &mut PgConnection) -> Result<Value, sqlx::Error> {
        let described = connection.describe(AssertSqlSafe(self.text.clone()).into_sql_str()).await?;
        Ok(json!({ "db_name": "PostgreSQL", "query": self.text, "describe": described, "hash": self.hash() }))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The statements of every service, and in which files others are put together when they run.
fn sources() -> (Vec<Statement>, BTreeMap<String, usize>) {
    let services = root().join("services");
    let (mut statements, mut built) = (Vec::new(), BTreeMap::new());
    let mut folders = vec![services.clone()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("a folder can be read").filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.strip_prefix(&services).expect("it is below").to_string_lossy().into_owned();
            let is_product =
                name.contains("/src") && !name.starts_with("vigie/src/bench") && !name.ends_with("/tests.rs");
            if path.is_dir() {
                folders.push(path);
            } else if is_product && path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("a source can be read");
                let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let built_here = read(&name, source, &mut statements);
                if built_here > 0 {
                    built.insert(name, built_here);
                }
            }
        }
    }
    (statements, built)
}

/// Adds the statements of a source; returns how many more there are whose text is not in it.
fn read(file: &str, source: &str, statements: &mut Vec<Statement>) -> usize {
    let mut built = source.matches("QueryBuilder<Postgres>").count();
    for call in ["sqlx::query", "sqlx::query_as", "sqlx::query_scalar", "sqlx::raw_sql"] {
        for is_checked in [true, false] {
            let open = if is_checked { format!("{call}!(") } else { format!("{call}(") };
            for (at, _) in source.match_indices(&open) {
                let arguments = &source[at + open.len()..];
                // What the rows are read into comes first.
                let arguments = if open.ends_with("_as!(") { after_comma(arguments) } else { arguments };
                match literal(arguments.trim_start()) {
                    Some(text) => {
                        statements.push(Statement { file: file.to_owned(), text: text.to_owned(), is_checked });
                    }
                    None => built += 1,
                }
            }
        }
    }
    built
}

fn after_comma(arguments: &str) -> &str {
    arguments.split_once(',').map_or("", |(_, after)| after)
}

/// The text of a literal that `source` begins with. One with quotes in it is raw.
fn literal(source: &str) -> Option<&str> {
    if let Some(raw) = source.strip_prefix("r#\"") {
        return raw.split_once("\"#").map(|(text, _)| text);
    }
    let (text, _) = source.strip_prefix('"')?.split_once('"')?;
    assert!(!text.contains('\\'), "write a statement with a quote or a backslash as a raw string: {text}");
    Some(text)
}

/// A connection that plans for whatever is given: nothing else is given here, and some functions refuse it.
async fn planning(store: &Store) -> PgConnection {
    let mut connection = store.connection().await;
    connection.execute("set plan_cache_mode = force_generic_plan").await.expect("a setting");
    connection
}

/// What is kept in `.sqlx`, by file.
fn kept() -> BTreeMap<String, Value> {
    let files = fs::read_dir(root().join(".sqlx")).expect(".sqlx can be read").filter_map(Result::ok);
    let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).expect("it can be read")).expect("it is JSON");
    files.map(|file| (file.file_name().to_string_lossy().into_owned(), read(file.path()))).collect()
}

fn renews() -> bool {
    std::env::var_os("VIGIE_PREPARE_SQL").is_some()
}

/// Makes `.sqlx` what the schema says.
fn renew(described: &BTreeMap<String, Value>) {
    let folder = root().join(".sqlx");
    for stale in kept().keys().filter(|name| !described.contains_key(*name)) {
        fs::remove_file(folder.join(stale)).expect("a file of .sqlx can be removed");
    }
    for (name, value) in described {
        let text = serde_json::to_string_pretty(value).expect("it is JSON");
        fs::write(folder.join(name), format!("{text}\n")).expect("a file of .sqlx can be written");
    }
}

#[tokio::test]
async fn every_statement_is_one_the_schema_takes_as_it_is_kept() {
    let (statements, _) = sources();
    let store = Store::start().await;
    let mut connection = planning(&store).await;
    let (mut wrong, mut described) = (Vec::new(), BTreeMap::new());
    for statement in &statements {
        match statement.described(&mut connection).await {
            Ok(value) if statement.is_checked => _ = described.insert(statement.kept_as(), value),
            Ok(_) => {}
            Err(error) => wrong.push(format!("{}: {error}\n{}", statement.file, statement.text)),
        }
    }
    assert!(wrong.is_empty(), "the schema refuses:\n{}", wrong.join("\n"));
    assert!(statements.len() > 100 && described.len() > 80, "only {} statements were read", statements.len());
    if renews() {
        renew(&described);
    }
    let kept = kept();
    let names: BTreeSet<&String> = kept.keys().chain(described.keys()).collect();
    let differ: Vec<&Value> = names
        .into_iter()
        .filter(|name| kept.get(*name) != described.get(*name))
        .filter_map(|name| described.get(name).or(kept.get(name)).map(|value| &value["query"]))
        .collect();
    assert!(differ.is_empty(), "run ./deploy/local/prepare-sql; not kept as they are, or of nobody: {differ:#?}");
}

#[tokio::test]
async fn every_service_may_carry_out_its_statements() {
    let (statements, _) = sources();
    let store = Store::start().await;
    let mut connection = planning(&store).await;
    let (mut refused, mut asked) = (Vec::new(), 0);
    // What the platform and the program ask, they ask as several.
    for statement in statements.iter().filter(|statement| !["platform", "vigie"].contains(&statement.service())) {
        let another =
            AS_ANOTHER.iter().find(|(file, part, _)| statement.file.starts_with(file) && statement.text.contains(part));
        let role = role_of(another.map_or(statement.service(), |(_, _, role)| role));
        connection.execute(AssertSqlSafe(format!("set role {role}"))).await.expect("the superuser becomes anybody");
        match explained(&mut connection, &statement.text).await {
            Ok(()) => asked += 1,
            Err(error) => refused.push(format!("{} as {role}: {error}\n{}", statement.file, statement.text)),
        }
    }
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    assert!(asked > 100, "only {asked} were asked");
}

/// Plans the statement with nothing for its parameters: Postgres asks then whether whoever is there may.
async fn explained(connection: &mut PgConnection, text: &str) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(format!("prepare it as {text}"))).await?;
    let parameters = "select cardinality(parameter_types) from pg_prepared_statements where name = 'it'";
    let count: i32 = sqlx::query_scalar(parameters).fetch_one(&mut *connection).await?;
    let nothing = vec!["null"; usize::try_from(count).unwrap_or_default()].join(", ");
    let given = if count > 0 { format!("({nothing})") } else { String::new() };
    let explained = connection.execute(AssertSqlSafe(format!("explain execute it {given}"))).await;
    connection.execute("deallocate it").await?;
    explained.map(|_| ())
}

#[test]
fn a_statement_that_is_put_together_when_it_runs_is_known() {
    let known: BTreeMap<String, usize> = BUILT.map(|(file, count)| (file.to_owned(), count)).into();
    assert_eq!(sources().1, known, "write it as a literal, or add it to the list with a test that runs it");
}

#[test]
fn a_statement_is_found_however_it_is_asked() {
    let mut found = Vec::new();
    let source = r#"sqlx::query!("a", x) sqlx::query_as!(Row, "b c") sqlx::query_scalar( "d") sqlx::query(built)
                     QueryBuilder<Postgres>"#;
    assert_eq!(read("x/src/y.rs", source, &mut found), 2);
    let texts: Vec<(&str, bool)> = found.iter().map(|s| (s.text.as_str(), s.is_checked)).collect();
    assert_eq!(texts, [("a", true), ("b c", true), ("d", false)]);
    assert_eq!(literal("r#\"a \"b\"\"#, x"), Some("a \"b\""));
}
