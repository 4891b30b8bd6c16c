//! Whose a request is: what fairness and limits go by.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::net::IpAddr;
use std::sync::Arc;

use fair::Flow;
use http::HeaderMap;
use ipnet::IpNet;

use crate::settings::{LimitsSettings, ProxyHeader};

/// A client, as far as it can be told from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Who shows a token of this name.
    Token(Arc<str>),
    /// All of a network: one machine has many addresses of IPv6, and many have neighbours of IPv4.
    Network(IpNet),
}

impl Client {
    /// A number for it, the same in all gateways: whose request it is where turns are taken.
    pub(crate) fn flow(&self) -> Flow {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        Flow(hasher.finish().max(1))
    }
}

/// How clients are told apart.
#[derive(Debug)]
pub(super) struct Clients {
    trusted: Vec<IpNet>,
    header: ProxyHeader,
    prefix_v4: u8,
    prefix_v6: u8,
}

impl Clients {
    pub(super) fn new(settings: &LimitsSettings) -> Self {
        Self {
            trusted: settings.trusted_proxies.clone(),
            header: settings.proxy_header,
            prefix_v4: settings.network_prefix_v4.min(32),
            prefix_v6: settings.network_prefix_v6.min(128),
        }
    }

    /// The client's network: of the other end of the connection or, where that is a proxy that is trusted, of the one
    /// that it names, and so on. What others say of themselves counts for nothing.
    pub(super) fn network(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let mut address = peer.to_canonical();
        if self.is_trusted(address) {
            for named in self.named(headers).into_iter().rev() {
                let Some(named) = named else { break };
                address = named.to_canonical();
                if !self.is_trusted(address) {
                    break;
                }
            }
        }
        let prefix = if address.is_ipv4() { self.prefix_v4 } else { self.prefix_v6 };
        Client::Network(IpNet::new(address, prefix).map_or(IpNet::from(address), |network| network.trunc()))
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// The addresses that proxies saw, the farthest first; none where one is no address.
    fn named(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let (name, address): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ProxyHeader::XForwardedFor => ("x-forwarded-for", parsed),
            ProxyHeader::Forwarded => ("forwarded", forwarded_for),
        };
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        values.flat_map(|value| value.split(',')).map(address).collect()
    }
}

/// The address of `for=` in an element of `Forwarded` (RFC 7239).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut addresses = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for"));
    parsed(addresses.next()?.1.trim_matches('"'))
}

/// An address, with or without a port and brackets.
fn parsed(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().map(|with_port: std::net::SocketAddr| with_port.ip()))
        .or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &LimitsSettings, peer: &str, headers: &[(&str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        match Clients::new(settings).network(peer.parse().unwrap(), &map) {
            Client::Network(network) => network.to_string(),
            Client::Token(name) => name.to_string(),
        }
    }

    fn behind(header: ProxyHeader) -> LimitsSettings {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        LimitsSettings { trusted_proxies, proxy_header: header, ..LimitsSettings::default() }
    }

    #[test]
    fn a_client_is_its_network() {
        let settings = LimitsSettings::default();
        assert_eq!(of(&settings, "192.0.2.77", &[]), "192.0.2.0/24");
        assert_eq!(of(&settings, "::ffff:192.0.2.77", &[]), "192.0.2.0/24");
        assert_eq!(of(&settings, "2001:db8:1:2ff::5", &[]), "2001:db8:1:200::/56");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_saw_itself() {
        let spoofed = [("x-forwarded-for", "198.51.100.1")];
        assert_eq!(of(&LimitsSettings::default(), "10.1.1.1", &spoofed), "10.1.1.0/24");
        let settings = behind(ProxyHeader::XForwardedFor);
        assert_eq!(of(&settings, "192.0.2.7", &spoofed), "192.0.2.0/24");
        assert_eq!(of(&settings, "10.1.1.1", &spoofed), "198.51.100.0/24");
        // The first was sent by the client; the last by the proxy next to us, the one before by the one before.
        let chain = [("x-forwarded-for", "203.0.113.9, 198.51.100.1"), ("x-forwarded-for", "10.2.2.2")];
        assert_eq!(of(&settings, "10.1.1.1", &chain), "198.51.100.0/24");
        for nonsense in ["", "unknown", "203.0.113.9, nobody"] {
            assert_eq!(
                of(&settings, "10.1.1.1", &[("x-forwarded-for", nonsense)]),
                "10.1.1.0/24",
                "{nonsense}"
            );
        }
        let other = [("forwarded", "for=203.0.113.9")];
        assert_eq!(of(&settings, "10.1.1.1", &other), "10.1.1.0/24", "not the header that the proxy sets");
    }

    #[test]
    fn addresses_are_read_in_each_of_their_spellings() {
        let settings = behind(ProxyHeader::Forwarded);
        for (header, network) in [
            ("for=198.51.100.1;proto=https", "198.51.100.0/24"),
            ("proto=https; For=\"198.51.100.1:4711\"", "198.51.100.0/24"),
            ("for=\"[2001:db8::17]:4711\"", "2001:db8::/56"),
            ("for=\"[2001:db8::17]\"", "2001:db8::/56"),
            ("for=_hidden", "10.1.1.0/24"),
        ] {
            assert_eq!(of(&settings, "10.1.1.1", &[("forwarded", header)]), network, "{header}");
        }
    }
}
