//! Where a request comes from, behind the proxies that are trusted.

use std::net::IpAddr;

use axum::http::HeaderMap;

/// The client of a connection from `remote`: the last address of `X-Forwarded-For` that is no proxy of ours, when the
/// connection is from one. Anybody can write that header; only what our proxies appended is true.
pub(super) fn client(remote: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    if !proxies.contains(&remote) {
        return remote;
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    for address in forwarded.into_iter().rev() {
        // A word that is no address was not written by a proxy of ours.
        let Ok(address) = address.parse::<IpAddr>() else { return remote };
        let address = address.to_canonical();
        if !proxies.contains(&address) {
            return address;
        }
    }
    remote
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_header_is_believed_from_a_proxy_of_ours_only_and_as_far_as_it_wrote_it() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let proxies = [ip("10.0.0.1"), ip("10.0.0.2")];
        for (remote, forwarded, client_is) in [
            ("192.0.2.9", "203.0.113.7", "192.0.2.9"),
            ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
            ("10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
            ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
            ("10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
        ] {
            let headers: HeaderMap =
                [("x-forwarded-for".parse().unwrap(), HeaderValue::from_str(forwarded).unwrap())].into_iter().collect();
            assert_eq!(client(ip(remote), &headers, &proxies), ip(client_is), "{remote} {forwarded}");
        }
    }
}
