//! The keys of a service, and what they may hold.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use berth_model::{
    Cpus, Failure, HealthPath, MOST_REPLICAS, MountPath, OutputDir, PathPrefix, RootDir, ServiceName, ServiceProtocol,
    ServiceRoute, ServiceVolume, ServiceVolumeName, VariableKey,
};
use toml::Spanned;
use toml::de::DeValue;

use super::MOST_SERVICES;
use super::document::{At, Document, Place};

/// What may stand at the top of the file.
pub(super) const TOP: &[&str] = &["services"];
/// What a service may say.
pub(super) const SERVICE: &[&str] = &[
    "type",
    "root",
    "routes",
    "dockerfile",
    "node",
    "install",
    "build",
    "output",
    "env",
    "start",
    "release",
    "port",
    "protocol",
    "health",
    "memory",
    "cpus",
    "replicas",
    "volumes",
];
/// What only a running service may say.
pub(super) const RUNNING: &[&str] =
    &["start", "release", "port", "protocol", "health", "memory", "cpus", "replicas", "volumes"];
/// What a route may say.
pub(super) const ROUTE: &[&str] = &["path", "strip"];
/// What the health of a service may say.
pub(super) const HEALTH: &[&str] = &["path", "timeout"];

/// Less than this is no process.
const LEAST_MEMORY: u64 = 16 << 20;
const MOST_MEMORY: u64 = 1 << 40;
/// Seconds.
const LONGEST_TIMEOUT: i64 = 3600;

/// Files or a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Static,
    Running,
}

/// What says whether a service is healthy.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) path: Option<At<HealthPath>>,
    pub(super) timeout: Option<At<u32>>,
}

/// A service as it is declared.
pub(super) struct Service {
    pub(super) name: ServiceName,
    pub(super) place: Place,
    pub(super) kind: Option<At<Kind>>,
    pub(super) root: Option<At<RootDir>>,
    pub(super) routes: Option<At<Vec<At<ServiceRoute>>>>,
    pub(super) dockerfile: Option<At<String>>,
    pub(super) node: Option<At<String>>,
    pub(super) install: Option<At<String>>,
    pub(super) build: Option<At<String>>,
    pub(super) output: Option<At<OutputDir>>,
    pub(super) env: Option<At<BTreeMap<VariableKey, String>>>,
    pub(super) start: Option<At<String>>,
    pub(super) release: Option<At<String>>,
    /// `None` in it: it listens nowhere.
    pub(super) port: Option<At<Option<NonZeroU16>>>,
    pub(super) protocol: Option<At<ServiceProtocol>>,
    pub(super) health: Option<At<Health>>,
    pub(super) memory: Option<At<u64>>,
    pub(super) cpus: Option<At<Cpus>>,
    pub(super) replicas: Option<At<u32>>,
    pub(super) volumes: Option<At<Vec<ServiceVolume>>>,
    /// The first key that only a running service may have.
    pub(super) runs_by: Option<At<String>>,
}

/// The services of a file.
pub(super) fn services(document: &Document, text: &str) -> Result<Vec<Service>, Failure> {
    let table = document.parse(text)?;
    let top = document.fields_of(Place { line: 1, column: 1 }, table.get_ref(), TOP)?;
    let Some(services) = top.get("services") else {
        return Err(document.wrong(top.place, "no service is declared", "Declare at least one: `[services.web]`."));
    };
    let Some(table) = services.get_ref().as_table() else {
        return Err(document.kind("services", services, "a table of services: `[services.web]`"));
    };
    let declared = super::document::in_order(table);
    if declared.is_empty() {
        let place = document.at(services);
        return Err(document.wrong(place, "no service is declared", "Declare at least one: `[services.web]`."));
    }
    if let Some((key, _)) = declared.get(MOST_SERVICES) {
        let what = format!("a project has at most {MOST_SERVICES} services");
        return Err(document.wrong(document.at(key), &what, "Make two projects of it."));
    }
    declared
        .into_iter()
        .map(|(key, value)| {
            let place = document.at(key);
            let name = document.parsed(place, ServiceName::parse(key.get_ref()))?.value;
            service(document, name, place, value)
        })
        .collect()
}

