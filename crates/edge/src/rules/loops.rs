//! Rules that send visitors round and round, found before anybody follows them.
//!
//! A visitor is sent from an example of each rule's path to wherever the rules lead, as the edge would do it with the
//! files of the release: a rule that is not forced ends at a file. Nothing is refused for a doubt:
//!
//! - where the way comes back to where it was, it is a loop
//! - where one rule makes the address longer and longer, it is one if it is forced or nothing can lie at the target;
//!   else pages that exist end it, which is what `/* /en/:splat` is written for
//! - a rule is passed over where it leads to where the visitor is, so that `/* /soon 302!` ends at `/soon`; one that
//!   always does, like `/* /:splat`, is a loop
//! - a rewrite answers and sends nobody on. It counts only where its target is one address, which is no file: whoever
//!   writes that meant another rule to answer there
//! - an address at a host that no rule names is somebody else's

use std::collections::HashSet;
use std::fmt;

use super::redirects::{Action, Query, Redirect, host_and_path};
use crate::address::{Address, resolve};
use crate::path;

/// Rules tried for all ways together. More would take seconds, and no file that people write comes near.
const MOST_TRIED: usize = 20_000_000;
/// So many bytes of an address cost as much as another rule.
const COSTS_AS_MUCH: usize = 64;
/// Bytes of addresses that are remembered as ways that end. Without more of them it only takes longer.
const MOST_REMEMBERED: usize = 16 << 20;
/// Steps beyond one through each rule after which a way is taken to have no end.
const STEPS_BEYOND: usize = 64;
/// Addresses that are shown of a way without end.
const SHOWN: usize = 5;
/// Characters that are shown of one address.
const SHOWN_OF_ONE: usize = 80;

/// Rules of `_redirects` that have no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectLoop {
    /// Addresses in the order of the visit; the last is the first again, unless they only grow longer.
    addresses: Vec<String>,
    /// The lines of the rules, in order.
    lines: Vec<usize>,
}

impl RedirectLoop {
    /// The lines of the rules that take part, in ascending order.
    #[must_use]
    pub fn lines(&self) -> &[usize] {
        &self.lines
    }
}

/// `/a → /b → /a`; of a long one, how it begins.
impl fmt::Display for RedirectLoop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.addresses[..self.addresses.len().min(SHOWN + 2)].join(" → "))?;
        let is_whole = self.addresses.len() <= SHOWN + 2 && self.addresses.first() == self.addresses.last();
        if is_whole { Ok(()) } else { formatter.write_str(" → …") }
    }
}

/// What is asked for: host (`None`: one that no rule names), decoded path, query.
type Asked = (Option<String>, String, Option<String>);

/// Rules and files, and what is known of them.
struct Walk<'a, F> {
    rules: &'a [Redirect],
    /// Whether a file lies at a path below the release.
    has: F,
    ends: HashSet<Asked>,
    /// Bytes of `ends`.
    remembered: usize,
    tried: usize,
}

/// One step of a way: what was asked for, and the rule (by its place) that leads on; `None` for the one form of an
/// address that has several.
struct Step {
    asked: Asked,
    rule: Option<usize>,
}

/// The first loop of a release's rules. `files` are the paths that visitors can ask for.
pub(crate) fn find(
    rules: &[Redirect],
    has: impl Fn(&str) -> bool,
    files: impl Iterator<Item = impl AsRef<str>> + Clone,
) -> Option<RedirectLoop> {
    let mut walk = Walk { rules, has, ends: HashSet::new(), remembered: 0, tried: 0 };
    if let Some(found) = rules.iter().find_map(|rule| walk.turns_in_place(rule)) {
        return Some(found);
    }
    for asked in rules.iter().flat_map(Redirect::examples) {
        if walk.tried > MOST_TRIED {
            tracing::info!("the rules of a release are too many to look for all loops");
            return None;
        }
        let Some((steps, again)) = walk.endless(asked) else { continue };
        if let Some(found) = judge(rules, &steps, again, files.clone()) {
            return Some(found);
        }
    }
    None
}

