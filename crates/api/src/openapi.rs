//! The description of `/api/v1`, generated from the routes and the types themselves. What sockets tell is among its
//! components: the dashboard's client is made from it, and there is nothing that it would have to know besides.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use berth_model::FailureCode;
use serde_json::{Map, Value};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, SecurityRequirement};

use crate::error::ErrorCode;
use crate::realtime::{LinesBody, RunLinesBody, ServiceLinesBody};
use crate::v1::EventBody;
use crate::{Api, v1};

/// The shapes that no route names by itself: those of sockets and of errors' codes.
#[derive(OpenApi)]
#[openapi(components(schemas(EventBody, LinesBody, ServiceLinesBody, RunLinesBody, ErrorCode, FailureCode)))]
struct Further;

/// `GET /api/v1/openapi.json`.
pub(crate) async fn document(State(api): State<Api>) -> Json<Value> {
    let mut document = v1::routes().into_openapi();
    document.merge(Further::openapi());
    document.info = InfoBuilder::new()
        .title("Berth")
        .version(&api.config.version)
        .description(Some(
            "A bearer token is an API token (berth_…, made in the dashboard), or comes from POST /api/v1/sessions and lasts an hour; a browser has the session cookie \
             instead, and must send changes from the dashboard's own origin. Errors are \
             {\"error\": {\"code\", \"message\", \"fields\"?}}; another user's resource is 404; who asks too often is told by 429 when to come back (Retry-After). The socket event `event` carries EventBody; \
             build_logs, build_errors, run_logs and run_error carry LinesBody, service_logs carries ServiceLinesBody, and run_log RunLinesBody.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    let bearer =
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("berth_… or JWT").build());
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("berth_session")));
    components.add_security_scheme("bearer", bearer);
    components.add_security_scheme("session", cookie);
    let none: [&str; 0] = [];
    document.security = Some(vec![SecurityRequirement::new("bearer", none), SecurityRequirement::new("session", none)]);
    let mut document = serde_json::to_value(document).expect("a description is JSON");
    tell_what_answers_always_have(&mut document);
    name_operations(&mut document);
    Json(document)
}

/// Handlers are called alike in each module, operations are not: `projects_list`, `builds_list`.
fn name_operations(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        let name = [&operation["tags"][0], &operation["operationId"]].map(|part| part.as_str().unwrap_or_default());
        operation["operationId"] = name.join("_").into();
    }
}

/// In a request `null` and absent are the same; an answer says `null`. The derived schemas cannot tell the two apart, so
/// what may be `null` in a shape that no request has is marked as there.
fn tell_what_answers_always_have(document: &mut Value) {
    let of_requests = schemas_of_requests(document);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        if !of_requests.contains(name) {
            require_nullable(schema);
        }
    }
}

fn require_nullable(schema: &mut Value) {
    for parts in ["allOf", "oneOf"] {
        schema.get_mut(parts).and_then(Value::as_array_mut).into_iter().flatten().for_each(require_nullable);
    }
    let Some(schema) = schema.as_object_mut() else { return };
    let there = |properties: &Map<String, Value>| {
        properties.iter().filter(|(_, value)| is_nullable(value)).map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
    };
    let Some(mut required) = schema.get("properties").and_then(Value::as_object).map(there) else { return };
    let before = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    required.extend(before.filter_map(Value::as_str).map(str::to_owned));
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into_iter().collect());
    }
}

fn is_nullable(schema: &Value) -> bool {
    let has_null = |types: &Value| types.as_array().is_some_and(|types| types.iter().any(|kind| kind == "null"));
    let is_null = |one: &Value| one["type"] == "null";
    has_null(&schema["type"]) || schema["oneOf"].as_array().is_some_and(|of| of.iter().any(is_null))
}

/// The names of the schemas that requests are made of.
fn schemas_of_requests(document: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let operations = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    for operation in operations.filter_map(Value::as_object).flat_map(|item| item.values()) {
        refer(document, &operation["requestBody"], &mut names);
    }
    names
}

/// Collects what a value refers to, and what that refers to.
fn refer(document: &Value, value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|to| to.rsplit('/').next());
            if let Some(name) = name.filter(|name| names.insert((*name).to_owned())) {
                refer(document, &document["components"]["schemas"][name], names);
            }
            fields.values().for_each(|value| refer(document, value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| refer(document, value, names)),
        _ => {}
    }
}
