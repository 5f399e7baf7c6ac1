//! Services of a project: what is live, where their replicas stand, and what people change of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use axum::Json;
use axum::extract::State;
use berth_model::{
    Access, DeploymentId, DeploymentStatus, Environment, InvalidInput, MOST_REPLICAS, OwnVariable, ProjectId,
    ReplicaEnd, ReplicaId, ReplicaReport, ReplicaUsage, ServiceName, ServicePart, ServiceRoute, ServiceSpec,
    ServiceState, ServiceVolume, Timestamp, Variable, VariableKey, VariableKind,
};
use berth_store::{Deployment, Filter, ServiceSetting, StoreError};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::input::{Form, Id, IdAndName, Params};

/// Deployments that are looked at: production's, or those of so many previews.
const DEPLOYMENTS: u32 = 100;
/// Files or processes.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartKind {
    /// Files of the release.
    Static,
    /// Replicas of an image.
    Running,
}

/// A part of a project, as it is live.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceBody {
    name: ServiceName,
    kind: PartKind,
    environment: Environment,
    /// Of which branch: previews have one each.
    branch: String,
    deployment_id: i64,
    /// What it answers; a service without routes is reached by the project's others only.
    routes: Vec<ServiceRoute>,
    /// Where it listens; `null`: files do not, nor does a worker.
    port: Option<u16>,
    /// The best of its replicas' states; `null`: it is files.
    state: Option<ServiceState>,
    /// How many replicas there shall be.
    replicas: Option<u32>,
    /// How many the repository asks for.
    planned_replicas: Option<u32>,
    /// Whether somebody said how many, whatever the repository asks for.
    is_scaled: bool,
    /// Memory of a replica in bytes; `null`: not known before one was started.
    memory_limit: Option<u64>,
    /// Processors of a replica; `null`: as many as the operator gives to those that ask for none.
    cpu_limit: Option<f64>,
    /// How often its replicas were started again, together.
    restarts: u32,
    /// How one of them ended the last time.
    last_end: Option<ReplicaEnd>,
    health_path: Option<String>,
    /// `null`: what the image itself starts.
    start_command: Option<String>,
    release_command: Option<String>,
    volumes: Vec<ServiceVolume>,
    /// What is in its environment, without values.
    variables: Vec<ServiceVariableBody>,
    /// Its replicas; while a new version takes over, and while those before finish their requests, those of all.
    instances: Vec<InstanceBody>,
}

/// A variable in the environment of a service.
#[derive(Serialize, ToSchema)]
struct ServiceVariableBody {
    key: String,
    source: VariableSource,
    /// `null`: no variable of the project.
    kind: Option<VariableKind>,
}

/// Who says what a variable is.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum VariableSource {
    /// The repository, or its framework.
    Plan,
    /// The project's own variables.
    Project,
    /// Berth: the port to listen on, the site's address.
    Berth,
}

/// One replica.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InstanceBody {
    /// From 1.
    number: u32,
    deployment_id: i64,
    state: ServiceState,
    since: Timestamp,
    restarts: u32,
    last_end: Option<ReplicaEnd>,
    /// `null`: not measured yet.
    usage: Option<ReplicaUsage>,
    /// In bytes.
    memory_limit: u64,
}

/// Which environment.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EnvironmentQuery {
    /// `production` if absent.
    environment: Option<Environment>,
}

impl EnvironmentQuery {
    pub(super) fn environment(&self) -> Environment {
        self.environment.unwrap_or(Environment::Production)
    }
}

/// How many replicas there shall be.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body that Form reads field by field")]
pub(crate) struct ScaleForm {
    /// From 0, which stops it, to 20; `null`: as many as the repository asks for.
    #[schema(required = true)]
    replicas: Option<u32>,
}

