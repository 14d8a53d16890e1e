//! The house stays untied: no two files import each other in a circle, the crates' arrows point one way, and the domain's
//! modules stand in layers.
//!
//! Read from the sources as text: `use` and the paths that begin with `crate` or `super`. A module and its own submodules are
//! one noun and may know each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A module by its path within the crate; the root is empty.
type Module = Vec<String>;

/// What each file of a crate imports of the others.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// The crates services stand on: each may use those named with it. A service may use all of them, and no other service.
const FOUNDATIONS: [(&str, &[&str]); 6] = [
    ("proto", &[]),
    ("domain", &["proto"]),
    ("picture", &["domain", "proto"]),
    ("platform", &["proto"]),
    ("edge", &["platform", "domain", "proto"]),
    ("map", &["edge", "platform", "domain", "proto"]),
];

/// The domain's modules: each may use those before it.
const LAYERS: [&str; 26] = [
    "hex",
    "french",
    "text",
    "territory",
    "directory",
    "link",
    "doctrine",
    "assess",
    "correlation",
    "pattern",
    "escalation",
    "audience",
    "crisis",
    "city",
    "incident",
    "access",
    "admission",
    "discretion",
    "guarded",
    "round",
    "account",
    "timeline",
    "explain",
    "check",
    "diff",
    "simulation",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(crate_name: &str) -> PathBuf {
    let folder = if crate_name == "proto" { root() } else { root().join("services") };
    folder.join(crate_name).join("src")
}

fn crates() -> Vec<String> {
    let services = fs::read_dir(root().join("services")).expect("the services are there");
    let names = services.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut crates: Vec<String> = names.filter(|name| sources(name).is_dir()).collect();
    crates.push("proto".to_owned());
    crates
}

/// Every module of a crate with its source, without tests and comments.
fn modules(folder: &Path, within: &[String], found: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read").filter_map(Result::ok) {
        let path = entry.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            modules(&path, &[within, &[stem]].concat(), found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "tests" {
            let is_root = within.is_empty() && (stem == "lib" || stem == "main");
            let module = if stem == "mod" || is_root { within.to_vec() } else { [within, &[stem]].concat() };
            found.insert(module, without_tests(&fs::read_to_string(&path).expect("a source can be read")));
        }
    }
}

fn without_tests(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths a source names, those in braces one by one.
fn paths(source: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut rest = String::new();
    for (number, part) in format!("\n{source}").split("use ").enumerate() {
        let is_statement = number > 0;
        let (statement, after) = if is_statement { part.split_once(';').unwrap_or((part, "")) } else { ("", part) };
        expand("", &statement.split_whitespace().collect::<Vec<_>>().join(" "), &mut paths);
        rest.push_str(after);
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    paths.extend(
        rest.split(|c| !word(c))
            .filter(|path| path.starts_with("crate::") || path.starts_with("super::"))
            .map(str::to_owned),
    );
    paths
}

fn expand(prefix: &str, path: &str, paths: &mut Vec<String>) {
    let Some((before, inner)) = path.split_once('{') else {
        let path = path.split(" as ").next().unwrap_or_default().trim();
        return paths.push(format!("{prefix}{path}"));
    };
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let prefix = format!("{prefix}{}", before.trim());
    let (mut depth, mut one) = (0, String::new());
    for c in inner.chars().chain([',']) {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            if !one.trim().is_empty() {
                expand(&prefix, one.trim(), paths);
            }
            one.clear();
        } else {
            one.push(c);
        }
    }
}

/// The deepest module a path of `from` leads to.
fn resolved(path: &str, from: &Module, known: &BTreeMap<Module, String>) -> Option<Module> {
    let mut segments = path.split("::").peekable();
    let mut module = match segments.peek().copied()? {
        "crate" => Module::new(),
        "super" | "self" => from.clone(),
        first if known.contains_key(&[from.as_slice(), &[first.to_owned()]].concat()) => from.clone(),
        _ => return None,
    };
    while let Some(step) = segments.next_if(|step| matches!(*step, "crate" | "super" | "self")) {
        if step == "super" {
            module.pop();
        }
    }
    for segment in segments {
        let deeper = [module.as_slice(), &[segment.to_owned()]].concat();
        if !known.contains_key(&deeper) {
            break;
        }
        module = deeper;
    }
    (module != *from).then_some(module)
}

fn imports(crate_name: &str) -> Imports {
    let mut known = BTreeMap::new();
    modules(&sources(crate_name), &[], &mut known);
    let of = |(module, source): (&Module, &String)| {
        let found = paths(source).into_iter().filter_map(|path| resolved(&path, module, &known));
        (module.clone(), found.collect())
    };
    known.iter().map(of).collect()
}

fn are_one_noun(a: &Module, b: &Module) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Everything that can be reached from `from`, by imports other than of a noun's own parts.
fn reached(from: &Module, imports: &Imports) -> BTreeSet<Module> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(module) = next.pop() {
        for import in imports.get(&module).into_iter().flatten().filter(|import| !are_one_noun(&module, import)) {
            if reached.insert(import.clone()) {
                next.push(import.clone());
            }
        }
    }
    reached
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut circles = Vec::new();
    for name in crates() {
        let imports = imports(&name);
        assert!(imports.len() > 1 || name == "map", "{name}: nothing was read");
        for module in imports.keys().filter(|module| reached(module, &imports).contains(*module)) {
            circles.push(format!("{name}: {}", module.join("/")));
        }
    }
    assert!(circles.is_empty(), "files that lead back to themselves:\n{}", circles.join("\n"));
}

/// Our crates that a crate depends on, as its manifest says.
fn dependencies(crate_name: &str) -> Vec<String> {
    let manifest = sources(crate_name).with_file_name("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("a manifest can be read");
    // Tests stand on whatever serves them.
    let manifest = manifest.split("[dev-dependencies]").next().unwrap_or_default();
    let of_ours = manifest.lines().filter_map(|line| line.strip_prefix("vigie-")?.strip_suffix(".workspace = true"));
    of_ours.map(str::to_owned).collect()
}

#[test]
fn the_crates_arrows_point_one_way() {
    let mut wrong = Vec::new();
    for name in crates().into_iter().filter(|name| name != "vigie") {
        let foundation = FOUNDATIONS.iter().find(|(known, _)| *known == name);
        let dependencies = dependencies(&name);
        assert!(!dependencies.is_empty() || name == "proto", "{name}: its manifest was not read");
        let fits = |other: &str| match foundation {
            Some((_, uses)) => uses.contains(&other),
            // Pages name the map's addresses; they do not know it.
            None => other != "map" && FOUNDATIONS.iter().any(|(known, _)| *known == other),
        };
        wrong.extend(dependencies.iter().filter(|other| !fits(other)).map(|other| format!("{name} uses {other}")));
    }
    assert!(wrong.is_empty(), "against the arrows:\n{}", wrong.join("\n"));
}

/// What every service stands on does not know what Vigie is for: it reads the journal and its own tables alone.
#[test]
fn the_platform_knows_no_table_of_a_service() {
    let mut known = BTreeMap::new();
    modules(&sources("platform"), &[], &mut known);
    assert!(known.values().any(|source| source.contains(" journal.")), "nothing was read");
    let owners = crates().into_iter().filter(|name| !FOUNDATIONS.iter().any(|(foundation, _)| foundation == name));
    for table in owners.map(|owner| format!("{owner}.")) {
        let names = |source: &str| {
            ["from", "join", "into", "update"].iter().any(|verb| source.contains(&format!("{verb} {table}")))
        };
        let readers: Vec<String> =
            known.iter().filter(|(_, source)| names(source)).map(|(module, _)| module.join("/")).collect();
        assert!(readers.is_empty(), "{table}… is known to {readers:?}");
    }
}

#[test]
fn the_domains_modules_stand_in_layers() {
    let place = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut wrong = Vec::new();
    let mut edges = 0;
    for (module, found) in imports("domain") {
        let Some(own) = module.first() else { continue };
        let above = place(own).unwrap_or_else(|| panic!("{own} has no layer: give it one"));
        for import in found.iter().filter_map(|import| import.first()).filter(|import| *import != own) {
            edges += 1;
            if place(import).is_none_or(|below| below > above) {
                wrong.push(format!("{} uses {import}", module.join("/")));
            }
        }
    }
    assert!(edges > 100, "only {edges} imports were read");
    assert!(wrong.is_empty(), "against the layers:\n{}", wrong.join("\n"));
}

#[test]
fn a_circle_and_an_upward_import_would_be_seen() {
    let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
    let known = ["a", "b", "b/c"].map(|path| (module(path), String::new())).into();
    let read = |source: &str, from: &str| -> Vec<Module> {
        paths(source).iter().filter_map(|path| resolved(path, &module(from), &known)).collect()
    };
    assert_eq!(read("use crate::{b::{c::X, Y}, a};", "a"), [module("b/c"), module("b")]);
    assert_eq!(read("fn f() -> super::super::a::T { todo() }", "b/c"), [module("a")]);
    let imports: Imports = [("a", "b/c"), ("b/c", "a"), ("b", "b/c")]
        .map(|(from, to)| (module(from), BTreeSet::from([module(to)])))
        .into();
    assert!(reached(&module("a"), &imports).contains(&module("a")));
    assert!(!reached(&module("b"), &imports).contains(&module("b")), "a module and its part are one noun");
}
