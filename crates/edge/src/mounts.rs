//! A deployment of several parts: files and services, each below its prefix of the project's one address.
//!
//! The longest prefix that covers a path counts, by whole segments. Segments are compared decoded, so that no spelling
//! of a path leads past the part that answers it; a slash that was encoded (`%2F`) ends no segment.

use std::sync::Arc;

use berth_model::PathPrefix;
use percent_encoding::percent_decode_str;

use crate::release::Release;
use crate::upstream::Upstream;

/// The parts of a deployment.
#[derive(Debug)]
pub struct Mounts {
    deployment: i64,
    /// Those with the most segments first.
    places: Box<[Place]>,
}

/// What answers below a prefix.
#[derive(Clone, Debug)]
pub enum Mount {
    /// Files, which never see the prefix.
    Files(Arc<Release>),
    /// A service.
    Service {
        /// Its replicas.
        upstream: Arc<Upstream>,
        /// Whether it sees paths without the prefix.
        strip_prefix: bool,
    },
}

/// A mount where it is mounted.
#[derive(Debug)]
pub(crate) struct Place {
    prefix: PathPrefix,
    /// Of the prefix, decoded.
    segments: Box<[Box<[u8]>]>,
    mount: Mount,
}

impl Mounts {
    /// The parts of a deployment, in any order. Of two with the same prefix the first counts.
    #[must_use]
    pub fn new(deployment: i64, mounts: Vec<(PathPrefix, Mount)>) -> Self {
        let place = |(prefix, mount): (PathPrefix, Mount)| {
            let segments = prefix.as_str()[1..].split('/').filter(|segment| !segment.is_empty());
            let segments = segments.map(|segment| percent_decode_str(segment).collect()).collect();
            Place { prefix, segments, mount }
        };
        let mut places: Vec<Place> = mounts.into_iter().map(place).collect();
        // Stable: of equals the first stays the first.
        places.sort_by_key(|place| std::cmp::Reverse(place.segments.len()));
        Self { deployment, places: places.into() }
    }

    /// The deployment they belong to.
    #[must_use]
    pub fn deployment(&self) -> i64 {
        self.deployment
    }

    /// The files of everything that no longer prefix covers, if it is files.
    #[must_use]
    pub fn root(&self) -> Option<&Arc<Release>> {
        let root = self.places.iter().find(|place| place.segments.is_empty())?;
        root.release()
    }

    /// Its files, each with its prefix, as [`Place::prefix`] says it.
    pub(crate) fn releases(&self) -> impl Iterator<Item = (&str, &Arc<Release>)> {
        self.places.iter().filter_map(|place| Some((place.prefix(), place.release()?)))
    }

    /// What answers a path, as it was sent.
    pub(crate) fn find(&self, path: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.below(path).is_some())
    }
}

impl Place {
    /// Nothing for everything; otherwise as it stands in an address, without a slash at its end.
    pub(crate) fn prefix(&self) -> &str {
        if self.segments.is_empty() { "" } else { self.prefix.as_str() }
    }

    pub(crate) fn mount(&self) -> &Mount {
        &self.mount
    }

    pub(crate) fn is_files(&self) -> bool {
        matches!(self.mount, Mount::Files(_))
    }

    fn release(&self) -> Option<&Arc<Release>> {
        match &self.mount {
            Mount::Files(release) => Some(release),
            Mount::Service { .. } => None,
        }
    }

    /// What a path, as it was sent, has below the prefix, if that covers it: nothing, or something that begins with a
    /// slash.
    pub(crate) fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        self.segments.iter().try_fold(path, |path, wanted| {
            let (segment, rest) = first_segment(path)?;
            percent_decode_str(segment).eq(wanted.iter().copied()).then_some(rest)
        })
    }

    /// The same of a decoded path that this covers.
    pub(crate) fn below_decoded<'p>(&self, path: &'p str) -> &'p str {
        self.segments.iter().fold(path, |path, _| first_segment(path).map_or("", |(_, rest)| rest))
    }
}

/// The first segment of a path that begins with a slash, and the rest.
fn first_segment(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    Some(path.split_at(path.find('/').unwrap_or(path.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Upstreams;

    fn mounts(prefixes: &[&str]) -> Mounts {
        let upstreams = Upstreams::default();
        let mount = |prefix: &&str| {
            let mount = Mount::Service { upstream: upstreams.of(1, prefix), strip_prefix: false };
            (PathPrefix::parse(prefix).unwrap(), mount)
        };
        Mounts::new(1, prefixes.iter().map(mount).collect())
    }

    #[test]
    fn the_longest_prefix_counts_by_whole_segments() {
        let mounts = mounts(&["/", "/api", "/api/v2", "/caf%C3%A9", "/longer-than-api"]);
        for (path, prefix, below) in [
            ("/", "", "/"),
            ("/api", "/api", ""),
            ("/api/", "/api", "/"),
            ("/api/users", "/api", "/users"),
            ("/api/v2", "/api/v2", ""),
            ("/api/v2/x", "/api/v2", "/x"),
            ("/api/v20", "/api", "/v20"),
            ("/apis", "", "/apis"),
            ("/%61pi/x", "/api", "/x"),
            ("/api%2Fv2/x", "", "/api%2Fv2/x"),
            ("/api/v2%2Fx", "/api", "/v2%2Fx"),
            ("//api/x", "", "//api/x"),
            ("/API", "", "/API"),
            ("/caf%c3%a9/x", "/caf%C3%A9", "/x"),
            ("/longer-than-api/api", "/longer-than-api", "/api"),
            ("*", "", "*"),
            ("", "", ""),
        ] {
            let place = mounts.find(path).unwrap();
            assert_eq!((place.prefix(), place.below(path).unwrap()), (prefix, below), "{path}");
        }
    }

    #[test]
    fn what_no_prefix_covers_is_nobodys() {
        let mounts = mounts(&["/api"]);
        assert!(mounts.find("/api/x").is_some() && mounts.find("/").is_none() && mounts.find("*").is_none());
        assert!(mounts.root().is_none());
    }

    #[test]
    fn of_two_with_one_prefix_the_first_counts() {
        let upstreams = Upstreams::default();
        let (first, second) = (upstreams.of(1, "first"), upstreams.of(1, "second"));
        let service = |upstream: &Arc<Upstream>| {
            (PathPrefix::everything(), Mount::Service { upstream: Arc::clone(upstream), strip_prefix: false })
        };
        let mounts = Mounts::new(1, vec![service(&first), service(&second)]);
        let Some(Mount::Service { upstream, .. }) = mounts.find("/").map(Place::mount) else { panic!("nobody") };
        assert!(Arc::ptr_eq(upstream, &first));
    }
}
