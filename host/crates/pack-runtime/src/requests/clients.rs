//! The clients that send requests of components, and the addresses that they may reach.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

/// Longest time until a connection is made.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence within an answer.
const SILENCE: Duration = Duration::from_mins(5);

/// The clients of the host. Each is made on first use, since reading the machine's certificates takes time.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    public: OnceLock<Result<reqwest::Client, String>>,
    any: OnceLock<Result<reqwest::Client, String>>,
}

impl Clients {
    /// The client that reaches any address, or only public ones.
    pub(crate) fn client(&self, reaches_private: bool) -> Result<reqwest::Client, String> {
        if reaches_private {
            self.any.get_or_init(|| made(reqwest::Client::builder())).clone()
        } else {
            self.public.get_or_init(|| made(reqwest::Client::builder().dns_resolver(PublicOnly))).clone()
        }
    }
}

fn made(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, String> {
    // An error means that a provider is already installed, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    builder
        .redirect(Policy::none())
        // A proxy would resolve names on its own.
        .no_proxy()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .build()
        .map_err(|error| format!("no request can be made: {error}"))
}

/// Resolves names to public addresses alone.
struct PublicOnly;

/// A name that leads to private addresses alone.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to private addresses only")]
struct NotPublic(String);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found.filter(|address| !is_in_private_network(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic(name.as_str().to_owned()).into());
            }
            Ok::<Addrs, Box<dyn Error + Send + Sync>>(Box::new(public.into_iter()))
        })
    }
}

/// Whether a request failed because the name of its host leads into a private network.
pub(super) fn is_private(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether an address belongs to this machine, to a private network, or to none.
fn is_in_private_network(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        // For protocols (some clouds have their metadata there), shared by carriers, for benchmarks, and reserved.
        || (first == 192 && second == 0 && third == 0)
        || (first == 100 && second & 0xc0 == 64)
        || (first == 198 && second & 0xfe == 18)
        || first >= 240
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    // An IPv4 address in one of IPv6: mapped, or for translation (RFC 6052) or tunnels (RFC 3056).
    let segments = address.segments();
    let [a, b, c, .., high, low] = segments;
    let v4 = |high: u16, low: u16| {
        let ([first, second], [third, fourth]) = (high.to_be_bytes(), low.to_be_bytes());
        is_private_v4(Ipv4Addr::new(first, second, third, fourth))
    };
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || address.is_multicast()
        || address.to_ipv4_mapped().is_some_and(is_private_v4)
        // Within a site, and IPv4 addresses as they once were written; neither is in use on public networks.
        || a & 0xffc0 == 0xfec0
        || matches!(segments, [0, 0, 0, 0, 0, 0, ..])
        // Translation at one place only (RFC 8215) leads wherever that place says.
        || (a == 0x64 && b == 0xff9b && c == 1)
        || (a == 0x64 && b == 0xff9b && v4(high, low))
        || (a == 0x2002 && v4(b, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_resolved() {
        let Err(told) = PublicOnly.resolve("localhost".parse().unwrap()).await else {
            panic!("it was resolved")
        };
        assert!(told.is::<NotPublic>(), "{told}");
    }

    #[test]
    fn addresses_are_private_or_public() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("192.168.1.1", true),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("198.18.0.1", true),
            ("0.0.0.0", true),
            ("255.255.255.255", true),
            ("::1", true),
            ("::", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::ffff:10.0.0.1", true),
            ("64:ff9b::a00:1", true),
            ("2002:a00:1::", true),
            ("192.0.0.192", true),
            ("fec0::1", true),
            ("::127.0.0.1", true),
            ("64:ff9b:1::909:909", true),
            ("9.9.9.9", false),
            ("100.128.0.1", false),
            ("172.32.0.1", false),
            ("2620:fe::fe", false),
            ("::ffff:9.9.9.9", false),
            ("64:ff9b::909:909", false),
        ] {
            assert_eq!(is_in_private_network(address.parse().unwrap()), expected, "{address}");
        }
    }
}