impl<F: Fn(&str) -> bool> Walk<'_, F> {
    /// A rule that leads from every address to that address.
    fn turns_in_place(&self, rule: &Redirect) -> Option<RedirectLoop> {
        let leads_to_itself = |asked: &Asked| {
            let (host, path, query) = asked;
            let asked_query = Query::of(query.as_deref());
            match rule.leads_to(host.as_deref().unwrap_or_default(), path, &asked_query) {
                Some(Action::Redirect { location, .. }) => {
                    self.follow(&location, host.as_deref()).as_ref() == Some(asked)
                }
                _ => false,
            }
        };
        let example = rule.examples().next().filter(|_| rule.examples().all(|asked| leads_to_itself(&asked)))?;
        let shown = shown_address(&example);
        Some(RedirectLoop { addresses: vec![shown.clone(), shown], lines: vec![rule.line] })
    }

    /// Follows the rules; the way, and from where on it repeats, if it has no end.
    fn endless(&mut self, asked: Asked) -> Option<(Vec<Step>, usize)> {
        let mut steps: Vec<Step> = Vec::new();
        let mut asked = Some(asked);
        while let Some(now) = asked.take().filter(|now| !self.ends.contains(now)) {
            if let Some(again) = steps.iter().position(|step| step.asked == now) {
                return Some((steps, again));
            }
            if steps.len() > self.rules.len() + STEPS_BEYOND {
                let again = steps.len() - SHOWN;
                return Some((steps, again));
            }
            if self.tried > MOST_TRIED {
                return None;
            }
            let Some((rule, next)) = self.step(&now) else {
                self.remember(now);
                break;
            };
            steps.push(Step { asked: now, rule });
            asked = Some(next);
        }
        steps.into_iter().for_each(|step| self.remember(step.asked));
        None
    }

    fn remember(&mut self, (host, path, query): Asked) {
        self.remembered += path.len() + query.as_ref().map_or(0, String::len);
        if self.remembered <= MOST_REMEMBERED {
            self.ends.insert((host, path, query));
        }
    }

    fn step(&mut self, asked: &Asked) -> Option<(Option<usize>, Asked)> {
        let (host, path, query) = asked;
        let asked_query = Query::of(query.as_deref());
        let has = |path: &str, ending: &str| (self.has)(&format!("{path}{ending}")).then_some(());
        let address = resolve(path, has);
        for (place, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.force || address.is_none()) {
            self.tried += 1 + path.len() / COSTS_AS_MUCH;
            match rule.leads_to(host.as_deref().unwrap_or_default(), path, &asked_query) {
                None => {}
                Some(Action::TooLong) => return None,
                Some(Action::Redirect { location, .. }) => {
                    self.tried += location.len() / COSTS_AS_MUCH;
                    let next = self.follow(&location, host.as_deref())?;
                    if next != *asked {
                        return Some((Some(place), next));
                    }
                }
                Some(Action::Rewrite { path, .. }) => {
                    let nowhere = !rule.target().0 && resolve(&path, has).is_none();
                    let next = (host.clone(), path, query.clone());
                    return (nowhere && next != *asked).then_some((Some(place), next));
                }
            }
        }
        match address? {
            Address::Here(()) => None,
            Address::At(form, ()) => Some((None, (host.clone(), form, query.clone()))),
        }
    }

    /// What a browser asks for next.
    fn follow(&self, location: &str, host: Option<&str>) -> Option<Asked> {
        let location = location.split('#').next().unwrap_or_default();
        let (host, address) = match host_and_path(location) {
            Some((other, address)) => {
                let named = self.rules.iter().any(|rule| rule.host() == Some(&*other));
                (named.then_some(Some(other))?, address)
            }
            None => (host.map(str::to_owned), location),
        };
        let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
        Some((host, path::decode(path).ok()?.into_owned(), query.map(str::to_owned)))
    }
}

/// Whether a way without end is a loop; it repeats from `again` on.
fn judge(
    rules: &[Redirect],
    steps: &[Step],
    again: usize,
    mut files: impl Iterator<Item = impl AsRef<str>>,
) -> Option<RedirectLoop> {
    let round = &steps[again..];
    let grows = steps.len() > rules.len() + STEPS_BEYOND;
    let mut places: Vec<usize> = round.iter().filter_map(|step| step.rule).collect();
    places.sort_unstable();
    places.dedup();
    if let [place] = places[..]
        && grows
    {
        let rule = &rules[place];
        let (varies, begins) = rule.target();
        let may_end = varies
            && !rule.force
            && files.any(|file| begins.strip_prefix('/').is_some_and(|begins| file.as_ref().starts_with(begins)));
        if may_end {
            return None;
        }
    }
    let shown = if grows { &steps[..SHOWN] } else { round };
    let first = shown.first().filter(|_| !grows).map(|step| &step.asked);
    Some(RedirectLoop {
        addresses: shown.iter().map(|step| &step.asked).chain(first).map(shown_address).collect(),
        lines: places.into_iter().map(|place| rules[place].line).collect(),
    })
}

