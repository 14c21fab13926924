"""Versions of four numbers are no IPv4 addresses, addresses of small numbers are no versions."""

import pytest

from spacy_ssner.text.indicators import find_indicators

VERSIONS = [
    "a flaw in Acme Flash Player 9.0.47.0 and other products",
    "a vulnerability in Acme Database Server 10.1.0.5, 10.2.0.4, 11.1.0.7, 9.0.1.5 FIPS, and 11.2.0.3",
    "FooCart 3.0.3.8 contains a flaw",
    "in all versions up to, and including, 2.8.4.4 due to a missing check",
    "the supported version that is affected is 8.5.3.0.",
    "in versions between 8.1.0.0 - 8.1.0.1, 8.0.1.0 - 8.0.1.2, and 8.0.0.0",
    "Acme Suite 11.5.10.2, 12.1.1 and 12.1.2",
    "when fencer.sys 1.0.0.26 and mender.sys 1.2.0.27 are present, a buffer overflow",
    "the flaw was patched in Kirk 3.5.8.3, 3.6.6.3, and 3.9.6",
    "affected through 9.8 SP1 (9.8.1.5) and later",
    "an out-of-bounds read in Freeware Audio Coder (FAAC) 1.29.9.2.",
    "upgraded to 21.0.9.17, 22.2.10.22 or 23.0.12.17",
    "was found in 0.4.7.16.",
    "in its 1.5.0.0 version",
    "Affected Version(s): 2.5.1.8, 2.5.0.25, 2.4.1.19.",
    "Acme Personal Firewall 2006 9.1.0.33, and possibly earlier",
    "the driver (WG311ND5.SYS) 2.3.1.10 allows remote attackers to",
    "vulnerabilities in Acme Server (formerly Acme Lite) 10.3.0.3 and 11.1.0.0",
    "the Acme Network Manager 9.x prior to 9.2.9.55 may allow it",
    "an app (versionCode=7000100, versionName=7.0.1.0) that lets others",
    "and R6400 v2 1.0.4.128 were found",
    "See section 3.1.2.1 and Section 2.4.1.7.",
    "as Figure 4.5.5.2 and Figs. 4.5.5.3 and 4.5.5.4 show, see also § 4.5.6.1 (chapters 3.1.2.1, 3.1.2.2)",
    "4.5.5 Testing for OAuth Weaknesses\n4.5.5.1 Testing for OAuth Authorization Servers\n4.5.5.2 Testing for Clients",
    "## 4.7.11. Testing\nSome text.\n\n### 4.7.11.1. Testing for File Inclusion\n",
    "**4.5.5 Testing**\n**4.5.5.1 Clients**",
]
ADDRESSES = [
    "ping 8.8.8.8 -n 70",
    "cmd.exe /c ping.exe 8.8.8.8 -n 70",
    "Google Public DNS 8.8.8.8",
    "Resolve-DnsName evil -Server 1.1.1.1 | Out-File",
    "from Attacker Web 192.168.0.5 to Desk1 10.1.0.5 will do",
    "the C2 server 5.9.16.18 was down",
    "Toto (10.0.0.8) and arrakis (10.0.1.4)",
    "a single address (e.g. 4.3.2.1/32)",
    "as in RFC 1918 (i.e. 10.0.0.0/8, 172.16.0.0/12)",
    "blog.evil.org 80.255.3.87 other.evil.org 5.9.16.18",
    "Confidence: High 66.63.178.142 IP address",
    "the proxy 5.39.2.17:8080 and Kestrel 5.39.2.17:443",
    "the service binds to 0.0.0.0 by default",
    "ip addr add dev eth0 11.11.0.25 up, ifconfig veth_1_Peer 11.11.0.254 up",
    "seen in May 2021 5.9.16.18 and TCP 443 5.9.16.18",
    "its owner (Acme SAS) 5.9.16.18",
    "It beacons to Amazon 3.5.1.9 and 5.9.16.18.",
    "hosted at Harbour Freight Lines 45.9.20.1 since May",
    "Ashen Strike 5.188.9.2 team server",
    "Trickbot 5.2.3.9\nZeus 45.77.2.3",
    "from Russia 5.8.18.2 to Spain 5.9.16.18",
    "Malicious 8.8.4.4",
    "APT28 5.6.7.8 APT29 9.8.7.6",
    "resolves to 1.2.3.4, then to 127.0.0.1",
    "5.9.16 Moscow\nsome 5.9.16.18 Moscow\n5.9.16.19 is bad\n5.9.17.1 Kyiv",
    "5.9.16.18 Moscow\n5.9.16.19 Kyiv",
    "the network section 203.0.113.7 belongs to",
    "Ashen Lynx used 46.4.69.25[.] Then Zeus 5[.]9[.]16[.]18",
]


def addresses(text):
    return [hit.value for hit in find_indicators(text) if hit.kind == "IPV4"]


@pytest.mark.parametrize("text", VERSIONS)
def test_versions(text):
    assert addresses(text) == []


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses(text):
    assert addresses(text)


def test_every_address_of_a_list():
    text = "Acme Gateway: 5.9.16.18, 5.9.16.19 and 46.4.69.25; see 10.0.0.5, 10.0.0.6"
    assert addresses(text) == ["5.9.16.18", "5.9.16.19", "46.4.69.25", "10.0.0.5", "10.0.0.6"]
