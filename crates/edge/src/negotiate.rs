//! What the client accepts: codings (RFC 9110, 12.5.3) and, for the SPA fallback, documents.

use http::{HeaderMap, header};

use crate::index::{Coding, Entry};

/// The coding to answer with: the acceptable one with the highest weight, the smallest of equals first, and what is
/// there anyway where nothing is acceptable.
pub(crate) fn coding_for(headers: &HeaderMap, entry: &Entry<'_>) -> Coding {
    if !entry.is_negotiated() {
        return Coding::Identity;
    }
    coding_among(headers, Coding::COMPRESSED.into_iter().filter(|coding| entry.has(*coding)))
}

/// The same among the codings that something is `available` in, smallest first; it is there as it is, too.
pub fn coding_among(headers: &HeaderMap, available: impl Iterator<Item = Coding>) -> Coding {
    let weights = Weights::of(headers);
    let mut best = (Coding::Identity, weights.identity());
    // Identity loses against an equally welcome coding; that is what the header is sent for.
    for coding in available {
        let weight = weights.coding(coding);
        if weight > 0 && (weight > best.1 || (best.0 == Coding::Identity && weight == best.1)) {
            best = (coding, weight);
        }
    }
    best.0
}

/// Weights in thousandths; `None` for a coding that is not named.
#[derive(Default)]
struct Weights {
    identity: Option<u16>,
    brotli: Option<u16>,
    zstd: Option<u16>,
    gzip: Option<u16>,
    any: Option<u16>,
}

impl Weights {
    fn of(headers: &HeaderMap) -> Self {
        let mut weights = Self::default();
        for (name, weight) in weighted_items(headers, &header::ACCEPT_ENCODING) {
            let place = if name.eq_ignore_ascii_case("br") {
                &mut weights.brotli
            } else if name.eq_ignore_ascii_case("zstd") {
                &mut weights.zstd
            } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                &mut weights.gzip
            } else if name.eq_ignore_ascii_case("identity") {
                &mut weights.identity
            } else if name == "*" {
                &mut weights.any
            } else {
                continue;
            };
            *place = Some(weight);
        }
        weights
    }

    fn coding(&self, coding: Coding) -> u16 {
        let named = match coding {
            Coding::Identity => return self.identity(),
            Coding::Brotli => self.brotli,
            Coding::Zstd => self.zstd,
            Coding::Gzip => self.gzip,
        };
        named.or(self.any).unwrap_or(0)
    }

    /// Acceptable unless refused by name or by `*`, but less than anything that was asked for.
    fn identity(&self) -> u16 {
        self.identity.unwrap_or(match self.any {
            Some(0) => 0,
            _ => 1,
        })
    }
}

/// The items of a list header with their `q`, in thousandths. An item with a malformed weight is left out.
fn weighted_items<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = (&'a str, u16)> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let name = Some(name.trim_ascii()).filter(|name| !name.is_empty())?;
        if parameters.is_empty() {
            return Some((name, 1000));
        }
        let mut parameters = parameters.split(';').map(str::trim_ascii);
        let weight = parameters.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((name, weight.map_or(Some(1000), thousandths)?))
    })
}

/// `0`, `1`, `0.5`, `0.123`, `1.000`.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) || !matches!(whole, "0" | "1") {
        return None;
    }
    let weight = whole.parse::<u16>().ok()? * 1000 + format!("{fraction:0<3}").parse::<u16>().ok()?;
    (weight <= 1000).then_some(weight)
}

static DESTINATION: header::HeaderName = header::HeaderName::from_static("sec-fetch-dest");

/// Whether the request may be somebody opening a page: `Accept` is absent, `*/*` or includes `text/html`, and
/// `Sec-Fetch-Dest`, if sent, is `document` or `iframe`.
pub(crate) fn is_navigation(headers: &HeaderMap) -> bool {
    let names = || weighted_items(headers, &header::ACCEPT).map(|(name, _)| name);
    let takes_all = !headers.contains_key(header::ACCEPT) || names().eq(["*/*"]);
    (takes_all || accepts_html(headers)) && matches!(destination(headers), None | Some(b"document" | b"iframe"))
}