/// The services of what is live, in the order of its plan: one of each preview, where previews are asked for. Where
/// nothing is live yet, those of what is being started.
#[utoipa::path(get, path = "/api/v1/projects/{id}/services", tag = "services",
    params(("id" = i64, Path), EnvironmentQuery), responses(
    (status = 200, body = Vec<ServiceBody>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(query): Params<EnvironmentQuery>,
) -> Result<Json<Vec<ServiceBody>>, ApiError> {
    Ok(Json(services(&api, caller.access(), ProjectId(id), query.environment()).await?))
}

/// Say how many replicas of a running service there shall be. It holds for later deployments, too, whatever the
/// repository says; until somebody says `null`.
#[utoipa::path(patch, path = "/api/v1/projects/{id}/services/{name}", tag = "services",
    params(("id" = i64, Path), ("name" = String, Path), EnvironmentQuery), request_body = ScaleForm, responses(
    (status = 200, body = ServiceBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "It is files", body = ErrorBody),
    (status = 422, body = ErrorBody),
))]
pub(crate) async fn scale(
    State(api): State<Api>,
    caller: Caller,
    IdAndName(id, name): IdAndName<ServiceName>,
    Params(query): Params<EnvironmentQuery>,
    mut form: Form,
) -> Result<Json<ServiceBody>, ApiError> {
    let replicas = form.number("replicas", |number| {
        let too_many = || InvalidInput::new("replicas", format!("a service has from 0 to {MOST_REPLICAS} replicas"));
        u32::try_from(number).ok().filter(|number| *number <= MOST_REPLICAS).ok_or_else(too_many)
    });
    let Some(replicas) = replicas.into_change() else {
        if !form.has_problem_with("replicas") {
            form.needed("replicas");
        }
        return Err(form.refusal());
    };
    form.check()?;
    let environment = query.environment();
    api.store.scale_service(caller.access(), ProjectId(id), environment, &name, replicas).await?;
    named(&api, caller.access(), ProjectId(id), environment, &name).await
}

/// Replace every replica of a running service by a new one, without a gap.
#[utoipa::path(post, path = "/api/v1/projects/{id}/services/{name}/restart", tag = "services",
    params(("id" = i64, Path), ("name" = String, Path), EnvironmentQuery), responses(
    (status = 202, description = "Asked for", body = ServiceBody), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, description = "It is files", body = ErrorBody),
))]
pub(crate) async fn restart(
    State(api): State<Api>,
    caller: Caller,
    IdAndName(id, name): IdAndName<ServiceName>,
    Params(query): Params<EnvironmentQuery>,
) -> Result<(StatusCode, Json<ServiceBody>), ApiError> {
    let environment = query.environment();
    api.store.restart_service(caller.access(), ProjectId(id), environment, &name).await?;
    Ok((StatusCode::ACCEPTED, named(&api, caller.access(), ProjectId(id), environment, &name).await?))
}

async fn named(
    api: &Api,
    access: Access,
    project: ProjectId,
    environment: Environment,
    name: &ServiceName,
) -> Result<Json<ServiceBody>, ApiError> {
    let all = services(api, access, project, environment).await?;
    all.into_iter().find(|service| service.name == *name).map(Json).ok_or_else(|| StoreError::NotFound.into())
}