/// One line of text, cut where nobody would read on.
fn shown_address((host, path, query): &Asked) -> String {
    let host = host.as_ref().map(|host| format!("https://{host}")).unwrap_or_default();
    let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let whole = format!("{host}{path}{query}");
    let mut shown: String =
        whole.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(SHOWN_OF_ONE).collect();
    if shown.len() < whole.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::redirects::compile;

    fn found(text: &str, files: &[&str]) -> Option<(String, Vec<usize>)> {
        let (rules, problems) = compile(text);
        assert_eq!(problems, [], "{text}");
        let found = super::find(&rules, |path| files.contains(&path), files.iter())?;
        Some((found.to_string(), found.lines().to_vec()))
    }

    #[test]
    fn loops_are_shown_with_their_lines() {
        for (text, shown, lines) in [
            ("/a /b\n/b /a\n", "/a → /b → /a", &[1, 2][..]),
            ("# old\n/a /b 302\n\n/b /c\n/c /a 307\n", "/a → /b → /c → /a", &[2, 4, 5]),
            ("/start /a\n/a /b\n/b /a\n", "/a → /b → /a", &[2, 3]),
            ("/a /a\n", "/a → /a", &[1]),
            ("/* /:splat 301!\n", "/ → /", &[1]),
            ("/en/* /de/:splat\n/de/* /en/:splat\n", "/en/ → /de/ → /en/", &[1, 2]),
            (
                "/blog/:slug /posts/:slug\n/posts/hello /blog/hello\n",
                "/posts/hello → /blog/hello → /posts/hello",
                &[1, 2],
            ),
            ("/:a/:b /:b/:a\n", "/a/b → /b/a → /a/b", &[1]),
            ("/en/* /en/:splat 302\n", "/en/ → /en/", &[1]),
            ("/a/* /a/b/:splat 301!\n", "/a/ → /a/b/ → /a/b/b/ → /a/b/b/b/ → /a/b/b/b/b/ → …", &[1]),
            ("/a/* /a/b/:splat\n", "/a/ → /a/b/ → /a/b/b/ → /a/b/b/b/ → /a/b/b/b/b/ → …", &[1]),
            ("/a /b 200\n/b /a 301\n", "/a → /b → /a", &[1, 2]),
            ("/s id=:id /t/:id\n/t/:id /s?id=:id\n", "/s?id=id → /t/id → /s?id=id", &[1, 2]),
            (
                "https://one.example.org/* https://two.example.org/:splat\nhttps://two.example.org/* https://one.example.org/:splat\n",
                "https://one.example.org/ → https://two.example.org/ → https://one.example.org/",
                &[1, 2],
            ),
            (
                "/b /a\nhttps://h.example.org/a /b\n",
                "https://h.example.org/a → https://h.example.org/b → https://h.example.org/a",
                &[1, 2],
            ),
        ] {
            assert_eq!(found(text, &["index.htm"]), Some((shown.to_owned(), lines.to_vec())), "{text}");
        }
        // Forced, it hides the file.
        assert!(found("/a /b 301!\n/b /a 301!\n", &["a.html", "b.html"]).is_some());
        assert!(found("/about /about.html 301!\n", &["about.html"]).is_some());
        // Against the one form of an address.
        assert_eq!(found("/docs/ /docs 301!\n", &["docs/index.html"]).unwrap().0, "/docs/ → /docs → /docs/");
        assert_eq!(found("/a /a/ 301!\n", &["a.html"]).unwrap().0, "/a → /a/ → /a");
        assert_eq!(found("/a /a/ 301!\n", &["a/index.html"]), None);
    }

    #[test]
    fn what_ends_is_no_loop() {
        for text in [
            "/* /index.html 200\n",
            "/* /app.html 200!\n",
            "/* /missing.html 200\n",
            "/* /404.html 404\n",
            "/a /b\n/b /c\n",
            "/old/* /new/:splat\n/new/* /page\n",
            "/page /else\n/else /page\n", // the page exists
            "/* /page 302\n",             // it exists
            "/:lang/* /en/:splat 302\n",  // pages below /en/ do
            "/* /en/:splat 302\n",
            "/assets/* /assets/:splat 200\n/* /page 200\n",
            "/one/* /two/:splat 200\n/two/* /one/:splat 200\n",
            "/* /soon 301!\n",
            "/* /nowhere 302\n",
            "/* /any 302\n",
            "/a id=1 /a\n", // without the parameter
            "/a https://other.example.org/a\n",
            "https://h.example.org/a /b\n/b https://other.example.org/a\n",
            "https://h.example.org/* https://www.example.org/:splat 301!\n",
            "/x/* /:splat\n",
            "/docs /docs/ 301\n",
            "/docs/ /docs 301!\n",
            "/page/ /page 301\n",
            "/* /:splat/ 301\n",
        ] {
            assert_eq!(found(text, &["index.html", "page.html", "app.html", "en/start.html"]), None, "{text}");
        }
    }

    #[test]
    fn many_rules_take_moments() {
        let chain: String = (0..1_999).map(|number| format!("/{number} /{}\n", number + 1)).collect();
        assert_eq!(found(&chain, &[]), None);
        let (shown, lines) = found(&(chain + "/1999 /0\n"), &[]).unwrap();
        assert_eq!((shown.as_str(), lines.len()), ("/0 → /1 → /2 → /3 → /4 → /5 → /6 → …", 2_000));
        let long = "x".repeat(2_000);
        let (shown, _) = found(&format!("/{long} /%20{long}\n/%20{long} /{long}\n"), &[]).unwrap();
        assert!(shown.len() < 1_000, "{shown}");
        // Each step makes the address a thousand times longer, until it is none.
        let growing = "/a/* /a/b".to_owned() + &":splat".repeat(600) + "\n";
        assert_eq!(found(&growing.repeat(500), &[]), None);
    }

    #[test]
    fn http_and_https_are_the_business_of_whoever_stands_before() {
        let (rules, problems) =
            compile("http://example.org/* https://example.org/:splat 301!\nhttp://a.org/* https://b.org/:splat\n");
        assert_eq!((rules.len(), problems[0].line), (1, 1));
    }
}