/// Whether JSON is easier to read for who asks than a page: a program that says so.
pub(crate) fn prefers_json(headers: &HeaderMap) -> bool {
    let weight = |wanted: fn(&str) -> bool| {
        let items = weighted_items(headers, &header::ACCEPT).filter(|(name, _)| wanted(&name.to_ascii_lowercase()));
        items.map(|(_, weight)| weight).max().unwrap_or(0)
    };
    let json = weight(|name| name == "application/json" || name.ends_with("+json"));
    json > 0 && json >= weight(|name| name == "text/html")
}

/// Whether the request says that somebody opens a page, as browsers do.
pub(crate) fn asks_for_a_page(headers: &HeaderMap) -> bool {
    accepts_html(headers) && is_navigation(headers)
}

fn accepts_html(headers: &HeaderMap) -> bool {
    weighted_items(headers, &header::ACCEPT).any(|(name, weight)| name.eq_ignore_ascii_case("text/html") && weight > 0)
}

fn destination(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(&DESTINATION).map(http::HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{ContentHash, Index, IndexBuilder, Stored};

    fn chosen(accept: &[&str], codings: &[Coding]) -> Coding {
        let stored = Stored { length: 1, hash: ContentHash([1; 16]) };
        let mut builder = IndexBuilder::new(1);
        builder.add("a.js", stored, &codings.iter().map(|coding| (*coding, stored)).collect::<Vec<_>>());
        let index = Index::parse(builder.finish(None).0).unwrap();
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT_ENCODING, value.parse().unwrap());
        }
        coding_for(&headers, &index.find("a.js").unwrap())
    }

    #[test]
    fn codings_follow_their_weights() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        let all = &[Brotli, Zstd, Gzip];
        for (accept, available, expected) in [
            (&[][..], &all[..], Identity),
            (&["gzip, deflate, br, zstd"], all, Brotli),
            (&["gzip, deflate"], all, Gzip),
            (&["GZIP"], all, Gzip),
            (&["zstd", "gzip"], all, Zstd),
            (&["gzip, br"], &[Gzip], Gzip),
            (&["br"], &[Gzip], Identity),
            (&["br;q=0.5, gzip;q=0.8"], all, Gzip),
            (&["br;q=0, gzip"], all, Gzip),
            (&["br;q=0"], all, Identity),
            (&["*"], all, Brotli),
            (&["*;q=0.1, gzip"], all, Gzip),
            (&["*;q=0"], all, Identity),
            (&["gzip;q=0.5, identity"], all, Identity),
            (&["gzip;q=0.5, identity;q=0.5"], all, Gzip),
            (&["identity;q=0, gzip;q=0.001"], all, Gzip),
            (&["gzip;q=2"], all, Identity),
            (&["gzip;q=0.0001"], all, Identity),
            (&["gzip ; q=1.0"], all, Gzip),
            (&["gzipped, brr"], all, Identity),
            (&["deflate"], all, Identity),
        ] {
            assert_eq!(chosen(accept, available), expected, "{accept:?} {available:?}");
        }
    }

    #[test]
    fn s4_only_navigations_are_navigations() {
        let case = |pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            is_navigation(&headers)
        };
        assert!(case(&[]));
        assert!(case(&[("accept", "*/*")]));
        assert!(case(&[("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")]));
        assert!(case(&[("accept", "text/html"), ("sec-fetch-dest", "document")]));
        assert!(case(&[("accept", "text/html"), ("sec-fetch-dest", "iframe")]));
        assert!(!case(&[("accept", "application/json")]));
        assert!(!case(&[("accept", "image/avif,*/*;q=0.8")]));
        assert!(!case(&[("accept", "text/html;q=0")]));
        assert!(!case(&[("accept", "*/*"), ("sec-fetch-dest", "script")]));
        assert!(!case(&[("sec-fetch-dest", "empty")]));
    }
}
