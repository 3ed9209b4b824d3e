//! Addresses that belong to this machine, to a private network, or to none.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to this machine, to a private network, or to none.
pub fn is_in_private_network(address: IpAddr) -> bool {
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
