//! Building a Dockerfile with the daemon's classic builder: the one that keeps to memory and processor limits and to
//! our network. (BuildKit silently ignores all three.)
//!
//! What it cannot be told: a process limit, which `steps` sees to, and to drop capabilities. Its `RUN` steps have Docker's
//! default ones.

use std::collections::HashMap;

use berth_model::LogStream;
use bollard::models::BuildInfo;
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures_util::StreamExt;

use crate::error::while_doing;
use crate::steps::{self, Steps};
use crate::tar_stream::plainly;
use crate::{Engine, LARGEST_FILE, Labels, RuntimeError, TarStream};

/// The period in microseconds over which a processor quota counts.
const CPU_PERIOD: i32 = 100_000;

/// How the classic builder marks what a `RUN` wrote to standard error.
const RED: &str = "\x1b[91m";
const PLAIN: &str = "\x1b[0m";

/// A Dockerfile to build.
pub struct BuildImage {
    /// The image's name: `name:tag`.
    pub tag: String,
    /// The build context.
    pub context: TarStream,
    /// The Dockerfile's path in the context.
    pub dockerfile: String,
    /// Values for what it declares with `ARG`.
    pub arguments: HashMap<String, String>,
    /// Whose it is: the last stage has the [`Engine::label_instruction`] of these. (Given to the builder apart,
    /// each would be a step of its own, and only of the last image.)
    pub labels: Labels,
}

impl Engine {
    /// Builds an image; `log` gets what the steps print, line by line or in larger pieces. Returns the image's id.
    /// Dropping the future cancels the build: the daemon stops it, and that it did is verified in the background.
    ///
    /// # Errors
    /// [`RuntimeError::DockerfileFailed`] is the Dockerfile's; [`RuntimeError::NetworkOpen`] and the others are ours.
    pub async fn build_image(
        &self,
        build: BuildImage,
        log: &mut (dyn FnMut(LogStream, &str) + Send),
    ) -> Result<String, RuntimeError> {
        self.require_network().await?;
        let steps = Steps::new(self);
        let limits = self.config().limits;
        let quota = self.nano_cpus(limits.cpus).await? / (1_000_000_000 / i64::from(CPU_PERIOD));
        let options = BuildImageOptions {
            dockerfile: build.dockerfile,
            buildargs: Some(build.arguments),
            // The daemon's cache knows no owners: what one build ran must not be another's layer.
            nocache: true,
            t: Some(build.tag.clone()),
            rm: true,
            forcerm: true,
            cpuperiod: Some(CPU_PERIOD),
            cpuquota: Some(i32::try_from(quota).unwrap_or(i32::MAX)),
            networkmode: Some(self.network().name().to_owned()),
            extrahosts: Some(format!("{}:127.0.0.1", steps.mark())),
            version: BuilderVersion::BuilderV1,
            ..BuildImageOptions::default()
        };
        // The client's own fields for memory are 32 bits wide, which 2 GiB is one too many for; for files it has none.
        let memory = limits.memory;
        let docker = self.docker_for_files().await?.with_request_modifier(move |mut request| {
            let files =
                format!("%5B%7B%22Name%22:%22fsize%22,%22Soft%22:{LARGEST_FILE},%22Hard%22:{LARGEST_FILE}%7D%5D");
            let more = format!("{}&memory={memory}&memswap={memory}&ulimits={files}", request.uri());
            if let Ok(uri) = more.parse() {
                *request.uri_mut() = uri;
            }
            request
        });
        let (context, broken) = plainly(build.context);
        let mut output = docker.build_image(options, None, Some(bollard::body_try_stream(context)));
        let mut in_labels = false;
        let mark = steps.mark().to_owned();
        let mut unlimited = std::pin::pin!(steps::keep_to_limit(self, &mark));
        loop {
            let info = tokio::select! {
                error = &mut unlimited => return Err(error),
                info = output.next() => match info {
                    Some(info) => info,
                    None => break,
                },
            };
            match info {
                Ok(info) => relay(&info, &mut in_labels, log),
                Err(bollard::errors::Error::DockerStreamError { error }) => {
                    steps.over();
                    return Err(failed(error));
                }
                // Refused before the first step: a Dockerfile that does not parse, or is not there.
                Err(error)
                    if matches!(&error, bollard::errors::Error::DockerResponseServerError { status_code: 400, .. }) =>
                {
                    steps.over();
                    return Err(failed(error.to_string()));
                }
                Err(error) => {
                    let broken = broken.take().map(RuntimeError::Stream);
                    return Err(broken.unwrap_or_else(|| while_doing("build an image")(error)));
                }
            }
        }
        steps.over();
        berth_model::step!("image built");
        let facts = match self.inspect_id(&build.tag).await? {
            Some(id) => (id, self.image_facts(&build.tag).await?),
            None => return Err(failed("it ended without an image".to_owned())),
        };
        let labels = self.write_labels(&build.labels);
        if labels.iter().any(|(key, value)| facts.1.labels.get(key) != Some(value)) {
            self.remove_image(&build.tag).await?;
            return Err(failed("it ended without the labels that it is found by".to_owned()));
        }
        Ok(facts.0)
    }

    /// The instruction that gives an image our labels. Behind each `FROM` it also marks what a build that fails leaves.
    #[must_use]
    pub fn label_instruction(&self, labels: &Labels) -> String {
        let mut pairs: Vec<_> = self.write_labels(labels).into_iter().collect();
        pairs.sort();
        let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        format!("LABEL {}", pairs.join(" "))
    }
}

/// Passes on what the builder says. `in_labels`: it is at our labels, which are nothing of the Dockerfile's.
fn relay(info: &BuildInfo, in_labels: &mut bool, log: &mut (dyn FnMut(LogStream, &str) + Send)) {
    if let Some(text) = &info.stream {
        if text.starts_with("Step ") {
            *in_labels = text.contains(" : LABEL berth.");
        }
        if *in_labels && !text.starts_with("Successfully ") {
            return;
        }
        match text.strip_prefix(RED) {
            Some(text) => log(LogStream::Stderr, text.strip_suffix(PLAIN).unwrap_or(text)),
            None => log(LogStream::Stdout, text),
        }
    } else if let (Some(layer), Some(status @ ("Pull complete" | "Already exists"))) =
        (&info.id, info.status.as_deref())
    {
        log(LogStream::Stdout, &format!("{layer}: {status}\n"));
    }
}

/// The daemon's last words, and the exit code that they end in: `… returned a non-zero code: 2`.
fn failed(reason: String) -> RuntimeError {
    let exit_code = reason.rsplit_once("non-zero code: ").and_then(|(_, code)| code.trim().parse().ok());
    RuntimeError::DockerfileFailed { reason, exit_code }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_read_from_the_last_words() {
        let code = |text: &str| match failed(text.to_owned()) {
            RuntimeError::DockerfileFailed { exit_code, .. } => exit_code,
            _ => None,
        };
        assert_eq!(code("The command '/bin/sh -c false' returned a non-zero code: 1"), Some(1));
        assert_eq!(code("dockerfile parse error line 3: unknown instruction: RUNN"), None);
    }
}
