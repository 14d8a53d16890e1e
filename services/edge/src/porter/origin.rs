//! Whose page sent a request, as its browser says: RFC 6454 `Origin` and the `Sec-Fetch-Site` of Fetch Metadata.
//!
//! A neighbour is a stranger too: another port of this host, another host of this domain. Programs send neither header;
//! they have a token, which no page has.

use axum::http::{HeaderMap, header};

#[derive(Debug)]
pub(super) struct Origins {
    scheme: String,
    /// Host and port, without the scheme's own port, in lower case.
    authority: String,
}

impl Origins {
    pub(super) fn new(public_url: &str) -> Self {
        let (scheme, authority) = public_url.split_once("://").unwrap_or(("http", public_url));
        let scheme = scheme.to_ascii_lowercase();
        Self { authority: plain(&scheme, authority), scheme }
    }

    /// A page that is not ours sent it, or one that does not say whose it is.
    pub(super) fn are_foreign(&self, headers: &HeaderMap) -> bool {
        let host = self.host(headers);
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let mut sites = headers.get_all("sec-fetch-site").iter();
        origins.any(|origin| !origin.to_str().is_ok_and(|origin| self.is_ours(origin, host.as_deref())))
            || sites.any(|site| site != "same-origin" && site != "none")
    }

    /// The page of ours a request comes from.
    pub(super) fn page(&self, headers: &HeaderMap) -> Option<String> {
        let page = headers.get(header::REFERER)?.to_str().ok()?;
        let (scheme, rest) = page.split_once("://")?;
        let authority = rest.split('/').next()?;
        let ours = self.is_ours(&format!("{scheme}://{authority}"), self.host(headers).as_deref());
        ours.then(|| page.to_owned())
    }

    fn host(&self, headers: &HeaderMap) -> Option<String> {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        Some(plain(&self.scheme, host))
    }

    /// `Origin: null`, of a page that hides where it is from, is nobody's.
    fn is_ours(&self, origin: &str, host: Option<&str>) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let authority = plain(&self.scheme, authority);
        scheme.eq_ignore_ascii_case(&self.scheme) && (authority == self.authority || Some(&*authority) == host)
    }
}

fn plain(scheme: &str, authority: &str) -> String {
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(own_port).unwrap_or(authority).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn foreign(public_url: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
        Origins::new(public_url).are_foreign(&headers.collect())
    }

    #[test]
    fn an_act_is_taken_from_our_own_pages_and_from_programs() {
        let ours = "https://vigie.example.org";
        for headers in [
            &[][..],
            &[("origin", "https://vigie.example.org"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://VIGIE.example.org:443")],
            &[("sec-fetch-site", "none")],
            &[("host", "vigie.intern:8443"), ("origin", "https://vigie.intern:8443")],
        ] {
            assert!(!foreign(ours, headers), "{headers:?}");
        }
        for headers in [
            &[("origin", "https://evil.example.org")][..],
            &[("origin", "https://vigie.example.org:8443")],
            &[("origin", "http://vigie.example.org")],
            &[("origin", "https://vigie.example.org.evil.org")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("origin", "")],
            &[("origin", "https://vigie.example.org"), ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("origin", "https://vigie.example.org"), ("origin", "https://evil.example.org")],
            &[("host", "vigie.intern"), ("origin", "http://vigie.intern")],
        ] {
            assert!(foreign(ours, headers), "{headers:?}");
        }
    }

    #[test]
    fn only_a_page_of_ours_is_led_back_to() {
        let page = |from: &'static str| {
            let headers = [(header::REFERER, HeaderValue::from_static(from))].into_iter().collect();
            Origins::new("https://vigie.example.org").page(&headers)
        };
        let ours = "https://vigie.example.org/annuaire/x?fait=y";
        assert_eq!(page(ours).as_deref(), Some(ours));
        for elsewhere in ["https://vigie.example.org@evil.org/", "https://evil.org/", "//evil.org/", "/annuaire", ""] {
            assert_eq!(page(elsewhere), None, "{elsewhere}");
        }
    }
}