fn service(
    document: &Document,
    name: ServiceName,
    place: Place,
    value: &Spanned<DeValue<'_>>,
) -> Result<Service, Failure> {
    let fields = document.fields(&format!("services.{name}"), value, SERVICE)?;
    let mut keys = fields.in_order().into_iter();
    let runs_by = keys.find(|(key, _)| RUNNING.contains(&key.get_ref().as_ref()));
    Ok(Service {
        name,
        place,
        kind: fields.read("type", |document, key, value| {
            let text = document.text(key, value)?;
            let kind = match text.value.as_str() {
                "static" => Kind::Static,
                "running" => Kind::Running,
                other => {
                    let what = format!("`{other}` is no type of service");
                    return Err(document.wrong(text.place, &what, "It is \"static\" or \"running\"."));
                }
            };
            Ok(At { value: kind, place: text.place })
        })?,
        root: fields.read("root", |document, key, value| {
            let text = document.text(key, value)?;
            document.parsed(text.place, RootDir::parse(&text.value))
        })?,
        routes: fields.read("routes", routes)?,
        dockerfile: fields.read("dockerfile", filled)?,
        node: fields.read("node", |document, key, value| match value.get_ref().as_integer() {
            Some(number) => Ok(At { value: number.to_string(), place: document.at(value) }),
            None => filled(document, key, value),
        })?,
        install: fields.read("install", Document::text)?,
        build: fields.read("build", Document::text)?,
        output: fields.read("output", |document, key, value| {
            let text = document.text(key, value)?;
            document.parsed(text.place, OutputDir::parse(&text.value))
        })?,
        env: fields.read("env", environment)?,
        start: fields.read("start", filled)?,
        release: fields.read("release", filled)?,
        port: fields.read("port", port)?,
        protocol: fields.read("protocol", |document, key, value| {
            let text = document.text(key, value)?;
            let protocol = ServiceProtocol::ALL.iter().find(|protocol| protocol.as_str() == text.value);
            let protocol = protocol.ok_or_else(|| {
                let what = format!("`{}` is no protocol that services are spoken to in", text.value);
                document.wrong(text.place, &what, "It is \"http1\" or \"h2c\".")
            })?;
            Ok(At { value: *protocol, place: text.place })
        })?,
        health: fields.read("health", health)?,
        memory: fields.read("memory", memory)?,
        cpus: fields.read("cpus", |document, key, value| {
            let number = match value.get_ref() {
                DeValue::Float(number) => number.as_str().parse().ok(),
                DeValue::Integer(number) => number.as_str().parse().ok(),
                _ => None,
            };
            let number = number.ok_or_else(|| document.kind(key, value, "a number of processors, such as 0.5"))?;
            document.parsed(document.at(value), Cpus::new(number))
        })?,
        replicas: fields.read("replicas", |document, key, value| {
            let wanted = format!("a number from 1 to {MOST_REPLICAS}");
            let number = document.integer(key, value, &wanted)?;
            let replicas = u32::try_from(number).ok().filter(|number| (1..=MOST_REPLICAS).contains(number));
            let place = document.at(value);
            let replicas = replicas.ok_or_else(|| {
                document.wrong(place, &format!("{number} replicas cannot be"), &format!("It is {wanted}."))
            })?;
            Ok(At { value: replicas, place })
        })?,
        volumes: fields.read("volumes", volumes)?,
        runs_by: runs_by.map(|(key, _)| At { value: key.get_ref().to_string(), place: document.at(key) }),
    })
}

