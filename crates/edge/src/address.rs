//! Which file a path leads to, and the one form in which the address of a file is shown.
//!
//! `/about` stands for `about.html`, `/docs/` for `docs/index.html`; every other spelling of these (`/about.html`,
//! `/about/`, `/docs`, `/docs/index`, `/docs/index.html`) leads to that form. What stands for two files leads to the one
//! that is spelled out: beside a file `about`, `about.html` keeps its own address.

/// What a decoded path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address<T> {
    /// A file, at the form that its address has.
    Here(T),
    /// A file whose address is this (decoded) path.
    At(String, T),
}

impl<T> Address<T> {
    /// The file, whatever its address is.
    pub(crate) fn into_file(self) -> T {
        match self {
            Self::Here(file) | Self::At(_, file) => file,
        }
    }
}

/// Looks a decoded path up. `find` knows the files by their path below the release, without a leading slash, which it
/// gets in two parts: nothing is allocated for a file that is asked for at its address.
pub(crate) fn resolve<T>(path: &str, find: impl Fn(&str, &str) -> Option<T>) -> Option<Address<T>> {
    let key = path.strip_prefix('/')?;
    if key.is_empty() || key.ends_with('/') {
        if let Some(page) = find(key, "index.html") {
            return Some(Address::Here(page));
        }
        let page = key.strip_suffix('/').filter(|page| find(page, "").is_none())?;
        return find(page, ".html").map(|file| Address::At(address_of(page), file));
    }
    if let Some(file) = find(key, "") {
        // What a page would be shown at can be a file of its own.
        let page = key.strip_suffix(".html").filter(|page| directory_of(page).is_some() || find(page, "").is_none());
        return Some(match page {
            Some(page) => Address::At(address_of(page), file),
            None => Address::Here(file),
        });
    }
    if let Some(file) = find(key, ".html") {
        return Some(if directory_of(key).is_some() {
            Address::At(address_of(key), file)
        } else {
            Address::Here(file)
        });
    }
    find(key, "/index.html").map(|file| Address::At(format!("{path}/"), file))
}

/// The address of a page, which is named without its `.html`.
fn address_of(page: &str) -> String {
    format!("/{}", directory_of(page).unwrap_or(page))
}

/// `docs/` of `docs/index`, nothing of `index`.
fn directory_of(page: &str) -> Option<&str> {
    page.strip_suffix("index").filter(|directory| directory.is_empty() || directory.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[&str] = &[
        "index.html",
        "about.html",
        "docs/index.html",
        "docs/guide.html",
        "both.html",
        "both/index.html",
        "plain",
        "plain.html",
        "windex.html",
        "a.txt",
        "twice.html.html",
        "200.html",
    ];

    fn at(path: &str) -> Option<Address<&'static str>> {
        resolve(path, |key, ending| FILES.iter().find(|file| **file == format!("{key}{ending}")).copied())
    }

    #[test]
    fn every_file_has_one_address() {
        for (path, file) in [
            ("/", "index.html"),
            ("/about", "about.html"),
            ("/docs/", "docs/index.html"),
            ("/docs/guide", "docs/guide.html"),
            ("/both", "both.html"),
            ("/both/", "both/index.html"),
            ("/plain", "plain"),
            ("/plain.html", "plain.html"),
            ("/windex", "windex.html"),
            ("/a.txt", "a.txt"),
            ("/twice.html", "twice.html.html"),
            ("/200", "200.html"),
        ] {
            assert_eq!(at(path), Some(Address::Here(file)), "{path}");
        }
        for (path, form) in [
            ("/index.html", "/"),
            ("/index", "/"),
            ("/about.html", "/about"),
            ("/about/", "/about"),
            ("/docs", "/docs/"),
            ("/docs/index", "/docs/"),
            ("/docs/index/", "/docs/"),
            ("/docs/index.html", "/docs/"),
            ("/docs/guide.html", "/docs/guide"),
            ("/docs/guide/", "/docs/guide"),
            ("/both.html", "/both"),
            ("/both/index.html", "/both/"),
            ("/twice.html.html", "/twice.html"),
        ] {
            let Some(Address::At(to, file)) = at(path) else { panic!("{path}") };
            assert_eq!((to.as_str(), at(form)), (form, Some(Address::Here(file))), "{path}");
        }
        for path in ["/About", "/a.txt/", "/index.html/", "/docs/about", "/plain/", "/a.txt.html", "//"] {
            assert_eq!(at(path), None, "{path}");
        }
    }
}
