//! Addresses in every notation that a resolver takes, for the set `ssrf`.
//!
//! In: addresses inside and outside of the ranges that only an inner network reaches. Out: texts that the set must block
//! or let pass. What the page of the set says it does not cover is left out here, by the same words.

use super::{SETS, blocked_by, blocks, policy_of};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The first, the last and one between of each range that is blocked.
const INSIDE: [[u8; 4]; 22] = [
    [127, 0, 0, 1],
    [127, 255, 255, 254],
    [127, 8, 200, 3],
    [10, 0, 0, 1],
    [10, 255, 255, 255],
    [10, 8, 20, 30],
    [172, 16, 0, 1],
    [172, 31, 255, 255],
    [172, 20, 10, 2],
    [192, 168, 0, 1],
    [192, 168, 255, 255],
    [192, 168, 178, 20],
    [169, 254, 0, 1],
    [169, 254, 169, 254],
    [169, 254, 255, 255],
    [169, 254, 170, 2],
    [100, 64, 0, 1],
    [100, 100, 100, 200],
    [100, 127, 255, 255],
    [100, 99, 1, 1],
    [127, 0, 1, 1],
    [10, 10, 10, 10],
];

/// Neighbours of the ranges, and well-known public addresses.
const OUTSIDE: [[u8; 4]; 14] = [
    [8, 8, 8, 8],
    [1, 1, 1, 1],
    [9, 255, 255, 255],
    [11, 0, 0, 1],
    [126, 255, 255, 255],
    [128, 0, 0, 1],
    [172, 15, 255, 255],
    [172, 32, 0, 1],
    [192, 167, 255, 255],
    [192, 169, 0, 1],
    [169, 253, 1, 1],
    [169, 255, 0, 1],
    [100, 63, 255, 255],
    [100, 128, 0, 1],
];

/// How a number of an address is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Radix {
    Decimal,
    Octal,
    LongOctal,
    Hexadecimal,
    UpperHexadecimal,
    LongHexadecimal,
}

impl Radix {
    const ALL: [Self; 6] =
        [Self::Decimal, Self::Octal, Self::LongOctal, Self::Hexadecimal, Self::UpperHexadecimal, Self::LongHexadecimal];

    fn write(self, number: u32) -> String {
        match self {
            Self::Decimal => number.to_string(),
            Self::Octal => format!("0{number:o}"),
            Self::LongOctal => format!("000{number:o}"),
            Self::Hexadecimal => format!("0x{number:x}"),
            Self::UpperHexadecimal => format!("0X{number:X}"),
            Self::LongHexadecimal => format!("0x{number:08x}"),
        }
    }

    fn is_octal(self) -> bool {
        matches!(self, Self::Octal | Self::LongOctal)
    }
}

/// The one to four numbers that `inet_aton` takes for an address.
fn parts(address: [u8; 4]) -> [Vec<u32>; 4] {
    let [a, b, c, d] = address.map(u32::from);
    [vec![u32::from_be_bytes(address)], vec![a, b << 16 | c << 8 | d], vec![a, b, c << 8 | d], vec![a, b, c, d]]
}

/// All notations of an address of IPv4, each with whether the page says that it passes if it stands alone.
fn notations(address: [u8; 4]) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    for numbers in parts(address) {
        for first in Radix::ALL {
            for rest in Radix::ALL {
                let radices = std::iter::once(first).chain(std::iter::repeat(rest));
                let written: Vec<_> = numbers.iter().zip(radices).map(|(number, radix)| radix.write(*number)).collect();
                all.push((written.join("."), passes_alone(address, &numbers, first, rest)));
            }
        }
    }
    let [a, b, c, d] = address;
    all.push((format!("{a}.0x{b:x}.0{c:o}.{d}"), false));
    all.push((format!("0{a:o}.{b}.0x{c:x}.0{d:o}"), false));
    all
}

/// What "What it does not cover" says of texts that are nothing but a host.
fn passes_alone(address: [u8; 4], numbers: &[u32], first: Radix, rest: Radix) -> bool {
    let is_famous = matches!(address, [127, 0, 0, 1] | [169, 254, 169, 254]);
    let is_plain = first == Radix::Decimal && matches!(address, [127 | 10, ..]);
    match numbers.len() {
        1 => !is_famous && (first == Radix::Decimal || first.is_octal()),
        2 if address == [127, 0, 0, 1] => false,
        2 if is_plain => rest == Radix::Decimal || rest.is_octal(),
        2 if matches!(address, [127 | 10, ..]) => false,
        2 => rest == Radix::Decimal,
        3 => is_plain && address.first() == Some(&10) && (rest == Radix::Decimal || rest.is_octal()),
        _ => false,
    }
}

/// A host where a URL has it.
fn urls(host: &str) -> Vec<String> {
    vec![
        format!("http://{host}/"),
        format!("https://{host}:8443/x?y#z"),
        format!("ftp://{host}"),
        format!("//{host}/x"),
        format!("http:\\\\{host}\\x"),
        format!("http://user:word@{host}/"),
        format!("http://public.example@{host}:80"),
        format!("see <http://{host}>, please"),
    ]
}