async fn services(
    api: &Api,
    access: Access,
    project: ProjectId,
    environment: Environment,
) -> Result<Vec<ServiceBody>, ApiError> {
    let is_live = Filter {
        environment: Some(environment),
        status: Some(DeploymentStatus::Live),
        ..Filter::<DeploymentStatus>::default()
    };
    let live = api.store.deployments_of(access, project, DEPLOYMENTS, None, &is_live).await?;
    let standing = api.replicas.of_project(project);
    // What is about to take over, or to go: few, and only while that lasts.
    let known: BTreeSet<DeploymentId> = live.iter().map(|deployment| deployment.id).collect();
    let others: BTreeSet<DeploymentId> = standing.iter().map(|(replica, _)| replica.deployment).collect();
    let mut passing = Vec::new();
    for id in others.difference(&known) {
        match api.store.deployment(access, *id).await {
            Ok(deployment) if deployment.environment == environment => passing.push(deployment),
            Ok(_) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let settings = api.store.service_settings_of(project, environment).await?;
    let variables = api.store.variables(access, project).await?;
    let of_branch =
        |deployments: &[Deployment], branch| deployments.iter().any(|deployment| deployment.branch == branch);
    let starting = passing.iter().filter(|deployment| {
        deployment.status == DeploymentStatus::Ready && !of_branch(&live, deployment.branch.clone())
    });
    let mut bodies = Vec::new();
    for deployment in live.iter().chain(starting) {
        let versions: BTreeSet<DeploymentId> = passing
            .iter()
            .filter(|other| other.branch == deployment.branch)
            .map(|other| other.id)
            .chain([deployment.id])
            .collect();
        let known = Known { deployment, versions, standing: &standing, settings: &settings, variables: &variables };
        bodies.extend(known.specs().iter().map(|spec| known.body(spec)));
    }
    Ok(bodies)
}

/// What is known of a deployment's services.
struct Known<'a> {
    deployment: &'a Deployment,
    /// Itself, what it takes over from, and what takes over from it.
    versions: BTreeSet<DeploymentId>,
    standing: &'a [(ReplicaId, ReplicaReport)],
    settings: &'a [ServiceSetting],
    variables: &'a [Variable],
}

impl Known<'_> {
    /// A deployment that says nothing of services is files.
    fn specs(&self) -> Vec<ServiceSpec> {
        self.deployment.services.clone().unwrap_or_else(|| {
            let routes = vec![ServiceRoute::everything()];
            vec![ServiceSpec { name: ServiceName::only(), routes, part: ServicePart::Static }]
        })
    }

    fn body(&self, spec: &ServiceSpec) -> ServiceBody {
        let running = spec.running();
        let instances = self.standing.iter().filter(|(replica, _)| {
            running.is_some() && replica.service == spec.name && self.versions.contains(&replica.deployment)
        });
        let instances: Vec<&(ReplicaId, ReplicaReport)> = instances.collect();
        let own = || instances.iter().filter(|(replica, _)| replica.deployment == self.deployment.id);
        let planned = running.map(|running| running.settings.replicas.unwrap_or(1));
        let said = self.settings.iter().find(|setting| setting.service == spec.name);
        let said = said.and_then(|setting| setting.replicas);
        let wanted = planned.map(|planned| said.unwrap_or(planned));
        let state = wanted.map(|wanted| match (own().next(), wanted) {
            // Nobody has said yet where they stand.
            (None, 1..) => ServiceState::Starting,
            _ => ServiceState::of_all(own().map(|(_, report)| report.state)),
        });
        let ended = own().filter(|(_, report)| report.last_end.is_some()).max_by_key(|(_, report)| report.since);
        let settings = running.map(|running| &running.settings);
        let limit_of_one = own().map(|(_, report)| report.memory_limit).next();
        ServiceBody {
            name: spec.name.clone(),
            kind: if running.is_some() { PartKind::Running } else { PartKind::Static },
            environment: self.deployment.environment,
            branch: self.deployment.branch.to_string(),
            deployment_id: self.deployment.id.0,
            routes: spec.routes.clone(),
            port: spec.port().map(NonZeroU16::get),
            state,
            replicas: wanted,
            planned_replicas: planned,
            is_scaled: running.is_some() && said.is_some(),
            memory_limit: limit_of_one.or_else(|| settings?.memory),
            cpu_limit: settings.and_then(|settings| settings.cpus).map(berth_model::Cpus::cores),
            restarts: own().map(|(_, report)| report.restarts).sum(),
            last_end: ended.and_then(|(_, report)| report.last_end),
            health_path: settings.and_then(|settings| settings.health_path.as_ref()).map(ToString::to_string),
            start_command: running.and_then(|running| running.start_command.clone()),
            release_command: settings.and_then(|settings| settings.release_command.clone()),
            volumes: settings.map(|settings| settings.volumes.clone()).unwrap_or_default(),
            variables: running.map(|running| self.variables_of(running.environment.keys())).unwrap_or_default(),
            instances: instances.into_iter().map(InstanceBody::of).collect(),
        }
    }

    /// What is in the environment, by key: the project's own go before the repository's, and Berth's before all.
    fn variables_of<'k>(&self, planned: impl Iterator<Item = &'k VariableKey>) -> Vec<ServiceVariableBody> {
        let mut found: BTreeMap<String, (VariableSource, Option<VariableKind>)> = BTreeMap::new();
        let of_berth = |own: OwnVariable| (own.key().to_owned(), (VariableSource::Berth, None));
        found.extend(OwnVariable::ALL.into_iter().filter(|own| own.gives_way()).map(of_berth));
        found.extend(planned.map(|key| (key.to_string(), (VariableSource::Plan, None))));
        let environment = self.deployment.environment;
        let own = self.variables.iter().filter(|variable| variable.scope.covers(environment));
        found.extend(own.map(|own| (own.key.to_string(), (VariableSource::Project, Some(own.kind)))));
        found.extend(OwnVariable::ALL.into_iter().filter(|own| !own.gives_way()).map(of_berth));
        found.into_iter().map(|(key, (source, kind))| ServiceVariableBody { key, source, kind }).collect()
    }
}

impl InstanceBody {
    fn of((replica, report): &(ReplicaId, ReplicaReport)) -> Self {
        Self {
            number: replica.number,
            deployment_id: replica.deployment.0,
            state: report.state,
            since: report.since,
            restarts: report.restarts,
            last_end: report.last_end,
            usage: report.usage,
            memory_limit: report.memory_limit,
        }
    }
}
