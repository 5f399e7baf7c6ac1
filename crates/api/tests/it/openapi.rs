//! The description of the API: whole, typed, and the one that the dashboard's client is made from.

use std::path::Path;

use serde_json::Value;

use crate::harness::App;

/// Where the dashboard's client is generated from.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");

async fn description() -> Value {
    let app = App::with(|config| config.version = env!("CARGO_PKG_VERSION").to_owned()).await;
    app.get("/api/v1/openapi.json", None).await.json()
}

#[tokio::test]
async fn the_committed_description_is_the_servers() {
    let mut written = serde_json::to_string_pretty(&description().await).unwrap();
    written.push('\n');
    let committed = std::fs::read_to_string(Path::new(COMMITTED)).unwrap_or_default();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(COMMITTED, &written).unwrap();
    } else {
        assert!(
            committed == written,
            "web/openapi.json is not what the server answers; rewrite it with\n  \
             UPDATE_OPENAPI=1 cargo test -p berth-api --test it openapi"
        );
    }
}

#[tokio::test]
async fn every_shape_is_said() {
    let document = description().await;
    let mut vague = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        find_vague(schema, name, &mut vague);
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        find_vague(item, path, &mut vague);
    }
    assert!(vague.is_empty(), "objects without properties, values without a type:\n  {}", vague.join("\n  "));
}

/// Where a schema says nothing: an object without properties, and without a type for values of any name, or nothing at all.
fn find_vague(value: &Value, at: &str, vague: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let has_fields = fields.contains_key("properties")
                || fields.get("additionalProperties").is_some_and(|values| !says_nothing(values));
            if fields.get("type").is_some_and(|kind| kind == "object") && !has_fields {
                vague.push(at.to_owned());
            }
            for (name, field) in fields {
                let at = format!("{at}.{name}");
                if name == "properties" {
                    let silent = field.as_object().unwrap().iter().filter(|(_, schema)| says_nothing(schema));
                    vague.extend(silent.map(|(property, _)| format!("{at}.{property}")));
                }
                find_vague(field, &at, vague);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find_vague(item, at, vague)),
        _ => {}
    }
}

fn says_nothing(schema: &Value) -> bool {
    !["type", "$ref", "oneOf", "allOf", "anyOf"].iter().any(|key| schema.get(key).is_some())
}

#[tokio::test]
async fn operations_have_names_of_their_own() {
    let document = description().await;
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut names: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() == all && all > 50 && names.contains(&"projects_list"), "{names:?}");
}

#[tokio::test]
async fn answers_say_null_and_requests_leave_out() {
    let document = description().await;
    let required = |name: &str, property: &str| {
        let schema = &document["components"]["schemas"][name];
        assert!(schema["properties"].get(property).is_some(), "{name}.{property}");
        schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == property))
    };
    assert!(
        required("BuildSummaryBody", "failure") && required("BuildSummaryBody", "status") && required("Step", "tookMs")
    );
    assert!(!required("NewProjectForm", "branch") && required("NewProjectForm", "name"));
    assert!(!required("Failure", "line"), "absent where there is none");
    let statuses = &document["components"]["schemas"]["BuildStatus"]["enum"];
    assert_eq!(statuses.as_array().unwrap().len(), berth_model::BuildStatus::ALL.len());
}