/// A host alone in the argument.
fn alone(host: &str) -> Vec<String> {
    vec![host.to_owned(), format!(" {host}\n"), format!("{host}:8080"), format!("user@{host}")]
}

/// The ways to write an address of IPv6.
fn notations_of_six(address: Ipv6Addr) -> Vec<String> {
    let groups = address.segments();
    let full: Vec<_> = groups.iter().map(|group| format!("{group:04x}")).collect();
    let short: Vec<_> = groups.iter().map(|group| format!("{group:x}")).collect();
    let mut all = vec![address.to_string(), full.join(":"), short.join(":")];
    all.extend(all.clone().iter().map(|text| text.to_uppercase()));
    all
}

/// The addresses of IPv6 that lead to an address of IPv4.
fn carriers([a, b, c, d]: [u8; 4]) -> Vec<Ipv6Addr> {
    let [high, low] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    vec![
        Ipv4Addr::new(a, b, c, d).to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 0),
    ]
}

/// What was judged otherwise than it must be, with the reasons.
fn misjudged(texts: impl IntoIterator<Item = String>, must_block: bool) -> Vec<String> {
    let policy = policy_of("ssrf");
    let set = SETS.iter().find(|set| set.name == "ssrf").unwrap();
    let wrong = texts.into_iter().filter(|text| blocks(policy, text) != must_block).take(40);
    wrong.map(|text| if must_block { text } else { format!("{text}: {:?}", blocked_by(set, &text)) }).collect()
}

#[test]
fn an_inner_address_is_blocked_in_every_notation_where_a_url_has_its_host() {
    let hosts = INSIDE.into_iter().flat_map(notations).map(|(host, _)| host);
    let texts = hosts.flat_map(|host| urls(&host).into_iter().chain(urls(&format!("{host}."))).collect::<Vec<_>>());
    assert_eq!(misjudged(texts, true), Vec::<String>::new());
}

#[test]
fn an_inner_address_is_blocked_alone_in_every_notation_that_the_page_does_not_leave_out() {
    let hosts = || INSIDE.into_iter().flat_map(notations);
    let blocked = hosts().filter(|(_, passes)| !passes).flat_map(|(host, _)| alone(&host));
    assert_eq!(misjudged(blocked, true), Vec::<String>::new());
    let passing = hosts().filter(|(_, passes)| *passes).map(|(host, _)| host);
    assert_eq!(misjudged(passing, false), Vec::<String>::new(), "the page says that these pass");
}

#[test]
fn a_public_address_passes_in_dotted_decimal_and_alone_in_every_notation() {
    for address in OUTSIDE {
        let dotted = Ipv4Addr::from(address).to_string();
        let texts = urls(&dotted).into_iter().chain(urls(&format!("{dotted}."))).chain(alone(&dotted));
        assert_eq!(misjudged(texts, false), Vec::<String>::new());
        let texts = notations(address).into_iter().flat_map(|(host, _)| alone(&host));
        assert_eq!(misjudged(texts, false), Vec::<String>::new());
    }
}

#[test]
fn a_public_address_in_another_notation_is_blocked_where_a_url_has_its_host_as_the_page_says() {
    let dotted = Ipv4Addr::new(8, 8, 8, 8).to_string();
    let hosts = notations([8, 8, 8, 8]).into_iter().map(|(host, _)| host).filter(|host| *host != dotted);
    assert_eq!(misjudged(hosts.map(|host| format!("http://{host}/")), true), Vec::<String>::new());
}

#[test]
fn an_inner_address_of_ipv6_is_blocked_in_every_notation() {
    let native =
        ["::1", "fe80::1", "febf::a:1", "fc00::1", "fd00:ec2::254", "fdff:1:2:3:4:5:6:7", "ff02::1", "2001::1"];
    let native = native.into_iter().map(|text| text.parse::<Ipv6Addr>().unwrap());
    for address in native.chain(INSIDE.into_iter().flat_map(carriers)) {
        for text in notations_of_six(address) {
            let [bracketed, zone] = [format!("[{text}]"), format!("[{text}%25eth0]")];
            let hosts = [&bracketed, &zone].into_iter().flat_map(|host| urls(host));
            let texts =
                hosts.chain([bracketed.clone(), format!("{bracketed}:80"), text.clone(), format!("{text}%eth0")]);
            assert_eq!(misjudged(texts, true), Vec::<String>::new());
        }
    }
    assert_eq!(misjudged(urls("[::]"), true), Vec::<String>::new());
}

#[test]
fn a_public_address_of_ipv6_passes_in_every_notation() {
    for text in ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:81b::200e", "2003:1::1"] {
        for text in notations_of_six(text.parse().unwrap()) {
            let texts = urls(&format!("[{text}]")).into_iter().chain([text.clone(), format!("[{text}]:80")]);
            assert_eq!(misjudged(texts, false), Vec::<String>::new());
        }
    }
}