/// Text that says something.
fn filled(document: &Document, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<String>, Failure> {
    let text = document.text(name, value)?;
    if text.value.trim().is_empty() {
        return Err(document.wrong(text.place, &format!("`{name}` is empty"), "Write it out, or leave the line out."));
    }
    Ok(text)
}

fn port(document: &Document, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<Option<NonZeroU16>>, Failure> {
    const WANTED: &str = "a number from 1 to 65535, or false for what listens nowhere";
    let place = document.at(value);
    if value.get_ref().as_bool() == Some(false) {
        return Ok(At { value: None, place });
    }
    let number = document.integer(name, value, WANTED)?;
    let port = u16::try_from(number).ok().and_then(NonZeroU16::new);
    let port =
        port.ok_or_else(|| document.wrong(place, &format!("{number} is no port"), &format!("It is {WANTED}.")))?;
    Ok(At { value: Some(port), place })
}

fn routes(document: &Document, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<Vec<At<ServiceRoute>>>, Failure> {
    const WANTED: &str = "a list of paths: `[\"/api\"]`, or `[{ path = \"/api\", strip = true }]`";
    let list = value.get_ref().as_array().ok_or_else(|| document.kind(name, value, WANTED))?;
    let mut routes = Vec::new();
    for value in list.iter() {
        let (path, strip_prefix) = match value.get_ref() {
            DeValue::String(_) => (document.text(name, value)?, false),
            DeValue::Table(_) => {
                let fields = document.fields(name, value, ROUTE)?;
                let path = fields.read("path", Document::text)?;
                let path = path
                    .ok_or_else(|| document.wrong(fields.place, "a route without a path", "Add `path = \"/api\"`."))?;
                let strip = fields.read("strip", flag)?;
                (path, strip.is_some_and(|strip| strip.value))
            }
            _ => return Err(document.kind(name, value, "a path: `\"/api\"`")),
        };
        let place = path.place;
        let path = document.parsed(place, PathPrefix::parse(&path.value))?.value;
        routes.push(At { value: ServiceRoute { path, strip_prefix }, place });
    }
    Ok(At { value: routes, place: document.at(value) })
}

fn flag(document: &Document, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<bool>, Failure> {
    let flag = value.get_ref().as_bool().ok_or_else(|| document.kind(name, value, "true or false"))?;
    Ok(At { value: flag, place: document.at(value) })
}

fn environment(
    document: &Document,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<At<BTreeMap<VariableKey, String>>, Failure> {
    let Some(table) = value.get_ref().as_table() else {
        return Err(document.kind(name, value, "a table: `{ LOG_LEVEL = \"info\" }`"));
    };
    let mut variables = BTreeMap::new();
    for (key, value) in super::document::in_order(table) {
        let place = document.at(key);
        let name = document.parsed(place, VariableKey::parse(key.get_ref()))?.value;
        if name.as_str() == "PORT" {
            return Err(document.wrong(place, "PORT is Berth's to set", "Write `port = 3000` instead."));
        }
        let text = document.text(&format!("env.{name}"), value)?;
        variables.insert(name, text.value);
    }
    Ok(At { value: variables, place: document.at(value) })
}

fn health(document: &Document, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<Health>, Failure> {
    let path = |document: &Document, name: &str, value: &Spanned<DeValue<'_>>| {
        let text = document.text(name, value)?;
        document.parsed(text.place, HealthPath::parse(&text.value))
    };
    let place = document.at(value);
    let health = match value.get_ref() {
        DeValue::String(_) => Health { path: Some(path(document, name, value)?), timeout: None },
        DeValue::Table(_) => {
            let fields = document.fields(name, value, HEALTH)?;
            Health { path: fields.read("path", path)?, timeout: fields.read("timeout", timeout)? }
        }
        _ => {
            return Err(document.kind(name, value, "a path: `\"/health\"`, or `{ path = \"/health\", timeout = 60 }`"));
        }
    };
    Ok(At { value: health, place })
}

fn timeout(document: &Document, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<u32>, Failure> {
    let wanted = format!("a number of seconds from 1 to {LONGEST_TIMEOUT}");
    let number = document.integer(name, value, &wanted)?;
    let place = document.at(value);
    let seconds = u32::try_from(number).ok().filter(|_| (1..=LONGEST_TIMEOUT).contains(&number));
    let seconds = seconds
        .ok_or_else(|| document.wrong(place, &format!("{number} is no timeout"), &format!("It is {wanted}.")))?;
    Ok(At { value: seconds, place })
}

/// `512 MiB`, `1.5G`.
fn memory(document: &Document, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<u64>, Failure> {
    const WANTED: &str = "an amount from 16 MiB to 1 TiB, such as \"512 MiB\" or \"1.5 GiB\"";
    const UNITS: &[(&str, u64)] = &[("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];
    let text = document.text(name, value).map_err(|_| document.kind(name, value, WANTED))?;
    let number = text.value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.value[number.len()..].to_ascii_lowercase();
    let unit = UNITS.iter().find(|(letter, _)| unit == *letter || unit == format!("{letter}ib"));
    let amount = number.trim().parse::<f64>().ok().zip(unit);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the range is checked"
    )]
    let bytes = amount.map(|(number, (_, unit))| (number * *unit as f64) as u64);
    let bytes = bytes.filter(|bytes| (LEAST_MEMORY..=MOST_MEMORY).contains(bytes));
    let bytes = bytes.ok_or_else(|| {
        document.wrong(
            text.place,
            &format!("`{}` is no amount of memory for a service", text.value),
            &format!("It is {WANTED}."),
        )
    })?;
    Ok(At { value: bytes, place: text.place })
}

fn volumes(document: &Document, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<Vec<ServiceVolume>>, Failure> {
    let Some(table) = value.get_ref().as_table() else {
        return Err(document.kind(name, value, "a table of names and paths: `{ uploads = \"/data/uploads\" }`"));
    };
    let mut volumes: Vec<ServiceVolume> = Vec::new();
    for (key, value) in super::document::in_order(table) {
        let name = document.parsed(document.at(key), ServiceVolumeName::parse(key.get_ref()))?.value;
        let text = document.text(&format!("volumes.{name}"), value)?;
        let path = document.parsed(text.place, MountPath::parse(&text.value))?.value;
        if let Some(other) = volumes.iter().find(|other| other.path == path) {
            let what = format!("{path} is where the volume {} is mounted", other.name);
            return Err(document.wrong(text.place, &what, "Choose another path."));
        }
        volumes.push(ServiceVolume { name, path });
    }
    Ok(At { value: volumes, place: document.at(value) })
}
